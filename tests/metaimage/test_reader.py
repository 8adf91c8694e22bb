"""MetaImage headers, data files and writing, by files made here and by SimpleITK."""

from __future__ import annotations

import gzip
import zlib

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core import Additions, Meta, MLArray, geometry
from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MLArrayError,
    NotFoundError,
    UnsafeError,
    UnsupportedError,
)

COUNT = np.arange(24, dtype="<i2")


def test_rows_of_the_matrix_are_directions(make, read):
    path = make("2 3 4", "TransformMatrix = 0 1 0 0 0 1 1 0 0", "ElementSpacing = 2 3 4", "Position = 7 8 9")
    image = read(path)
    wanted = [[4, 0, 0, 7], [0, 0, 2, 8], [0, 3, 0, 9], [0, 0, 0, 1]]
    np.testing.assert_array_equal(geometry.affine_of(image.spatial), wanted)
    itk = SimpleITK.ReadImage(str(path))
    assert itk.TransformIndexToPhysicalPoint((1, 2, 3)) == (7 + 12, 8 + 2, 9 + 6)
    assert image.spatial.coord_system == "LPS"
    assert image.spatial.axis_units == ["mm"] * 3


def test_fourth_axis(make, read):
    lines = [
        "ElementSpacing = 1 1 2 0.5",
        "Offset = 0 0 0 10",
        f"TransformMatrix = {' '.join(map(str, np.eye(4).ravel()))}",
    ]
    image = read(make("2 3 2 2", *lines))
    assert image.labels == ["non_spatial", "spatial_z", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes[0].values == [10, 10.5]


def test_channels(make, read):
    path = make("2 3", "ElementNumberOfChannels = 4", data=COUNT.tobytes())
    image = read(path)
    assert image.shape == (3, 2, 4)
    assert image.labels == ["spatial_y", "spatial_x", "components"]


@pytest.mark.parametrize("line", ["BinaryDataByteOrderMSB = True", "ElementByteOrderMSB = true"])
def test_big_endian(make, read, line):
    image = read(make("2 3 4", line, data=COUNT.astype(">i2").tobytes()))
    np.testing.assert_array_equal(image.voxels.ravel(), COUNT)


@pytest.mark.parametrize(
    ("lines", "data"),
    [
        (["CompressedData = True"], zlib.compress(COUNT.tobytes())),
        (["CompressedData = True"], gzip.compress(COUNT.tobytes())),
        (["BinaryData = False"], " ".join(map(str, COUNT)).encode()),
        (["HeaderSize = 5"], b"front" + COUNT.tobytes()),
        (["HeaderSize = -1"], b"who knows" + COUNT.tobytes()),
        (["HeaderSize = -1", "CompressedData = True"], zlib.compress(b"who knows" + COUNT.tobytes())),
    ],
)
@pytest.mark.parametrize("where", ["local", "other"])
def test_storage(make, read, tmp_path, lines, data, where):
    if where == "other":
        (tmp_path / "voxels.raw").write_bytes(data)
        path = make("2 3 4", *lines, "ElementDataFile = voxels.raw", data=b"", name="a.mhd")
    else:
        path = make("2 3 4", *lines, data=data)
    np.testing.assert_array_equal(read(path).voxels.ravel(), COUNT)


@pytest.mark.parametrize("text", ["LIST\np1\np2\np3\np4", "LIST 2\np1\np2\np3\np4", "p%d 1 4 1", "p%d"])
def test_several_files(make, read, tmp_path, text):
    for number, part in enumerate(COUNT.reshape(4, 6), start=1):
        (tmp_path / f"p{number}").write_bytes(part.tobytes())
    path = make("2 3 4", f"ElementDataFile = {text}", data=b"", name="a.mhd")
    np.testing.assert_array_equal(read(path).voxels.ravel(), COUNT)


def test_files_outside_the_folder(make, read, tmp_path):
    (tmp_path / "secret").write_bytes(COUNT.tobytes())
    (tmp_path / "inner").mkdir()
    for name in ("../secret", str(tmp_path / "secret")):
        path = make("2 3 4", f"ElementDataFile = {name}", data=b"", name="inner/a.mhd")
        with pytest.raises(UnsafeError):
            read(path)
        np.testing.assert_array_equal(read(path, allow_external=True).voxels.ravel(), COUNT)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["DimSize = 30000 30000 30000"], CorruptError),
        (["DimSize = 30000 30000 30000", "CompressedData = True"], CorruptError),
        (["DimSize = 2 3"], CorruptError),
        (["DimSize = 2 3 -4"], CorruptError),
        (["NDims = 99"], CorruptError),
        (["ElementType = MET_OTHER"], UnsupportedError),
        (["ElementSpacing = 1 0 1"], CorruptError),
        (["ElementSpacing = 1 nan 1"], CorruptError),
        (["Offset = inf 0 0"], CorruptError),
        (["TransformMatrix = 1 0 0 1 0 0 0 0 1"], CorruptError),
        (["TransformMatrix = 0 0 0 0 0 0 0 0 0"], CorruptError),
        (["TransformMatrix = 1 0 0 1"], CorruptError),
        (["HeaderSize = -7"], CorruptError),
        (["CompressedData = True"], CorruptError),
        (["BinaryData = False"], CorruptError),
        (["ElementDataFile = gone.raw"], NotFoundError),
        (["ElementDataFile = x%d 0 1000000000 1"], LimitError),
        (["ElementNumberOfChannels = 0"], CorruptError),
        (["DimSize = two three four"], CorruptError),
        (["nonsense"], CorruptError),
    ],
)
def test_lies(make, read, lines, error):
    with pytest.raises(error):
        read(make("2 3 4", *lines))


def test_senseless_geometry_can_be_left_out(make, read):
    image = read(make("2 3 4", "ElementSpacing = 1 0 1"), geometry="none")
    assert image.spatial.spacing is None


def test_bombs(make, read, tmp_path):
    with pytest.raises(CorruptError, match="far more data"):
        read(make("2 3 4", "CompressedData = True", data=zlib.compress(bytes(300 << 20), 9)))
    with pytest.raises(LimitError):
        read(make("2 3 4", *(f"Key{number} = 1" for number in range(500_000))))
    with pytest.raises(MLArrayError):
        (tmp_path / "a.mha").write_bytes(b"ObjectType = " + b"x" * (10 << 20))
        read(tmp_path / "a.mha")


def test_header_comes_back_line_by_line(make, tmp_path):
    lines = [
        "Comment = by hand",
        "Modality = MET_MOD_MR",
        "ElementSpacing = 1.50 2 3",
        "Position = 1 2 3",
        "My own = 7",
    ]
    path = make("2 3 4", *lines)
    mlarray.convert(path, tmp_path / "a.mla")
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mha", strict=True)
    assert (tmp_path / "b.mha").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("compression", ["yes", "no"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_types(tmp_path, suffix, compression, dtype, read):
    array = np.arange(24).astype(dtype).reshape(2, 3, 4)
    spatial = {
        "axis_labels": ["spatial_z", "spatial_y", "spatial_x"],
        "coord_system": "RAS",
        "axis_units": ["um"] * 3,
    }
    spatial["affine"] = [[0, 0, 2000, 5], [0, -3000, 500, 6], [4000, 0, 0, 7], [0, 0, 0, 1]]
    target = tmp_path / f"a{suffix}"
    mlarray.write(MLArray(array, meta=Meta(spatial=spatial)), target, options={"compression": compression})
    itk = SimpleITK.ReadImage(str(target))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(itk), array)
    np.testing.assert_allclose(
        itk.TransformIndexToPhysicalPoint((1, 0, 0)), (-2.005, -0.506, 0.007), atol=1e-12
    )
    np.testing.assert_allclose(
        itk.TransformIndexToPhysicalPoint((0, 1, 1)), (-0.005, 2.994, 4.007), atol=1e-12
    )
    again = read(target)
    assert again.dtype == array.dtype
    assert "lengths were in um" in again.meta.source["fields"]["Comment"]


def test_losses_are_told(tmp_path):
    spatial = {"axis_labels": ["temporal", "spatial_z", "spatial_y", "spatial_x"]}
    image = MLArray(np.zeros((2, 2, 2, 2), bool), meta=Meta(spatial=spatial, is_seg=True, source={"x": 1}))
    told = " ".join(str(loss) for loss in mlarray.write(image, tmp_path / "a.mha").losses)
    for part in ("unset", "temporal", "labels", "header of the source", "bool"):
        assert part in told, told


def test_any_to_any(tmp_path):
    image = SimpleITK.GetImageFromArray(np.arange(60, dtype="i2").reshape(3, 4, 5))
    image.SetSpacing((1.5, 2, 3))
    image.SetOrigin((-10, 20, 5))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, 1, 0))
    SimpleITK.WriteImage(image, str(tmp_path / "a.mha"))
    mlarray.convert(tmp_path / "a.mha", tmp_path / "b.nrrd")
    voxels, header = nrrd.read(str(tmp_path / "b.nrrd"), index_order="C")
    np.testing.assert_array_equal(voxels, SimpleITK.GetArrayFromImage(image))
    assert header["space"] == "left-posterior-superior"
    np.testing.assert_array_equal(header["space directions"], [[0, 1.5, 0], [0, 0, 2], [3, 0, 0]])
    mlarray.convert(tmp_path / "b.nrrd", tmp_path / "c.nii.gz")
    affine = nibabel.load(tmp_path / "c.nii.gz").affine
    for index in ((0, 0, 0), (1, 2, 1)):
        point = np.array(image.TransformIndexToPhysicalPoint(index)) * [-1, -1, 1]
        np.testing.assert_allclose((affine @ [*index, 1])[:3], point, atol=1e-5)
    mlarray.convert(tmp_path / "c.nii.gz", tmp_path / "d.mha")
    again = SimpleITK.ReadImage(str(tmp_path / "d.mha"))
    np.testing.assert_allclose(again.GetDirection(), image.GetDirection(), atol=1e-6)
    np.testing.assert_allclose(again.GetOrigin(), image.GetOrigin(), atol=1e-5)
