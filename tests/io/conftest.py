"""Plugins for the host's tests, discovered as if they were installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mlarray_io.engine import registry

TOYS = Path(__file__).parent / "toys"
AFFINE = [[0, 0, 2.0, -10], [0, -3.0, 0, 20], [4.0, 0, 0, 30], [0, 0, 0, 1.0]]


@pytest.fixture
def install(tmp_path_factory, monkeypatch):
    """Install plugins: entry point names to a module's source, or None for one that lies in toys/."""
    monkeypatch.syspath_prepend(str(TOYS))

    def put(**modules):
        site = tmp_path_factory.mktemp("site")
        lines = ["[mlarray]"]
        for name, code in modules.items():
            module = f"mlarray_{name}"
            lines.append(f"{name} = {module}")
            if code is not None:
                (site / f"{module}.py").write_text(code)
                monkeypatch.delitem(sys.modules, module, raising=False)
        info = site / f"mlarray_{'_'.join(modules)}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: mlarray-{'-'.join(modules)}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(str(site))
        registry.installed.cache_clear()
        return site

    yield put
    registry.installed.cache_clear()


@pytest.fixture
def toy(install, monkeypatch):
    """Install the toy format alone."""
    monkeypatch.setenv("MLARRAY_PLUGINS", "toy")
    return install(toy=None)


@pytest.fixture
def voxels():
    return np.arange(3 * 4 * 5, dtype="i2").reshape(3, 4, 5)


@pytest.fixture
def scan(toy, tmp_path, voxels):
    """A toy with one image in a known world."""
    from mlarray_toy import encode

    path = tmp_path / "scan.toy"
    path.write_bytes(encode({"array": voxels, "affine": AFFINE, "world": "RAS"}))
    return path


@pytest.fixture
def study(toy, tmp_path, voxels):
    """A toy with three images, two of the same name."""
    from mlarray_toy import encode

    path = tmp_path / "study.toy"
    images = [
        {"array": voxels + i, "name": name, "title": f"Image {i}"}
        for i, name in enumerate(["t1", "T1", "../x"])
    ]
    path.write_bytes(encode(*images, skipped=["notes.txt"]))
    return path
