"""What is written for images of any origin, as nibabel reads it back."""

from __future__ import annotations

import gzip
from functools import partial

import nibabel
import numpy as np
import pytest

from mlarray_core import Additions, AxisValues, Meta, Rescale, geometry
from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_io import Context, ImageRef, Source
from mlarray_io.engine.views import OrientedView
from mlarray_io.sdk import boxes
from mlarray_io.sdk.boxes import contiguous
from mlarray_nifti import NiftiFormat, NiftiOptions

ZYX = ["spatial_z", "spatial_y", "spatial_x"]
OBLIQUE = np.array([[-1.9, 0.3, 0.1, 12], [0.2, 1.8, -0.5, -30], [0.1, 0.4, 2.4, 7], [0, 0, 0, 1.0]])
ROTATED = np.array([[0, 0, -2.0, 10], [0, 3, 0, 20], [4, 0, 0, 30], [0, 0, 0, 1]])
VOXELS = np.arange(24, dtype="i2").reshape(2, 3, 4)


def _meta(affine=ROTATED, labels=ZYX, world="LPS", units=None):
    return Meta(
        spatial=geometry.spatial_meta(affine, axis_labels=labels, coord_system=world, axis_units=units)
    )


def _ras(affine):
    return geometry.to_world(affine, "LPS", "RAS")[:, [2, 1, 0, 3]]


def _whats(context):
    return [loss.what for loss in context.report.losses]


def test_foreign_image(write):
    out, context = write(VOXELS, _meta())
    image = nibabel.load(out)
    np.testing.assert_array_equal(np.asarray(image.dataobj), VOXELS.T)
    np.testing.assert_allclose(image.affine, _ras(ROTATED))
    np.testing.assert_allclose(image.get_qform(), _ras(ROTATED), atol=1e-6)
    assert (image.header["sform_code"], image.header["qform_code"]) == (2, 2)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert context.report.losses == []


def test_from_dicom_the_world_is_the_scanner(write):
    meta = _meta()
    meta._set_by_library(image_meta_format="dicom")
    out, _ = write(VOXELS, meta)
    assert nibabel.load(out).header["sform_code"] == 1


def test_sheared_image_has_no_qform(write):
    sheared = ROTATED.copy()
    sheared[1, 2] = 0.7
    out, _ = write(VOXELS, _meta(sheared))
    image = nibabel.load(out)
    np.testing.assert_allclose(image.affine, _ras(sheared), rtol=1e-6)
    assert image.header["qform_code"] == 0


@pytest.mark.parametrize("world", [None, "left-up-sideways"])
def test_no_world(write, world):
    out, context = write(VOXELS, _meta(world=world))
    header = nibabel.load(out).header
    assert (header["sform_code"], header["qform_code"]) == (0, 0)
    np.testing.assert_allclose(header.get_zooms(), (2, 3, 4))
    assert _whats(context) == ["position and direction of the image"]


def test_spacing_alone_is_no_loss(write):
    spatial = geometry.spatial_meta(None, axis_labels=ZYX, spacing=[4, 3, 2])
    out, context = write(VOXELS, Meta(spatial=spatial))
    np.testing.assert_allclose(nibabel.load(out).header.get_zooms(), (2, 3, 4))
    assert context.report.losses == []


def test_array_without_metadata(write):
    out, context = write(VOXELS)
    assert nibabel.load(out).shape == (4, 3, 2)
    assert context.report.losses == []


def test_axes_in_another_order(write):
    labels = ["spatial_x", "spatial_y", "spatial_z"]
    affine = ROTATED[:, [2, 1, 0, 3]]
    out, _ = write(VOXELS.T, _meta(affine, labels))
    image = nibabel.load(out)
    np.testing.assert_array_equal(np.asarray(image.dataobj), VOXELS.T)
    np.testing.assert_allclose(image.affine, _ras(ROTATED))


@pytest.mark.parametrize(
    ("labels", "shape", "dims", "intent"),
    [
        (["temporal", *ZYX], (5, 2, 3, 4), (4, 3, 2, 5), 0),
        ([*ZYX, "components"], (2, 3, 4, 5), (4, 3, 2, 1, 5), 1007),
        (["components", *ZYX], (3, 2, 3, 4), (4, 3, 2, 1, 3), 1007),
        (["channel", "temporal", *ZYX], (2, 5, 2, 3, 4), (4, 3, 2, 5, 2), 0),
        ([*ZYX, "temporal"], (2, 3, 4, 5), (4, 3, 2, 5), 0),
        (["temporal", "spatial_y", "spatial_x"], (5, 3, 4), (4, 3, 1, 5), 0),
    ],
)
def test_where_axes_go(write, load, labels, shape, dims, intent):
    voxels = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    count = sum(label.startswith("spatial") for label in labels)
    out, context = write(voxels, _meta(np.eye(count + 1), labels))
    image = nibabel.load(out)
    assert image.shape == dims
    assert image.header["intent_code"] == intent
    wanted = {"spatial_x": 0, "spatial_y": 1, "spatial_z": 2, "temporal": 3, "channel": 4, "components": 4}
    order = sorted(range(len(labels)), key=lambda axis: wanted[labels[axis]])
    np.testing.assert_array_equal(np.asarray(image.dataobj).squeeze(), voxels.transpose(order).squeeze())
    assert context.report.losses == []


def test_labels_that_nifti_lacks_are_a_loss(write):
    out, context = write(VOXELS[None].repeat(2, 0), _meta(labels=["channel", *ZYX]))
    assert nibabel.load(out).shape == (4, 3, 2, 2)
    assert _whats(context) == ["axis label channel"]


def test_too_many_axes(write):
    labels = ["a", "b", "c", "d", "e", *ZYX]
    with pytest.raises(UnsupportedError, match="7 axes"):
        write(np.zeros((1, 1, 1, 1, 1, 2, 2, 2), "u1"), _meta(labels=labels))
    with pytest.raises(UnsupportedError, match="three spatial axes"):
        write(np.zeros((2, 2, 2, 2), "u1"))


def test_rgb(write):
    colours = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 3), "u1")
    out, context = write(colours, _meta(labels=[*ZYX, "components"]))
    image = nibabel.load(out)
    assert image.get_data_dtype().names == ("R", "G", "B")
    theirs = np.asarray(image.dataobj)
    for at, name in enumerate("RGB"):
        np.testing.assert_array_equal(theirs[name], colours[..., at].T)
    assert context.report.losses == []


@pytest.mark.parametrize(
    ("given", "held"), [("?", "u1"), ("f2", "f4"), ("u8", "u8"), ("c16", "c16"), (">i2", "i2")]
)
def test_types(write, given, held):
    voxels = (np.arange(24) % 2).reshape(2, 3, 4).astype(given)
    out, context = write(voxels, _meta())
    image = nibabel.load(out)
    assert image.get_data_dtype() == held
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels.T.astype(held))
    # masks of bool are uint8 in every NIfTI; 16-bit floats that get longer are told, as by other formats
    assert [loss.what for loss in context.report.losses] == ["the type float16"] * (given == "f2")


def test_type_that_nifti_lacks(write):
    with pytest.raises(UnsupportedError, match="float64"):
        write(VOXELS.astype(np.longdouble), _meta())


@pytest.mark.parametrize(
    ("unit", "code", "scale"), [("um", 3, 1), ("m", 1, 1), ("cm", 2, 10), ("nm", 3, 1e-3), ("µm", 3, 1)]
)
def test_units_of_length(write, unit, code, scale):
    out, context = write(VOXELS, _meta(units=[unit] * 3))
    header = nibabel.load(out).header
    assert header["xyzt_units"] == code
    np.testing.assert_allclose(header.get_zooms(), np.array([2, 3, 4]) * scale, rtol=1e-6)
    assert context.report.losses == []


def test_unknown_unit_is_a_loss(write):
    _, context = write(VOXELS, _meta(units=["parsec"] * 3))
    assert _whats(context) == ["unit of length parsec"]


def test_time_steps(write):
    meta = _meta(labels=["temporal", *ZYX], units=["min", "mm", "mm", "mm"])
    Additions(axes={0: AxisValues("time", "min", [1.0, 1.5, 2.0])}).store(meta)
    out, context = write(np.zeros((3, 2, 3, 4), "u1"), meta)
    header = nibabel.load(out).header
    assert (header["pixdim"][4], header["toffset"], header["xyzt_units"]) == (30, 60, 10)
    assert context.report.losses == []
    Additions(axes={0: AxisValues(values=[0.0, 1.0, 5.0])}).store(meta)
    _, context = write(np.zeros((3, 2, 3, 4), "u1"), meta)
    assert _whats(context) == ["positions along axis 0"]


def test_what_nifti_cannot_hold_is_told(write):
    meta = _meta()
    meta.source = {"Modality": "MR"}
    meta.extra["mine"] = 1
    meta.add_bbox([[0, 1], [0, 1], [0, 1]])
    _, context = write(VOXELS, meta)
    assert _whats(context) == ["the header of the source", "bounding boxes", "extra: mine"]


def test_segmentation(write):
    meta = _meta()
    meta.is_seg = True
    out, _ = write(VOXELS.astype("u1"), meta)
    assert nibabel.load(out).header["intent_code"] == 1002


def test_stored_values_of_another_format_keep_their_slope(write):
    meta = _meta()
    Additions(rescale=Rescale(0.5, -3, "int16", applied=False)).store(meta)
    out, _ = write(VOXELS, meta)
    image = nibabel.load(out)
    np.testing.assert_allclose(image.get_fdata(), VOXELS.T * 0.5 - 3)
    assert image.dataobj.slope == 0.5


def test_changed_voxels_of_a_scaled_image(data, load, write):
    image = load(data / "functional.nii")
    _, context = write(image.array + 0.01, image.meta)
    assert _whats(context) == ["exact values of changed voxels"]
    with pytest.raises(UnsupportedError, match="-o rescale=no"):
        write(image.array * 1e6, image.meta)
    out, context = write(image.array * 1e6, image.meta, rescale=False)
    assert context.report.losses == []
    written = nibabel.load(out)
    assert written.get_data_dtype() == "f4"
    np.testing.assert_array_equal(np.asarray(written.dataobj), image.array.T * np.float32(1e6))


def test_changed_geometry_wins(data, load, write):
    image = load(data / "example4d.nii.gz")
    image.meta.spatial.spacing[0] = 5.0
    out, _ = write(image.array, image.meta)
    theirs, ours = nibabel.load(data / "example4d.nii.gz"), nibabel.load(out)
    np.testing.assert_allclose(ours.header.get_zooms()[:3], (2, 2, 5), rtol=1e-6)
    np.testing.assert_allclose(
        ours.affine[:, 2] / 5, theirs.affine[:, 2] / theirs.header.get_zooms()[2], atol=1e-6
    )
    assert ours.header["descrip"] == theirs.header["descrip"]
    assert (ours.header["sform_code"], ours.header["qform_code"]) == (1, 1)


@pytest.mark.parametrize("code", ["RAS", "LPI", "SAR", "PIL"])
def test_reorienting_moves_both_forms_and_slices(data, tmp_path, code):
    format, context = NiftiFormat(), Context()
    with format.open(Source(data / "example4d.nii.gz"), ImageRef("0"), NiftiOptions(), context) as reader:
        format.write(OrientedView(reader, code), tmp_path / "turned.nii", NiftiOptions(), context)
    theirs = nibabel.load(data / "example4d.nii.gz")
    wanted = nibabel.orientations.axcodes2ornt(code)
    turned = theirs.as_reoriented(
        nibabel.orientations.ornt_transform(nibabel.io_orientation(theirs.affine), wanted)
    )
    ours = nibabel.load(tmp_path / "turned.nii")
    np.testing.assert_array_equal(np.asarray(ours.dataobj), np.asarray(turned.dataobj))
    np.testing.assert_allclose(ours.get_sform(), turned.affine, atol=1e-4)
    np.testing.assert_allclose(ours.get_qform(), turned.affine, atol=1e-3)
    assert ours.header.get_dim_info() == turned.header.get_dim_info()


def test_flipped_slices_are_counted_from_the_other_end(save, tmp_path):
    path = save(VOXELS.T, np.eye(4), dim_info=3 << 4, slice_code=1, slice_start=0, slice_end=1)
    format = NiftiFormat()
    with format.open(Source(path), ImageRef("0"), NiftiOptions(), Context()) as reader:
        format.write(OrientedView(reader, "RAI"), tmp_path / "turned.nii", NiftiOptions(), Context())
    header = nibabel.load(tmp_path / "turned.nii").header
    assert (header["slice_code"], header["slice_start"], header["slice_end"]) == (2, 0, 1)


def test_versions(data, load, write):
    image = load(data / "example4d.nii.gz")
    out, context = write(image.array, image.meta, version="2")
    ours, theirs = nibabel.load(out), nibabel.load(data / "example4d.nii.gz")
    assert type(ours) is nibabel.Nifti2Image
    np.testing.assert_allclose(ours.affine, theirs.affine)
    assert [e.get_content() for e in ours.header.extensions] == [
        e.get_content() for e in theirs.header.extensions
    ]
    image = load(data / "example_nifti2.nii.gz")
    out, _ = write(image.array, image.meta)
    assert type(nibabel.load(out)) is nibabel.Nifti2Image
    out, _ = write(image.array, image.meta, version="1")
    assert type(nibabel.load(out)) is nibabel.Nifti1Image
    assert context.report.losses == []


def test_long_axis_takes_nifti2(write):
    out, _ = write(np.zeros((1, 1, 40000), "u1"), _meta())
    assert type(nibabel.load(out)) is nibabel.Nifti2Image
    with pytest.raises(UnsupportedError, match="-o version=1"):
        write(np.zeros((1, 1, 40000), "u1"), _meta(), version="1")


@pytest.mark.parametrize("name", ["pair.hdr", "pair.img", "pair.hdr.gz", "pair.img.gz"])
def test_pairs(write, name, tmp_path):
    out, _ = write(VOXELS, _meta(), name=name)
    assert {path.name for path in tmp_path.iterdir()} == {
        out.name,
        *(p.name for p in NiftiFormat().companions(out)),
    }
    image = nibabel.load(out)
    assert type(image) is nibabel.Nifti1Pair
    np.testing.assert_array_equal(np.asarray(image.dataobj), VOXELS.T)


@pytest.mark.parametrize("level", range(10))
def test_gzip_levels_are_deterministic(write, level):
    out, _ = write(VOXELS, _meta(), name="a.nii.gz", gzip_level=level)
    again, _ = write(VOXELS, _meta(), name="b.nii.gz", gzip_level=level)
    assert out.read_bytes() == again.read_bytes()
    assert gzip.decompress(out.read_bytes())[352:] == VOXELS.tobytes()


def test_gzip_level_out_of_range(write):
    with pytest.raises(ArgumentError, match="gzip_level"):
        write(VOXELS, _meta(), name="a.nii.gz", gzip_level=12)


def test_voxels_are_written_in_pieces(write, monkeypatch):
    voxels = np.arange(2 * 7 * 5 * 3, dtype="i4").reshape(2, 7, 5, 3)
    for piece in (1, 4, 12, 50, 60, 130, 10_000):
        monkeypatch.setattr(boxes, "contiguous", partial(contiguous, budget=piece))
        for labels in (["temporal", *ZYX], [*ZYX, "temporal"]):
            whole = voxels if labels[0] == "temporal" else voxels.transpose(1, 2, 3, 0)
            out, _ = write(whole, _meta(labels=labels))
            assert out.read_bytes()[352:] == voxels.tobytes()
