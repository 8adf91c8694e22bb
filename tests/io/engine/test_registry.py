"""Plugins load one by one; sources are identified by content before name; missing libraries are explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import errors
from mlarray_io import Confidence, Format, Reader, Source
from mlarray_io.engine.registry import Registry, installed
from mlarray_io.engine.suffixes import FOLDERS


class Base(Format):
    answer = Confidence.NO

    def sniff(self, source):
        return self.answer

    def open(self, source, image, options, context):
        return Reader()

    def write(self, reader, target, options, context):
        pass


def make(name, answer=Confidence.NO, **more):
    return type("Made", (Base,), {"name": name, "answer": answer, **more})()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(b"content")
    return Source(path)


def test_content_before_name(source):
    by_name = make("a", Confidence.SUFFIX, suffixes=(".nii.gz",))
    by_content = make("b", Confidence.SIGNATURE)
    parsed = make("c", Confidence.PARSED)
    assert Registry([by_name, by_content]).identify(source) is by_content
    assert Registry([by_name, by_content, parsed]).identify(source) is parsed
    assert [format.name for format, _ in Registry([by_name, by_content, parsed]).claims(source)] == [
        "c",
        "b",
        "a",
    ]


def test_ties_go_to_the_longest_suffix_then_the_name(source):
    gz, nii = (
        make("a", Confidence.SUFFIX, suffixes=(".gz",)),
        make("z", Confidence.SUFFIX, suffixes=(".nii.gz",)),
    )
    assert Registry([gz, nii]).identify(source) is nii
    b, a = make("b", Confidence.PARSED), make("a", Confidence.PARSED)
    assert Registry([b, a]).identify(source) is a


def test_a_sniff_that_raises_claims_nothing(source):
    class Broken(Base):
        name = "broken"

        def sniff(self, source):
            raise RuntimeError("boom")

    good = make("good", Confidence.SUFFIX)
    registry = Registry([Broken(), good])
    assert registry.identify(source) is good
    assert "boom" in registry.broken["broken"]


def test_unknown_and_forced(source):
    registry = Registry([make("only", reads=False), make("other")])
    with pytest.raises(errors.UnknownFormatError, match="mlarray formats"):
        registry.identify(source)
    assert registry.identify(source, "other").name == "other"
    with pytest.raises(errors.UnsupportedError, match="can't be read"):
        registry.identify(source, "only")
    with pytest.raises(errors.OptionError, match="Did you mean other"):
        registry.identify(source, "othr")


def test_missing_libraries_are_explained(source):
    needy = make(
        "needy", Confidence.PARSED, requires=("no_such_library",), install="mlarray[needy]", suffixes=(".x",)
    )
    registry = Registry([needy, make("weak", Confidence.SUFFIX)])
    with pytest.raises(
        errors.MissingDependencyError, match=r"no_such_library.*pip install 'mlarray\[needy\]'"
    ):
        registry.identify(source)
    with pytest.raises(errors.MissingDependencyError, match="pip install"):
        registry.for_target("a.x")
    able = make("able", Confidence.PARSED)
    assert Registry([needy, able]).identify(source) is able


def test_targets_by_the_longest_suffix_in_any_case():
    gz, nii = make("gz", suffixes=(".gz",)), make("nii", suffixes=(".nii", ".nii.gz"))
    registry = Registry([gz, nii])
    assert registry.for_target("A.NII.GZ") is nii
    assert registry.for_target("a.gz") is gz
    assert registry.for_target("a.nii", "nii") is nii
    with pytest.raises(errors.UnsupportedError, match=r"End it in .nii.gz; 'mlarray formats' lists all"):
        registry.for_target("a.dat")
    with pytest.raises(errors.OptionError, match=r"End it in .nii or .nii.gz"):
        registry.for_target("a.dat", "nii")


def test_targets_that_can_only_be_read():
    class ReadOnly(Base):
        name, suffixes, write = "reader", (".ro",), Format.write

    with pytest.raises(errors.UnsupportedError, match="reader can't be written"):
        Registry([ReadOnly()]).for_target("a.ro")
    writer = make("writer", suffixes=(".ro",))
    assert Registry([ReadOnly(), writer]).for_target("a.ro") is writer


GOOD = """
from mlarray_io import Format, hookimpl
class Good(Format):
    name = {name!r}
@hookimpl
def mlarray_formats():
    return [Good()]
"""


HOOK = """
from mlarray_io import hookimpl
@hookimpl
def mlarray_formats({}):
    {}
"""


def test_broken_plugins_stop_no_other(install):
    install(
        good=GOOD.format(name="good"),
        absent="import no_such_library",
        leaving="raise SystemExit(1)",
        hookless="x = 1",
        raising=HOOK.format("", "raise ValueError('boom')"),
        lying=HOOK.format("", "return ['nifti']"),
        wordy=HOOK.format("extra", "return []"),
        thief=GOOD.format(name="mla"),
    )
    registry = Registry.load()
    assert {"good", "mla"} <= {format.name for format in registry.formats}
    assert registry.plugins["mla"] == "mla"
    expected = {
        "absent": "no_such_library",
        "leaving": "SystemExit",
        "hookless": "@hookimpl",
        "raising": "boom",
        "lying": "'nifti'",
        "wordy": "extra",
        "thief": "taken",
    }
    for name, text in expected.items():
        assert text in registry.broken[name], name
    with pytest.raises(errors.OptionError, match="no_such_library"):
        registry.get("absent")


@pytest.mark.parametrize(
    ("limit", "names"),
    [("", {"mla"}), ("good", {"mla", "good"}), (" good , mla ", {"mla", "good"}), ("none", {"mla"})],
)
def test_the_environment_limits_what_loads(install, monkeypatch, limit, names):
    install(good=GOOD.format(name="good"), other=GOOD.format(name="other"))
    monkeypatch.setenv("MLARRAY_PLUGINS", limit)
    registry = installed()
    assert {format.name for format in registry.formats} == names
    assert registry.broken == {}


def waiting(registry):
    return {plugin.point.name for plugin in registry._waiting}


def test_plugins_whose_suffix_fits_are_loaded_first_and_the_others_when_they_are_needed(tmp_path):
    path = tmp_path / "scan.nrrd"
    path.write_bytes(b"NRRD0004\ntype: uint8\ndimension: 1\nsizes: 1\nencoding: raw\n\n\0")
    registry = Registry.load()
    everything = waiting(registry)
    assert registry.identify(Source(path)).name == "nrrd"
    assert registry.for_target("a.mla").name == "mla"
    assert everything - waiting(registry) == {"nrrd", "mla"}
    wrong = path.rename(tmp_path / "scan.png")
    assert registry.identify(Source(wrong)).name == "nrrd"
    assert waiting(registry) == set()


def test_a_format_is_loaded_by_its_name():
    registry = Registry.load()
    everything = waiting(registry)
    assert registry.get("NIfTI").name == "nifti"
    assert registry.kind("tif")[0].name == "tiff"
    assert registry.find("no such format") is None
    assert everything - waiting(registry) == {"nifti", "tiff"}


def test_a_guest_takes_no_name_of_a_format_that_waits(install):
    install(thief=GOOD.format(name="nifti"))
    registry = Registry.load()
    registry.for_target("a.mla")
    assert registry.get("nifti").title.startswith("NIfTI-1")
    assert "taken" in registry.broken["thief"]


DATA = Path(__file__).parents[2] / "data"
HOLDING = sorted({path.parent for path in DATA.rglob("*") if path.is_file()})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a folder of each format that writes folders, under a name that says nothing."""
    pytest.importorskip("pydicom")
    top, found = tmp_path_factory.mktemp("folders"), []
    for suffix in (".dcms", ".ome.zarr", ".pngs"):
        image = mlarray.MLArray(np.arange(60, dtype="u2").reshape(3, 4, 5), spacing=(1, 1, 1))
        mlarray.write(image, top / f"a{suffix}")
        found.append((top / f"a{suffix}").rename(top / suffix[1:].replace(".", "_")))
    return found


def test_a_folder_is_taken_by_the_same_format_whether_all_are_asked_or_few(made):
    for folder in (*made, *HOLDING):
        few, everyone = Registry.load().surest(Source(folder)), installed().claims(Source(folder))[:1]
        found = [] if few is None else [(few[0].name, few[1])]
        assert found == [(one.name, how) for one, how in everyone], folder
    assert [Registry.load().surest(Source(folder))[0].name for folder in made] == [
        "dicom",
        "zarr",
        "pictures",
    ]


def test_a_folder_loads_only_plugins_that_know_folders(made):
    registry = Registry.load()
    registry.surest(Source(made[0]))
    assert {registry._plugins[name] for name in registry._loaded} <= FOLDERS


def test_plugins_that_know_no_folder_say_so_of_every_one(made):
    registry = Registry.load()
    others = [one for one in registry.formats if registry.plugins[one.name] not in FOLDERS]
    assert len(others) > 30
    for format in others:
        assert not [path for path in (*made, *HOLDING) if registry.confidence(format, Source(path))]
