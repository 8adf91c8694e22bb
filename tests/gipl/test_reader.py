"""GIPL's header, beyond what SimpleITK writes."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import MLArrayError
from mlarray_core.meta import Additions
from mlarray_gipl.reader import HEADER

MAGIC = 0xEFFFE9B0


def made(path, dim, *, pixdim=(1.5, 2, 3, 0.5), kind=15, origin=(-10, 20, 5, 100), text=b"a patient"):
    values = [*dim, kind, *pixdim, text, *range(20), 9, 0, -1, 1, *origin, 0.5, 2, 0, 0, MAGIC]
    count = min(int(np.prod([size for size in dim if size])), 120)
    dtype = {15: ">i2", 31: ">u4", 32: ">i4"}.get(kind, ">i2")
    path.write_bytes(HEADER.pack(*values) + np.arange(count).astype(dtype).tobytes())
    return path


def test_every_field_is_kept(tmp_path):
    source = mlarray.read(made(tmp_path / "a.gipl", (5, 4, 3, 1))).meta.source
    assert source["line1"] == "a patient"
    assert source["matrix"] == list(range(20))
    assert (source["pixval_offset"], source["pixval_cal"], source["flag1"]) == (0.5, 2, 9)
    assert (source["min"], source["max"], source["magic_number"]) == (-1, 1, MAGIC)


@pytest.mark.parametrize(
    ("dim", "shape"),
    [
        ((5, 4, 3, 1), (3, 4, 5)),
        ((5, 4, 3, 0), (3, 4, 5)),
        ((5, 4, 0, 0), (4, 5)),
        ((5, 4, 3, 2), (2, 3, 4, 5)),
    ],
)
def test_sizes(tmp_path, dim, shape):
    image = mlarray.read(made(tmp_path / "a.gipl", dim))
    assert image.shape == shape
    assert image.spacing == [3, 2, 1.5][-min(len(shape), 3) :]


def test_fourth_axis_is_time(tmp_path):
    image = mlarray.read(made(tmp_path / "a.gipl", (5, 4, 3, 2)))
    assert image.meta.spatial.axis_labels[0] == "temporal"
    assert Additions.of(image.meta).axes[0].values == [100, 100.5]


@pytest.mark.parametrize("kind", [31, 32])
def test_types_that_itk_cannot_swap(tmp_path, kind):
    voxels = mlarray.read(made(tmp_path / "a.gipl", (5, 4, 3, 1), kind=kind)).to_numpy()
    np.testing.assert_array_equal(voxels.ravel(), np.arange(60))


@pytest.mark.parametrize(
    "wrong",
    [
        {"dim": (5, 0, 3, 1)},
        {"dim": (0, 0, 0, 0)},
        {"dim": (65535, 65535, 65535, 65535)},
        {"kind": 144},
        {"pixdim": (0, 1, 1, 1)},
        {"pixdim": (float("nan"), 1, 1, 1)},
        {"origin": (float("inf"), 1, 1, 1)},
    ],
)
def test_refused(tmp_path, wrong):
    path = made(tmp_path / "a.gipl", **{"dim": (5, 4, 3, 1), **wrong})
    with pytest.raises(MLArrayError, match=r"a\.gipl"):
        mlarray.read(path)
