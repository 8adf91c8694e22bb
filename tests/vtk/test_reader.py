"""What VTK's legacy files say, by the format's document, and by SimpleITK where that follows it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

import mlarray
from mlarray_core.errors import CorruptError, MLArrayError, UnsupportedError
from mlarray_io import Context, ImageRef, Options, Source
from mlarray_vtk import VtkFormat

HEAD = ["# vtk DataFile Version 3.0", "made by a test", "BINARY", "DATASET STRUCTURED_POINTS"]
GRID = ["DIMENSIONS 5 4 3", "SPACING 1.5 2 3", "ORIGIN -10 20 5", "POINT_DATA 60"]
ARRAY = ["SCALARS scalars short 1", "LOOKUP_TABLE default"]
VOXELS = np.arange(60, dtype=">i2").reshape(3, 4, 5)
INT16 = VOXELS.tobytes()


def made(folder, *lines, data=INT16, end="\n"):
    path = folder / "made.vtk"
    path.write_bytes((end.join(lines) + end).encode("latin-1") + data)
    return path


def changed(lines, old, new):
    return [new if line.startswith(old) else line for line in lines]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("array", [ARRAY, ["SCALARS scalars short"], ["scalars S Short", "lookup_table T"]])
def test_spellings(tmp_path, array, end):
    image = mlarray.read(made(tmp_path, *HEAD, *GRID, *array, end=end))
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert image.spacing == [3, 2, 1.5]
    assert image.origin == [-10, 20, 5]


def test_order_and_absence_of_grid(tmp_path):
    path = made(tmp_path, *HEAD, "", "ORIGIN 1 2 3", "ASPECT_RATIO 2 2 2", "DIMENSIONS 5 4 3", *ARRAY)
    image = mlarray.read(path)
    assert (image.spacing, image.origin) == ([2, 2, 2], [1, 2, 3])
    image = mlarray.read(made(tmp_path, *HEAD, "DIMENSIONS 5 4 3", *ARRAY))
    assert (image.spacing, image.origin) == ([1, 1, 1], [0, 0, 0])


def test_cells_lie_between_points(tmp_path):
    lines = changed(changed(GRID, "DIM", "DIMENSIONS 6 5 4"), "POINT", "CELL_DATA 60")
    image = mlarray.read(made(tmp_path, *HEAD, *lines, *ARRAY))
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert image.origin == [-9.25, 21, 6.5]


@pytest.mark.parametrize(
    ("array", "dtype", "count"),
    [
        ("VECTORS v double", ">f8", 3),
        ("NORMALS n float", ">f4", 3),
        ("TENSORS t float", ">f4", 9),
        ("COLOR_SCALARS c 4", "u1", 4),
        ("SCALARS s unsigned_int 2", ">u4", 2),
        ("SCALARS s vtktypeint64", ">i8", 1),
    ],
)
def test_components(tmp_path, array, dtype, count):
    voxels = np.arange(60 * count).astype(dtype).reshape(3, 4, 5, count)
    lines = [array, *(["LOOKUP_TABLE default"] if "SCALARS s" in array and "COLOR" not in array else [])]
    image = mlarray.read(made(tmp_path, *HEAD, *GRID, *lines, data=voxels.tobytes()))
    np.testing.assert_array_equal(image.to_numpy(), voxels[..., 0] if count == 1 else voxels)
    assert (image.meta.spatial.axis_labels[-1] == "components") == (count > 1)


@pytest.mark.parametrize("spelt", ["-0.0", "5.0", "1e2", "1_0", "nan", "7,", ",7"])
def test_integers_as_text_are_spelt_as_integers(tmp_path, spelt):
    """VTK and ITK read them with C++'s ``>>``, which stops at the point: what follows stays zero."""
    numbers = ["7"] * 60
    lines = [*changed(HEAD, "BINARY", "ASCII"), *GRID, "SCALARS s short", "LOOKUP_TABLE default"]
    path = made(tmp_path, *lines, data=" ".join(numbers).encode())
    with VtkFormat().open(Source(path), ImageRef("0"), Options(), Context()) as reader:
        assert reader.dtype == np.dtype("i2")
    numbers[5] = spelt
    path = made(tmp_path, *lines, data=" ".join(numbers).encode())
    with pytest.raises(CorruptError, match="text that is no int16"):
        VtkFormat().open(Source(path), ImageRef("0"), Options(), Context())


def test_text(tmp_path):
    """Numbers may stand anywhere; SimpleITK reads the same."""
    voxels = np.linspace(-1, 1, 60, dtype="f4").reshape(3, 4, 5)
    text = "\n \n".join(" ".join(map(repr, plane.ravel().tolist())) for plane in voxels)
    lines = [*changed(HEAD, "BINARY", "ASCII"), *GRID, "SCALARS s float", "LOOKUP_TABLE default"]
    path = made(tmp_path, *lines, data=text.encode())
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy(), voxels)
    itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    np.testing.assert_array_equal(image.to_numpy(), itk)


def test_commas_keep_no_numbers_apart(tmp_path):
    """White space does (VTK file formats, "legacy"); a comma is damage, such as of a minus."""
    text = " ".join(map(str, range(-30, 30))).replace("-12", ",12")
    lines = [*changed(HEAD, "BINARY", "ASCII"), *GRID, "SCALARS s short", "LOOKUP_TABLE default"]
    path = made(tmp_path, *lines, data=text.encode())
    with pytest.raises(CorruptError, match="text that is no int16"):
        mlarray.read(path).to_numpy()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("DIM", "DIMENSIONS 5 4"),
        ("DIM", "DIMENSIONS 5 4 0"),
        ("DIM", "DIMENSIONS 5 4 -3"),
        ("DIM", "DIMENSIONS 5 4 2.5"),
        ("DIM", "DIMENSIONS 5 4 99999999999"),
        ("DIM", "ORIGIN 1 2 3"),
        ("SPACING", "SPACING 1 2"),
        ("SPACING", "SPACING 1 2 nan"),
        ("SPACING", "SPACING 0 1 1"),
        ("ORIGIN", "ORIGIN inf 0 0"),
        ("POINT", "POINT_DATA 61"),
        ("SCALARS", "SCALARS s short 0"),
        ("SCALARS", "SCALARS s short 9999"),
        ("BINARY", "BIANRY"),
    ],
)
def test_no_sense(tmp_path, old, new):
    with pytest.raises(CorruptError, match=r"made\.vtk"):
        mlarray.read(made(tmp_path, *changed([*HEAD, *GRID, *ARRAY], old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("DATASET", "DATASET POLYDATA"),
        ("SCALARS", "SCALARS s bit"),
        ("SCALARS", "FIELD FieldData 1"),
    ],
)
def test_not_read(tmp_path, old, new):
    with pytest.raises(UnsupportedError, match=r"made\.vtk"):
        mlarray.read(made(tmp_path, *changed([*HEAD, *GRID, *ARRAY], old, new)), format="vtk")


@pytest.mark.parametrize("length", range(0, 300, 7))
def test_a_header_without_end(tmp_path, length):
    path = made(tmp_path, *HEAD, *GRID, *ARRAY)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(MLArrayError, match=r"made\.vtk"):
        mlarray.read(path, format="vtk")


@pytest.mark.parametrize(("rest", "told"), [(b"\nMETADATA\nINFORMATION 0\n\n", 0), (b"\nSCALARS b int\n", 1)])
def test_what_follows_the_array(tmp_path, rest, told):
    context = Context()
    path = made(tmp_path, *HEAD, *GRID, *ARRAY, data=INT16 + rest)
    with VtkFormat().open(Source(path), ImageRef("0"), Options(), context):
        assert len(context.report.warnings) == told
