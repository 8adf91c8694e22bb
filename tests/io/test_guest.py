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
def mlarray_command(tmp_path):
    """Return a runner of the command line in an environment where the guest is installed."""
    return installed((GUEST / "pyproject.toml").read_text(encoding="utf-8"), tmp_path)


def installed(pyproject, tmp_path):
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
    paths = [str(GUEST), str(info.parent), os.environ.get("PYTHONPATH", "")]

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


def test_it_is_listed(mlarray_command):
    found = json.loads(mlarray_command("formats", "--json").stdout)
    assert "pgm" not in found["broken"]
    guest = next(format for format in found["formats"] if format["name"] == "pgm")
    assert (guest["plugin"], guest["reads"], guest["writes"]) == ("pgm", True, True)
    assert guest["package"] == "mlarray-pgm 1.0"
    assert "pgm (mlarray-pgm 1.0)" in mlarray_command("formats").stdout


def test_it_converts_both_ways(mlarray_command, tmp_path):
    voxels = np.arange(35, dtype="u2").reshape(5, 7) * 100
    (tmp_path / "scan").write_bytes(b"P5 7 5 4095\n" + voxels.astype(">u2").tobytes())
    for source, target in (("scan", "a.mla"), ("a.mla", "b.pgm")):
        done = mlarray_command("convert", tmp_path / source, tmp_path / target)
        assert (done.returncode, done.stderr) == (0, "")
    image = mlarray.read(tmp_path / "a.mla")
    np.testing.assert_array_equal(image.to_numpy(), voxels)
    assert image.meta._image_meta_format == "pgm"
    header, _, content = (tmp_path / "b.pgm").read_bytes().partition(b"4095\n")
    assert header.split() == [b"P5", b"7", b"5"]
    np.testing.assert_array_equal(np.frombuffer(content, ">u2").reshape(5, 7), voxels)


def test_its_errors_are_explained(mlarray_command, tmp_path):
    (tmp_path / "cut.pgm").write_bytes(b"P5 30000 30000 255\nab")
    done = mlarray_command("convert", tmp_path / "cut.pgm", tmp_path / "a.mla")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"Error: {tmp_path / 'cut.pgm'}: ends before its 900,000,000 bytes of voxels"
    )


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
