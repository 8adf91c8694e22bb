"""Sources, target and flags of ``convert`` are understood once: which kind of conversion is asked for."""

from __future__ import annotations

import pytest

from mlarray_core.errors import ArgumentError, OptionError
from mlarray_io.requests.request import ConvertFlags, Kind, flags_of, journal_of, parse


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("images", "out", "stack.zarr"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a.npy").write_bytes(b"x")
    (tmp_path / "list.txt").write_text("a.npy")
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "target", "flags", "kind"),
    [
        (["a.npy"], "b.mla", {}, Kind.ONE),
        (["images"], "b.mla", {}, Kind.ONE),
        (["a.npy"], "new", {}, Kind.ONE),  # no format writes a file without suffix, which is said then
        (["a.npy"], "new/", {}, Kind.EACH),
        (["a.npy"], "out", {}, Kind.EACH),
        (["a.npy"], "new", {"every": True}, Kind.EACH),
        (["images"], "new", {}, Kind.BATCH),
        (["images"], "out", {"every": True}, Kind.BATCH),
        (["images", "a.npy"], "out", {}, Kind.BATCH),
        (["@list.txt"], "out", {}, Kind.BATCH),
        (["images/*.nii"], "out", {}, Kind.BATCH),
        (["a.npy"], "b.mla", {"verify": True}, Kind.BATCH),
        (["a.npy"], "out", {"name": "{PatientID}"}, Kind.BATCH),
        (["a.npy"], "b.mla", {"scheduler": "tcp://x"}, Kind.TOGETHER),
        (["images"], "out", {"scheduler": "tcp://x"}, Kind.BATCH),
        (["a.npy"], "b.mla", {"scheduler": "tcp://x", "verify": True}, Kind.BATCH),
    ],
)
def test_kinds(tree, sources, target, flags, kind):
    assert parse(sources, target, ConvertFlags(**flags)).kind is kind


def test_the_one_target_has_its_format_and_no_template(tree):
    request = parse(["a.npy"], "b.nii.gz", ConvertFlags(verify=True))
    assert (request.single, request.settings.target_format) == (True, "nifti")
    with pytest.raises(OptionError, match="has its name already"):
        parse(["a.npy"], "b.mla", ConvertFlags(name="{PatientID}"))


@pytest.mark.parametrize(("sources", "target"), [([""], "out"), (["a.npy", ""], "out"), (["a.npy"], "")])
def test_an_empty_text_is_no_source(tree, sources, target):
    """An unset variable of a shell would otherwise be the current folder."""
    with pytest.raises(ArgumentError, match="empty text"):
        parse(sources, target, ConvertFlags())


def test_flags_are_typed(tree):
    flags = flags_of({"force": True, "pairs": ("a=b",), "max_bytes": "2k", "stats": "yes"})
    settings = flags.settings()
    assert (settings.overwrite, settings.options, settings.max_bytes) == (True, {"a": "b"}, 2048)
    assert settings.layout == {"stats": "yes"}
    assert journal_of(parse(["images"], "out", flags)) is None
    slices = "several sources need a folder"
    with pytest.raises(OptionError, match=slices) as caught:
        parse(["images/*.dcm"], "volume.mla", ConvertFlags())
    assert "give their folder" in (caught.value.hint or "")
