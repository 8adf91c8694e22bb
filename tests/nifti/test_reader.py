"""What is read: types, axes, values, extensions, damage. Files are made by nibabel."""

from __future__ import annotations

import gzip
import shutil
import struct
import time

import nibabel
import numpy as np
import pytest

from mlarray_core import Additions
from mlarray_core.errors import CorruptError, LimitError, NotFoundError, UnsupportedError
from mlarray_io import Confidence, Source
from mlarray_nifti import NiftiFormat

AFFINE = np.diag([2.0, 3.0, 4.0, 1.0])
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16"]


def _voxels(dtype, shape=(2, 3, 4)):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return values * (1 - 2j) if np.dtype(dtype).kind == "c" else values


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_types(save, load, dtype, order, kind):
    voxels = _voxels(dtype)
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    image = kind(voxels, AFFINE, header, dtype=header.get_data_dtype())
    path = save(voxels, AFFINE)
    path.write_bytes(image.to_bytes())
    loaded = load(path)
    assert loaded.array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(loaded.array, voxels.T)


@pytest.mark.parametrize(("name", "count"), [("RGB", 3), ("RGBA", 4)])
def test_colours(save, load, write, name, count):
    values = np.random.default_rng(0).integers(0, 255, (2, 3, 4, count), "u1")
    voxels = values.copy().view(np.dtype([(letter, "u1") for letter in name]))[..., 0]
    image = load(save(voxels, AFFINE))
    assert image.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x", "components"]
    np.testing.assert_array_equal(image.array, values.transpose(2, 1, 0, 3))
    out, context = write(image.array, image.meta)
    np.testing.assert_array_equal(np.asarray(nibabel.load(out).dataobj), voxels)
    assert context.report.losses == []


@pytest.mark.parametrize(
    ("shape", "intent", "units", "labels"),
    [
        ((4, 3, 2, 5), 0, ("mm", "sec"), ["temporal"]),
        ((4, 3, 2, 1), 0, ("mm", "sec"), ["temporal"]),
        ((4, 3, 2, 5), 0, ("mm", "hz"), ["continuous"]),
        ((4, 3, 2, 3), 2003, ("mm", "sec"), ["components"]),
        ((4, 3, 2, 1, 3), 1007, ("mm", "sec"), ["components"]),
        ((4, 3, 2, 2, 3), 1007, ("mm", "sec"), ["components", "temporal"]),
        ((4, 3, 2, 2, 3), 0, ("mm", "sec"), ["channel", "temporal"]),
        ((4, 3, 2, 1, 2, 3, 2), 0, ("mm", "sec"), ["non_spatial", "non_spatial", "channel", "temporal"]),
    ],
)
def test_axes(save, load, write, shape, intent, units, labels):
    voxels = _voxels("i2", shape)
    path = save(voxels, AFFINE, intent_code=intent, edit=lambda header: header.set_xyzt_units(*units))
    image = load(path)
    assert image.spatial.axis_labels == [*labels, "spatial_z", "spatial_y", "spatial_x"]
    timeless = intent == 1007 and shape[3] == 1  # dim 4 only keeps dim 5 in its place
    np.testing.assert_array_equal(image.array, voxels[:, :, :, 0].T if timeless else voxels.T)
    out, context = write(image.array, image.meta)
    assert context.report.losses == []
    assert out.read_bytes()[352:] == path.read_bytes()[352:]


@pytest.mark.parametrize(
    ("code", "space", "time"), [(10, "mm", "s"), (2, "mm", ""), (27, "um", "us"), (17, "m", "ms")]
)
def test_units_and_steps(save, load, code, space, time):
    voxels = _voxels("i2", (4, 3, 2, 3))
    path = save(voxels, AFFINE, xyzt_units=code, toffset=1.5, edit=lambda h: h.set_zooms((2, 3, 4, 0.5)))
    image = load(path)
    assert image.spatial.axis_units == [time, space, space, space]
    assert Additions.of(image.meta).axes[0].values == [1.5, 2.0, 2.5]


@pytest.mark.parametrize(
    ("dtype", "slope", "inter", "expected"),
    [
        ("i2", 1, -1024, "i4"),
        ("u1", 1, -100, "i2"),
        ("i2", 0.5, 10, "f4"),
        ("i4", 0.5, 10, "f8"),
        ("i2", 1, 0, "i2"),
        ("i2", 0, 7, "i2"),
        ("i2", np.nan, 7, "i2"),
    ],
)
def test_slope_and_intercept(save, load, write, dtype, slope, inter, expected):
    voxels = _voxels(dtype)
    path = save(voxels, AFFINE)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, slope, inter)
    path.write_bytes(content)
    image = load(path)
    assert image.array.dtype == np.dtype(expected)
    np.testing.assert_allclose(image.array, np.asarray(nibabel.load(path).dataobj).T)
    assert load(path, raw=True).array.dtype == np.dtype(dtype)
    for one in (image, load(path, raw=True)):
        out, context = write(one.array, one.meta)
        assert out.read_bytes() == path.read_bytes()
        assert context.report.losses == []


def test_labels_are_never_rescaled(save, load):
    path = save(_voxels("i2"), AFFINE, intent_code=1002)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, 0.5, 0)
    path.write_bytes(content)
    image = load(path)
    assert image.meta.is_seg.is_seg is True
    assert image.array.dtype == "i2"
    assert image.context.report.warnings


@pytest.mark.parametrize(
    "zipped", [("hdr", "img"), ("hdr.gz", "img.gz"), ("hdr", "img.gz"), ("hdr.gz", "img")]
)
def test_pairs_gzipped_or_not(save, load, tmp_path, zipped):
    save(_voxels("i2"), AFFINE, name="pair.img", kind=nibabel.Nifti1Pair)
    folder = tmp_path / "zipped"
    folder.mkdir()
    for suffix in zipped:
        plain = (tmp_path / f"pair.{suffix.removesuffix('.gz')}").read_bytes()
        content = gzip.compress(plain) if suffix.endswith("gz") else plain
        (folder / f"pair.{suffix}").write_bytes(content)
    for suffix in zipped:
        path = folder / f"pair.{suffix}"
        assert NiftiFormat().sniff(Source(path)) >= Confidence.SIGNATURE
        np.testing.assert_array_equal(load(path).array, _voxels("i2").T)


def test_analyze(save, load):
    path = save(_voxels("i2"), AFFINE, name="old.img", kind=nibabel.AnalyzeImage)
    image = load(path.with_suffix(".hdr"))
    np.testing.assert_array_equal(image.array, _voxels("i2").T)
    assert image.spatial.coord_system is None
    assert image.spatial.spacing == [4, 3, 2]


def test_missing_partner(save, load):
    path = save(_voxels("i2"), AFFINE, name="pair.img", kind=nibabel.Nifti1Pair)
    header = path.with_suffix(".hdr")
    moved = path.rename(path.with_name("elsewhere"))
    with pytest.raises(NotFoundError, match=r"Put pair\.img beside it"):
        load(header)
    moved.rename(path)
    header.unlink()
    with pytest.raises(NotFoundError, match=r"Put pair\.hdr beside it"):
        load(path)


def test_cifti_keeps_its_xml(data, load, write):
    image = load(data / "row_major.dconn.nii")
    assert image.array.shape == (10, 10)  # dim 1 to 4 only keep the matrix in its place
    assert set(image.spatial.axis_labels) == {"non_spatial"}
    assert image.spatial.spacing is None
    assert image.meta.source["extensions"][0]["content"].lstrip().startswith("<")
    out, context = write(image.array, image.meta, name="out.dconn.nii")
    theirs, ours = nibabel.load(data / "row_major.dconn.nii"), nibabel.load(out)
    assert type(ours) is type(theirs)
    assert out.read_bytes() == (data / "row_major.dconn.nii").read_bytes()
    np.testing.assert_array_equal(ours.get_fdata(), theirs.get_fdata())
    assert ours.header.matrix.to_xml() == theirs.header.matrix.to_xml()
    assert context.report.losses == []


def _edited(path, offset, form, *values):
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, offset, *values)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_lying_header_is_refused_at_once(save, load, zipped):
    path = _edited(save(_voxels("i2"), AFFINE), 42, "<3h", 30000, 30000, 30000)
    if zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    start = time.monotonic()
    with pytest.raises(CorruptError, match="its header describes 54,000,000,000,352 bytes"):
        load(path)
    assert time.monotonic() - start < 1


def test_limit(save, load):
    with pytest.raises(LimitError):
        load(save(_voxels("i2"), AFFINE), max_bytes=47)
    load(save(_voxels("i2"), AFFINE), max_bytes=48)


@pytest.mark.parametrize(
    ("offset", "form", "values", "error"),
    [
        (40, "<h", (0,), CorruptError),
        (40, "<h", (8,), CorruptError),
        (44, "<h", (-3,), CorruptError),
        (70, "<h", (77,), CorruptError),
        (70, "<h", (1536,), UnsupportedError),
        (70, "<h", (2048,), UnsupportedError),
        (70, "<h", (1,), UnsupportedError),
        (108, "<f", (np.nan,), CorruptError),
        (108, "<f", (-1.0,), CorruptError),
    ],
)
def test_senseless_fields(save, load, offset, form, values, error):
    with pytest.raises(error):
        load(_edited(save(_voxels("i2"), AFFINE), offset, form, *values))


def test_text_named_nii(tmp_path, load):
    path = tmp_path / "notes.nii"
    path.write_text("no image here\n" * 100)
    with pytest.raises(CorruptError, match="isn't a NIfTI"):
        load(path)


@pytest.mark.parametrize("damage", ["cut", "flip", "checksum", "surplus"])
def test_damaged_gzip(tmp_path, data, load, damage):
    content = bytearray((data / "example4d.nii.gz").read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flip":
        content[len(content) // 2] ^= 0x10
    elif damage == "checksum":
        content[-6] ^= 1
    else:
        content = gzip.compress(gzip.decompress(bytes(content)) + bytes(100 << 20))
    path = tmp_path / "damaged.nii.gz"
    path.write_bytes(content)
    with pytest.raises(CorruptError):
        load(path)


def test_damaged_extension_is_left_out_with_a_warning(tmp_path, data, load):
    path = tmp_path / "x.nii"
    path.write_bytes(gzip.decompress((data / "example4d.nii.gz").read_bytes()))
    image = load(_edited(path, 352 + 32, "<i", 5000))
    assert len(image.meta.source["extensions"]) == 1
    assert "extension" in image.context.report.warnings[0]


def test_without_isal(data, load, monkeypatch, write):
    import sys

    whole = load(data / "example4d.nii.gz")
    monkeypatch.setitem(sys.modules, "isal", None)
    again = load(data / "example4d.nii.gz")
    np.testing.assert_array_equal(again.array, whole.array)
    out, _ = write(again.array, again.meta, name="out.nii.gz")
    np.testing.assert_array_equal(load(out).array, whole.array)


def test_upper_case_names(data, load, tmp_path):
    for name in ("minimal.hdr.gz", "minimal.img.gz"):
        shutil.copyfile(data / name, tmp_path / name.upper())
    assert load(tmp_path / "MINIMAL.HDR.GZ").array.shape == (10, 64, 64)


def test_a_size_of_zero_is_one_and_said(tmp_path):
    """nifti1_io.c (nifti_convert_nhdr2nim): "get dims, and fix bad ones"."""
    import nibabel

    from mlarray_io import Context, Source
    from mlarray_io.engine.registry import installed

    voxels = np.arange(24, dtype="i2").reshape(4, 6)
    nibabel.save(nibabel.Nifti1Image(voxels.reshape(4, 6, 1, 1), np.eye(4)), tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[40:50] = np.array([4, 4, 6, 0, 0], "i2").tobytes()  # dim
    (tmp_path / "a.nii").write_bytes(content)
    format, context = installed().get("nifti"), Context()
    source = Source(tmp_path / "a.nii")
    with format.open(
        source, format.images(source, format.options_type(), context)[0], format.options_type(), context
    ) as reader:
        np.testing.assert_array_equal(reader[tuple(slice(0, n) for n in reader.shape)].squeeze(), voxels.T)
    assert any("dim[3], dim[4] of its header is 0" in text for text in context.report.warnings)
