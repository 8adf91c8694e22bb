"""MRC2014 by its definition: axis order, start, stacks, IMOD's bytes, and what goes back.

Values are those of the definition (ccpem.ac.uk/mrc_format/mrc2014.php); gemmi 0.7.5 places neighbours along
columns of order 2, 1, 3 with cells of 2 x 3 x 4 angstroms 3 angstroms apart, and of order 3, 1, 2 four.
"""

from __future__ import annotations

import itertools
import struct

import numpy as np
import pytest

import mlarray
from mlarray_core import geometry
from mlarray_core.errors import UnsupportedError

mrcfile = pytest.importorskip("mrcfile", reason="mrcfile, an independent reader and writer, isn't installed")

VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
CELL = {1: 2.0, 2: 3.0, 3: 4.0}


def made(path, voxels=VOXELS, order=(1, 2, 3), start=(0, 0, 0), origin=(0, 0, 0), **fields):
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(voxels)
        header = file.header
        header.mapc, header.mapr, header.maps = order
        counts = dict(zip(order, voxels.shape[::-1][:3], strict=True))
        header.mx, header.my, header.mz = (counts[axis] for axis in (1, 2, 3))
        for axis, name in ((1, "x"), (2, "y"), (3, "z")):
            header.cella[name] = CELL[axis] * counts[axis]
        header.nxstart, header.nystart, header.nzstart = start
        header.origin = origin
        for name, value in fields.items():
            header[name] = value
    return path


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_order_of_axes(tmp_path, order):
    """Cell and grid are along x, y, z; columns, rows and sections along mapc, mapr, maps."""
    image = mlarray.read(made(tmp_path / "a.mrc", order=order))
    assert image.spacing == [CELL[axis] for axis in reversed(order)]
    affine = geometry.affine_of(image.meta.spatial)
    for column, axis in enumerate(reversed(order)):
        expected = np.zeros(3)
        expected[axis - 1] = CELL[axis]
        np.testing.assert_array_equal(affine[:3, column], expected)


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3), (3, 1, 2)])
def test_start_is_of_columns_rows_and_sections(tmp_path, order):
    """nxstart: location of the first column in the unit cell."""
    image = mlarray.read(made(tmp_path / "a.mrc", order=order, start=(1, 2, -3)))
    expected = np.zeros(3)
    for axis, first in zip(order, (1, 2, -3), strict=True):
        expected[axis - 1] = first * CELL[axis]
    np.testing.assert_array_equal(geometry.affine_of(image.meta.spatial)[:3, 3], expected)
    if order == (1, 2, 3):
        assert image.origin == [2, 6, -12]


def test_an_origin_is_before_a_start(tmp_path):
    image = mlarray.read(made(tmp_path / "a.mrc", start=(1, 2, 3), origin=(10, 20, 30)))
    assert image.origin == [10, 20, 30]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_comes_back_byte_by_byte(tmp_path, order):
    path = made(tmp_path / "a.mrc", order=order, start=(1, 2, -3))
    with mrcfile.open(path, "r+") as file:
        file.set_extended_header(np.frombuffer(b"made by a test..", "V16"))
        file.header.exttyp = b"TEST"
        file.add_label("kept")
        file.update_header_stats()
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mrc", strict=True)
    assert (tmp_path / "b.mrc").read_bytes() == path.read_bytes()


def test_another_place_is_written_anew_beside_what_is_kept(tmp_path):
    path = made(tmp_path / "a.mrc", order=(2, 1, 3), start=(1, 2, -3))
    image = mlarray.read(path)
    cropped = mlarray.MLArray(image.to_numpy()[1:], meta=image.meta)
    cropped.meta.spatial.origin = [1, 2, 3]
    mlarray.write(cropped, tmp_path / "b.mrc")
    again = mlarray.read(tmp_path / "b.mrc")
    np.testing.assert_allclose(
        geometry.affine_of(again.meta.spatial), geometry.affine_of(cropped.meta.spatial)
    )
    assert again.meta.source["map"] == [2, 1, 3]
    assert mrcfile.validate(tmp_path / "b.mrc")


@pytest.mark.parametrize(("flags", "dtype"), [(0, "u1"), (2, "u1"), (1, "i1"), (3, "i1")])
def test_bytes_by_imod(tmp_path, flags, dtype):
    """IMOD's stamp at byte 152, and bit 0 of its flags: without it bytes are unsigned (IMOD, mrc_format)."""
    path = made(tmp_path / "a.mrc", np.arange(60, dtype=np.int8).reshape(3, 4, 5))
    content = bytearray(path.read_bytes())
    content[1024:1028] = bytes([0, 100, 200, 255])
    content[152:160] = struct.pack("<2i", 1146047817, flags)
    path.write_bytes(content)
    mlarray.convert(path, tmp_path / "a.mla")
    voxels = mlarray.read(tmp_path / "a.mla").to_numpy()
    assert voxels.dtype == dtype
    np.testing.assert_array_equal(voxels[0, 0, :4], np.array([0, 100, 200, 255], "u1").view(dtype))
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mrc", strict=True)
    assert (tmp_path / "b.mrc").read_bytes()[1024:] == path.read_bytes()[1024:]
    assert mlarray.read(tmp_path / "b.mrc").dtype == dtype


def test_bytes_without_a_stamp_are_signed(tmp_path):
    path = made(tmp_path / "a.mrc", np.full((3, 4, 5), -56, np.int8))
    assert mlarray.read(path).to_numpy().min() == -56


def test_a_stack_of_volumes(tmp_path):
    """Space group 401, mz sections a volume (MRC2014); mrcfile reads four axes."""
    path = made(tmp_path / "a.mrc", np.arange(120, dtype=np.int16).reshape(6, 4, 5), ispg=401, mz=2)
    with mrcfile.open(path) as file:
        theirs = file.data.copy()
    assert theirs.shape == (3, 2, 4, 5)
    image = mlarray.read(path)
    assert image.meta.spatial.axis_labels == ["non_spatial", "spatial_z", "spatial_y", "spatial_x"]
    np.testing.assert_array_equal(image.to_numpy(), theirs)
    mlarray.convert(path, tmp_path / "b.mrc", strict=True)
    assert (tmp_path / "b.mrc").read_bytes() == path.read_bytes()


def test_a_stack_of_images(tmp_path):
    """Space group 0 with mz 1: sections are no z."""
    path = made(tmp_path / "a.mrc", ispg=0, mz=1)
    with mrcfile.open(path) as file:
        assert file.is_image_stack()
    image = mlarray.read(path)
    assert image.meta.spatial.axis_labels == ["non_spatial", "spatial_y", "spatial_x"]
    assert image.spacing == [3, 2]
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mrc", strict=True)
    assert (tmp_path / "b.mrc").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5)])
def test_a_stack_from_elsewhere(tmp_path, shape):
    labels = ["channel", *["spatial_z", "spatial_y", "spatial_x"][3 - len(shape) + 1 :]]
    image = mlarray.MLArray(np.arange(np.prod(shape), dtype="i2").reshape(shape), axis_labels=labels)
    done = mlarray.write(image, tmp_path / "a.mrc")
    assert "axis label channel" in {loss.what for loss in done.losses}
    assert mrcfile.validate(tmp_path / "a.mrc")
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert file.is_volume_stack() if len(shape) == 4 else file.is_image_stack()
        np.testing.assert_array_equal(file.data, image.to_numpy())


def test_unsigned_bytes_from_elsewhere_are_widened(tmp_path):
    done = mlarray.write(mlarray.MLArray(np.full((2, 3, 4), 200, "u1")), tmp_path / "a.mrc")
    assert "the type uint8" in {loss.what for loss in done.losses}
    assert mlarray.read(tmp_path / "a.mrc").to_numpy().max() == 200


def test_four_axes_that_are_not_named(tmp_path):
    with pytest.raises(UnsupportedError, match="axes"):
        mlarray.write(np.zeros((2, 3, 4, 5), np.float32), tmp_path / "a.mrc")
