"""`info`: a screen of facts from headers alone, in the words that people use."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import geometry
from mlarray_io.commands import info_screen
from mlarray_io.commands.info import inspect
from mlarray_io.commands.main import main

DATA = Path(__file__).parents[2] / "data"


def screen(path, *flags):
    return dict(info_screen.rows(inspect(path, *flags)))


def in_terminal(*arguments, columns=80):
    """Return what a command prints in a terminal of `columns`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "mlarray", *map(str, arguments)], stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    out = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        out += piece
    os.close(ours)
    assert process.wait(30) == 0
    return out.decode().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()


@pytest.fixture
def labels(tmp_path):
    image = mlarray.MLArray(
        np.arange(6 * 200 * 200, dtype="u2").reshape(6, 200, 200) % 3,
        spacing=(5, 0.5, 0.5),
        meta=mlarray.Meta(is_seg=True),
    )
    image.meta.labels = [{"value": 1, "name": "liver", "color": "#ff0000"}, {"value": 2, "name": "spleen"}]
    image.meta.spatial.coord_system = "LPS"
    path = tmp_path / "labels.mla"
    image.save(path, levels=1)
    return path


def test_a_screen_of_a_label_map(labels):
    found = screen(labels)
    assert found["shape"] == "6 x 200 x 200"
    assert found["type"] == "uint16, 468.8 KiB of voxels"
    assert found["spacing"] == "5 x 0.5 x 0.5 (no unit)"
    assert found["orientation"] == "SPL (fastest axis first), world LPS"
    assert found["labels"] == "1 liver #ff0000"
    assert found[""] == "2 spleen"
    assert found["levels"] == "1: 6 x 100 x 100"
    assert found["seal"] == "sealed"
    assert f"{os.path.getsize(labels) / 1024:.1f} KiB" in found["size"]


def test_a_screen_of_a_scan():
    """Values as nibabel reads them: pixdim 2, 2, 2.2 mm, aff2axcodes L A S, two volumes."""
    found = screen(DATA / "nifti/example4d.nii.gz")
    assert found["shape"] == "2 x 24 x 96 x 128 (time, z, y, x)"
    assert found["spacing"] == "2.2 x 2 x 2 mm"
    assert found["orientation"].startswith("LAS ")


def test_it_fits_a_terminal_of_80_columns(labels, tmp_path):
    """Also what is long: a key of 81 characters took the whole width once, and values were blank."""
    long = {
        "functional_groups": {"nested": {"00089124": {"00082112": {"per_frame": {"00081155": "1.2.840"}}}}}
    }
    mlarray.MLArray(np.zeros((2, 3)), meta=mlarray.Meta(source=long)).save(tmp_path / "long.mla")
    for path, flags in ((labels, ()), (labels, ("--all",)), (tmp_path / "long.mla", ("--all",))):
        lines = in_terminal("info", path, *flags)
        assert max(map(len, lines)) <= 80
        assert len(lines) <= 24 or flags
    text = " ".join(line.strip() for line in in_terminal("info", tmp_path / "long.mla", "--all"))
    assert "00081155: 1.2.840" in text


def test_both_ways_to_the_command_are_one(labels, capsys):
    """`info FILE` alone is run without the parser of command lines."""
    for flags in ([], ["--json"], ["--all"]):
        assert main(["info", str(labels), *flags]) == 0
        plain = capsys.readouterr()
        assert main(["info", "--from", "mla", str(labels), *flags]) == 0
        assert capsys.readouterr() == plain
    assert main(["info", str(labels.with_name("none.mla"))]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_json_has_what_the_screen_has(labels, capsys):
    assert main(["info", str(labels), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["levels"], found["seal"]) == ([[6, 100, 100]], "sealed")
    assert found["file_bytes"] == os.path.getsize(labels)


def test_metadata_alone(tmp_path):
    mlarray.MLArray(meta=mlarray.Meta(source={"a": 1})).save(tmp_path / "a.mla")
    assert screen(tmp_path / "a.mla")["voxels"] == "none: the file holds metadata alone"


@pytest.mark.parametrize("world", ["RAS", "LPS", "LAS", "RAS+"])
def test_orientation_without_numpy_is_that_of_geometry(world):
    """Of 200 random affines, sheared ones and planes among them."""
    random = np.random.default_rng(3)
    quick = 0
    for number in range(200):
        count = 3 if number % 5 else 2
        matrix = np.linalg.qr(random.normal(size=(count, count)))[0] * random.uniform(0.3, 4, count)
        if number % 3 == 0:
            matrix = matrix @ (np.eye(count) + random.normal(0, 0.2, (count, count)))
        affine = np.eye(count + 1)
        affine[:count, :count] = matrix
        labels = ["spatial_z", "spatial_y", "spatial_x"][-count:]
        spatial = geometry.spatial_meta(affine, axis_labels=labels, coord_system=world)
        meta = mlarray.Meta(spatial=spatial)
        columns = info_screen._columns(meta)
        np.testing.assert_allclose(np.array(columns).T, matrix, atol=1e-9)
        quick += count == 3 and info_screen._upright(columns)
        assert info_screen.orientation(columns, world, meta) == geometry.orientation(affine, world)
    assert quick > 50


def test_dicom_tags_have_keywords():
    pydicom = pytest.importorskip("pydicom")
    from mlarray_dicom import DicomFormat

    assert DicomFormat().field_name("00080060") == pydicom.datadict.keyword_for_tag(0x00080060) == "Modality"
    assert DicomFormat().field_name("00091001") == "00091001"  # private
    assert DicomFormat().field_name("constant") == "constant"


def test_images_to_choose_from_are_listed(tmp_path, capsys):
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", np.zeros((2, 3)))
    np.savez(tmp_path / "two.npz", first=np.zeros((2, 3)), second=np.zeros((4, 5, 6), "u1"))
    assert main(["info", str(tmp_path / "two.npz")]) == 0
    out = capsys.readouterr().out
    assert "images        2" in out
    assert "second" in out
    assert "4 x 5 x 6" in out
    assert "--image KEY" in out
