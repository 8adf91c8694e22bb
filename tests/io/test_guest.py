"""A stranger's package is found by its entry point, listed, and converts, with no line of ours changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mlarray

GUEST = Path(__file__).parents[1] / "guest"
PAGE = Path(__file__).parents[2] / "docs" / "write-a-plugin.md"


@pytest.fixture
def folder(tmp_path):
    """The package that the command writes."""
    made = tmp_path / "mlarray-blob"
    done = subprocess.run(
        [sys.executable, "-m", "mlarray", "new-plugin", "blob", str(made)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{made}: a package that reads and writes .blob files" in done.stdout
    return made


@pytest.fixture
def mlarray_command(tmp_path, folder):
    """Return a runner of the command line in an environment where the guest is installed."""
    return installed((folder / "pyproject.toml").read_text(encoding="utf-8"), tmp_path, folder)


def installed(pyproject, tmp_path, folder=GUEST):
    project = tomllib.loads(pyproject)["project"]
    info = tmp_path / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"]["mlarray"]
    (info / "entry_points.txt").write_text(
        "[mlarray]\n" + "".join(f"{name} = {module}\n" for name, module in points.items())
    )
    paths = [str(folder), str(info.parent), os.environ.get("PYTHONPATH", "")]

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "mlarray", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def test_its_own_tests_pass(folder):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^3\d passed in", done.stdout, re.MULTILINE), done.stdout


def test_nothing_of_the_template_is_left(folder):
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["README.md", "mlarray_blob.py", "pyproject.toml", "test_blob.py"]
    for path in folder.iterdir():
        assert "acme" not in path.read_text(encoding="utf-8").lower(), path


def test_it_is_listed(mlarray_command):
    found = json.loads(mlarray_command("formats", "--json").stdout)
    assert "blob" not in found["broken"]
    guest = next(format for format in found["formats"] if format["name"] == "blob")
    assert (guest["plugin"], guest["reads"], guest["writes"]) == ("blob", True, True)
    assert guest["package"] == "mlarray-blob 0.1.0"
    assert "blob (mlarray-blob 0.1.0)" in mlarray_command("formats").stdout


def test_it_converts_both_ways(mlarray_command, tmp_path):
    affine = [[-0.5, 0, 0, 10], [0, -0.5, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1]]  # x, y, z to RAS
    voxels = np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5)
    nibabel = pytest.importorskip("nibabel")
    nibabel.Nifti1Image(voxels, affine).to_filename(tmp_path / "scan.nii")
    for source, target in (("scan.nii", "a.blob"), ("a.blob", "b.mla"), ("b.mla", "c.nii")):
        done = mlarray_command("convert", tmp_path / source, tmp_path / target)
        assert done.returncode == 0, done.stderr
    again = nibabel.load(tmp_path / "c.nii")
    np.testing.assert_array_equal(again.get_fdata(), voxels)
    np.testing.assert_allclose(again.affine, affine)
    image = mlarray.read(tmp_path / "b.mla")
    assert (image.meta._image_meta_format, image.meta.spatial.coord_system) == ("blob", "LPS")
    content = (tmp_path / "a.blob").read_bytes().split(b"\n", 2)
    assert content[0] == b"BLOB 1"
    header = json.loads(content[1])[0]
    assert (header["size"], header["spacing"], header["origin"]) == ([7, 6, 5], [0.5, 0.5, 2], [-10, 20, 30])
    np.testing.assert_array_equal(np.frombuffer(content[2], "<i2").reshape(5, 6, 7), voxels.T)


def test_its_errors_are_explained(mlarray_command, tmp_path):
    header = {
        "name": "a", "size": [30000, 30000, 9], "type": "uint8", "spacing": [1, 1, 1], "origin": [0, 0, 0],
        "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    }  # fmt: skip
    (tmp_path / "cut.blob").write_bytes(b"BLOB 1\n" + json.dumps([header]).encode() + b"\nab")
    done = mlarray_command("convert", tmp_path / "cut.blob", tmp_path / "a.mla")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path / 'cut.blob'}: its header describes 8,100,000,")
    (tmp_path / "odd.blob").write_bytes(b"BLOB 1\n[7]\n")
    done = mlarray_command("info", tmp_path / "odd.blob")
    assert (done.returncode, "has no BLOB header" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("A-b", "can't be the name of a format"),
        ("../up", "can't be"),
        ("nifti", "there is a format nifti already"),
    ],
)
def test_names_that_cannot_be(name, message, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mlarray", "new-plugin", name, str(tmp_path / "new")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays_as_it_is(folder):
    (folder / "README.md").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "mlarray", "new-plugin", "blob", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, (folder / "README.md").read_text()) == (1, "mine")
    assert str(folder) in done.stderr


def test_the_first_plugin_of_the_page_converts(tmp_path):
    pyproject = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    mlarray_command = installed(pyproject, tmp_path)
    voxels = np.arange(12.0).reshape(3, 4) / 8
    np.savetxt(tmp_path / "numbers.grid", voxels)
    done = mlarray_command("convert", tmp_path / "numbers.grid", tmp_path / "a.nrrd")
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.nrrd").to_numpy(), voxels)
    found = json.loads(mlarray_command("formats", "--json").stdout)
    guest = next(format for format in found["formats"] if format["name"] == "grid")
    assert (guest["plugin"], guest["reads"], guest["writes"]) == ("grid", True, False)
