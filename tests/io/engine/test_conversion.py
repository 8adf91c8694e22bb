"""The engine: what it converts, what it refuses, and what it leaves behind when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import mlarray
from mlarray_core import errors, geometry
from mlarray_io import api
from mlarray_io.engine.conversion import convert_all
from mlarray_io.engine.result import Conversion, Failure
from mlarray_io.engine.settings import Settings
from mlarray_io.places.place import place_of


def entries(folder):
    return sorted(os.listdir(folder))


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_to_mla_and_back(scan, out, voxels):
    done = api.convert(scan, out / "a.mla")
    assert (done.source_format, done.target_format) == ("toy", "mla")
    assert (done.shape, done.dtype, done.spacing) == ((3, 4, 5), "int16", [4.0, 3.0, 2.0])
    assert done.target_bytes == (out / "a.mla").stat().st_size
    assert done.voxel_bytes == voxels.nbytes
    assert done.losses == ()
    api.convert(out / "a.mla", out / "b.toy")
    first, second = api.read(scan), api.read(out / "b.toy")
    np.testing.assert_array_equal(second.to_numpy(), voxels)
    np.testing.assert_array_equal(second.affine, first.affine)
    assert api.info(out / "a.mla")._image_meta_format == "toy"
    assert entries(out) == ["a.mla", "b.toy"]


def test_any_to_any(scan, out, voxels):
    api.convert(scan, out / "copy.toy.txt")
    np.testing.assert_array_equal(api.read(out / "copy.toy.txt").to_numpy(), voxels)


def test_misnamed_source(scan, out, voxels):
    wrong = scan.rename(scan.with_suffix(".nii"))
    assert api.convert(wrong, out / "a.mla").source_format == "toy"


def test_existing_target(scan, out):
    target = out / "a.mla"
    target.write_bytes(b"precious")
    with pytest.raises(errors.ExistsError, match="--force"):
        api.convert(scan, target)
    assert target.read_bytes() == b"precious"
    api.convert(scan, target, overwrite=True)
    assert api.info(target).spatial.shape == [3, 4, 5]


@pytest.mark.parametrize("where", ["read_fails", "open_fails", "write_fails"])
@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("eof", errors.CorruptError),
        ("vague", errors.CorruptError),
        ("memory", errors.LimitError),
        ("recursion", errors.CorruptError),
        ("value", errors.PluginError),
        ("index", errors.PluginError),
        ("missing", errors.MissingDependencyError),
        ("later", errors.UnsupportedError),
        ("io", errors.ReadError),
        ("full", errors.ReadError),
    ],
)
def test_failures_are_explained_and_leave_nothing(scan, out, where, failure, error):
    if where == "write_fails":
        error = {"io": errors.WriteError, "full": errors.WriteError}.get(failure, error)
        error = {"eof": errors.PluginError, "vague": errors.PluginError}.get(failure, error)
        error = errors.PluginError if failure == "recursion" else error
    target = out / "b.toy"
    target.write_bytes(b"precious")
    with pytest.raises(error) as caught:
        api.convert(scan, target, options={where: failure}, overwrite=True)
    assert caught.value.path == str(target if where == "write_fails" else scan)
    assert target.read_bytes() == b"precious"
    assert entries(out) == ["b.toy"]


@pytest.mark.parametrize("failure", ["interrupt", "exit"])
@pytest.mark.parametrize("where", ["read_fails", "open_fails", "write_fails"])
def test_interruptions_pass_and_leave_nothing(scan, out, where, failure):
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        api.convert(scan, out / "b.toy", options={where: failure})
    assert entries(out) == []


@pytest.mark.parametrize("wrong", ["shape", "dtype"])
def test_a_reader_that_breaks_its_word(scan, out, wrong):
    with pytest.raises(errors.PluginError, match="was asked for"):
        api.convert(scan, out / "a.mla", options={"wrong": wrong})
    assert entries(out) == []


def test_losses_are_reported_and_strict_refuses(scan, out):
    done = api.convert(scan, out / "b.toy", options={"lose": "colour"})
    assert [str(loss) for loss in done.losses] == ["colour: a toy has no room"]
    with pytest.raises(errors.LossError, match="colour"):
        api.convert(scan, out / "c.toy", options={"lose": "colour"}, strict=True)
    assert entries(out) == ["b.toy"]


def test_source_and_target_are_the_same(scan, tmp_path, voxels):
    link = tmp_path / "link.toy"
    link.symlink_to(scan)
    for target in (scan, link):
        with pytest.raises(errors.ArgumentError, match="the same"):
            api.convert(scan, target, overwrite=True)
    np.testing.assert_array_equal(api.read(scan).to_numpy(), voxels)


def test_max_bytes(scan, out):
    with pytest.raises(errors.LimitError, match="--max-bytes"):
        api.convert(scan, out / "a.mla", max_bytes=100)
    with pytest.raises(errors.LimitError, match="--max-bytes"):
        api.read(scan, max_bytes=100)


@pytest.mark.parametrize("reading", [api.read, lambda path: api.convert(path, path.parent / "a.mla")])
def test_a_header_that_lies_about_its_size(toy, tmp_path, reading):
    from mlarray_toy import encode

    path = tmp_path / "big.toy"
    path.write_bytes(
        encode({"array": np.zeros((2, 2, 2), "i2")}).replace(b"[2, 2, 2]", b"[30000, 30000, 30000]")
    )
    started = time.perf_counter()
    with pytest.raises(errors.MLArrayError):
        reading(path)
    assert time.perf_counter() - started < 2
    assert entries(tmp_path) == ["big.toy"]


def test_bad_paths(scan, out, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"hello")
    os.mkfifo(tmp_path / "fifo")
    cases = [
        (tmp_path / "none.toy", out / "a.mla", errors.NotFoundError, "no such file"),
        (scan / "below", out / "a.mla", errors.NotFoundError, "no such file"),
        (tmp_path / "empty", out / "a.mla", errors.UnknownFormatError, "empty"),
        (tmp_path / "text", out / "a.mla", errors.UnknownFormatError, "--from"),
        (tmp_path / "fifo", out / "a.mla", errors.UnsupportedError, "neither a file"),
        (tmp_path, out / "a.mla", errors.UnknownFormatError, "mlarray scan"),
        (scan, out / "none" / "a.mla", errors.WriteError, "does not exist"),
        (scan, out / "a.xyz", errors.UnsupportedError, "End it in"),
        (scan, out / "plain", errors.UnsupportedError, "End it in"),
    ]
    for source, target, error, text in cases:
        with pytest.raises(error, match=text):
            api.convert(source, target)
    assert entries(out) == []


def test_several_images(study, out, voxels):
    with pytest.raises(errors.SelectionError, match=r"3 images.*--image.*Image 1"):
        api.convert(study, out / "a.mla")
    with pytest.raises(errors.SelectionError, match="no images called '7'"):
        api.convert(study, out / "a.mla", image="7")
    api.convert(study, out / "a.mla", image="1")
    api.convert(study, out / "b.mla", image="Image 2")
    np.testing.assert_array_equal(api.read(out / "a.mla").to_numpy(), voxels + 1)
    np.testing.assert_array_equal(api.read(out / "b.mla").to_numpy(), voxels + 2)


def test_every_image_into_a_folder(study, out):
    results = list(convert_all(place_of(study), place_of(out / "all"), Settings()))
    assert all(isinstance(result, Conversion) for result in results)
    assert entries(out / "all") == ["T1_2.mla", "_x.mla", "t1.mla"]
    assert [str(skipped) for skipped in results[0].skipped] == ["notes.txt: is no image"]


def test_a_nameless_image_is_called_after_its_source(scan, out):
    list(convert_all(place_of(scan), place_of(out), Settings(target_format="toy")))
    assert entries(out) == ["scan.toy"]


def test_one_that_fails_stops_no_other(study, out):
    (out / "t1.mla").write_bytes(b"precious")
    results = list(convert_all(place_of(study), place_of(out), Settings()))
    assert [isinstance(result, Failure) for result in results] == [True, False, False]
    assert (out / "t1.mla").read_bytes() == b"precious"


def test_a_folder_that_stays_empty_goes_away(study, out):
    results = list(
        convert_all(place_of(study), place_of(out / "new"), Settings(options={"read_fails": "eof"}))
    )
    assert all(isinstance(result, Failure) for result in results)
    assert entries(out) == []


def test_another_world_negates_two_rows(scan, out):
    api.convert(scan, out / "a.mla", coord_system="LPS")
    before, after = api.read(scan), api.read(out / "a.mla")
    assert after.meta.spatial.coord_system == "LPS"
    np.testing.assert_array_equal(np.diag([-1, -1, 1, 1]) @ before.affine, after.affine)
    np.testing.assert_array_equal(before.to_numpy(), after.to_numpy())


def test_an_unknown_world_cannot_be_told_in_another(study, out):
    with pytest.raises(errors.ArgumentError, match="unknown"):
        api.convert(study, out / "a.mla", image="0", coord_system="RAS")
    with pytest.raises(errors.ArgumentError, match="unknown"):
        api.convert(study, out / "a.mla", image="0", orient="RAS")


@pytest.mark.parametrize("code", ["RAS", "LPI", "SAL", "ARI"])
def test_another_order_keeps_every_voxel_in_its_place(scan, out, code):
    api.convert(scan, out / "a.mla", orient=code)
    before, after = api.read(scan), api.read(out / "a.mla")
    assert geometry.orientation(after.affine, "RAS") == code
    for index in np.ndindex(*before.shape):
        world = before.affine @ [*index, 1]
        new = np.linalg.inv(after.affine) @ world
        assert before.to_numpy()[index] == after.to_numpy()[tuple(np.rint(new[:3]).astype(int))]


def test_write_takes_arrays_and_images(toy, out, voxels):
    api.write(voxels, out / "a.toy")
    image = mlarray.MLArray(voxels, spacing=[1, 2, 3])
    api.write(image, out / "b.mla", patch_size=32, codec="zstd")
    np.testing.assert_array_equal(api.read(out / "a.toy").to_numpy(), voxels)
    assert api.read(out / "b.mla").spacing == [1, 2, 3]
    with pytest.raises(errors.ExistsError):
        api.write(image, out / "b.mla")


def test_progress_grows_to_the_whole(scan, out, voxels):
    seen = []
    api.convert(scan, out / "b.toy", progress=lambda count, total: seen.append((count, total)))
    counts = [count for count, _ in seen]
    assert counts == sorted(counts)
    assert seen[-1] == (voxels.nbytes, voxels.nbytes)


def test_options_go_to_the_side_that_knows_them(scan, out):
    with pytest.raises(errors.OptionError, match=r"toy or mla has no option 'patchsize'.*patch_size"):
        api.convert(scan, out / "a.mla", options={"patchsize": 3})
    with pytest.raises(errors.OptionError, match="toy has no option 'codec'"):
        api.convert(scan, out / "a.toy", codec="zstd")
    api.convert(scan, out / "a.mla", options={"clevel": "3", "lose": ""})
    with pytest.raises(errors.OptionError, match="integer"):
        api.convert(scan, out / "b.mla", options={"clevel": "lots"})


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_signals_clean_up(scan, out, stop, toy):
    target = out / "a.toy"
    target.write_bytes(b"precious")
    code = (
        "import sys, time, mlarray_toy\n"
        "def slow(*_): print('now', flush=True); time.sleep(30)\n"
        "mlarray_toy.ToyReader.__getitem__ = slow\n"
        "from mlarray_io.commands.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, "convert", str(scan), str(target), "--force"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"now\n"
    assert len(entries(out)) == 2
    child.send_signal(stop)
    _, complaint = child.communicate(timeout=20)
    assert child.returncode == (130 if stop == signal.SIGINT else 143)
    assert b"Traceback" not in complaint
    assert target.read_bytes() == b"precious"
    assert entries(out) == ["a.toy"]


@pytest.mark.parametrize("suffix", [".npy", ".b2nd", ".zarr", ".mla"])
def test_an_empty_array_is_an_array(tmp_path, suffix):
    """A shape of (0,) is also what a file of metadata alone is given; only `.mla` can be that."""
    mlarray.write(np.zeros(0, "i2"), tmp_path / f"a{suffix}")
    found = mlarray.read(tmp_path / f"a{suffix}")
    assert (found.shape, found.dtype) == ((0,), np.int16)
    mlarray.convert(tmp_path / f"a{suffix}", tmp_path / "b.mla")
    assert mlarray.read(tmp_path / "b.mla").shape == (0,)
    mlarray.MLArray(meta={"k": 1}).save(tmp_path / "c.mla")
    assert mlarray.read(tmp_path / "c.mla").shape is None
