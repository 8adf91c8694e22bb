"""What is written, as MRtrix' own programs and nibabel read it."""

from __future__ import annotations

import shutil
import subprocess

import nibabel
import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, AxisValues, Meta, MLArray, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_io.testing import specimens
from mlarray_mrtrix import MrtrixFormat
from tests.mrtrix.known import AFFINE, DATA, SAMPLES, SCHEME, content

needs_mrtrix = pytest.mark.skipif(not shutil.which("mrconvert"), reason="MRtrix is not installed")


def lines_of(path, key):
    head = path.read_bytes().partition(b"\nEND\n")[0].decode()
    return [line.partition(": ")[2] for line in head.splitlines() if line.startswith(f"{key}: ")]


def image(voxels, labels, world="RAS", axes=None, bids=None, **others):
    count = sum(label.startswith("spatial") for label in labels)
    matrix = AFFINE if count == 3 else np.eye(count + 1)
    ordered = np.array(matrix)
    ordered[:count, :count] = matrix[:count, :count][:, ::-1]
    meta = Meta(spatial=geometry.spatial_meta(ordered, axis_labels=labels, coord_system=world), **others)
    Additions(axes=axes or {}, bids=bids or {}).store(meta)
    return MLArray(voxels, meta=meta)


SPACE = ["spatial_z", "spatial_y", "spatial_x"]


def by_mrtrix(path, folder):
    """Return voxels, x y z first, and affine that mrconvert makes of a file."""
    out = folder / "by_mrtrix.nii"
    subprocess.run(["mrconvert", "-quiet", "-force", str(path), str(out)], check=True)
    made = nibabel.as_closest_canonical(nibabel.load(out))
    return np.asanyarray(made.dataobj), made.affine


@needs_mrtrix
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("target", ["out.mif", "out.mif.gz", "out.mih"])
def test_mrtrix_reads_what_it_wrote(name, target, tmp_path):
    path = tmp_path / target
    mlarray.convert(DATA / name, path)
    voxels, affine = by_mrtrix(path, tmp_path)
    np.testing.assert_array_equal(voxels, content(name))
    np.testing.assert_allclose(affine, AFFINE, atol=1e-5)


@needs_mrtrix
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "c8", "?"])
@pytest.mark.parametrize("labels", [SPACE, [*SPACE, "channel"], ["temporal", *SPACE]])
def test_mrtrix_reads_images_of_other_formats(dtype, labels, tmp_path):
    shape = tuple({"spatial_z": 3, "spatial_y": 4, "spatial_x": 5}.get(label, 2) for label in labels)
    voxels = (np.arange(np.prod(shape)) % 7).reshape(shape).astype(dtype)
    image(voxels, labels).save(tmp_path / "in.mla")
    mlarray.convert(tmp_path / "in.mla", tmp_path / "out.mif")
    found, affine = by_mrtrix(tmp_path / "out.mif", tmp_path)
    order = [labels.index(label) for label in reversed(SPACE)]
    order += [axis for axis in range(len(labels)) if axis not in order]
    np.testing.assert_array_equal(found, voxels.transpose(order))
    np.testing.assert_allclose(affine, AFFINE, atol=1e-5)


@needs_mrtrix
def test_gradients_of_a_nifti(tmp_path):
    """MRtrix imports and exports FSL's files itself; ours come out the same."""
    source = tmp_path / "dwi.nii.gz"
    exported = ["-export_grad_fsl", str(tmp_path / "dwi.bvec"), str(tmp_path / "dwi.bval")]
    command = ["mrconvert", "-quiet", str(DATA / "volumes.mif"), str(source)]
    subprocess.run([*command, *exported], check=True)
    mlarray.convert(source, tmp_path / "out.mif")
    lines = lines_of(tmp_path / "out.mif", "dw_scheme")
    scheme = [[float(word) for word in line.split(",")] for line in lines]
    np.testing.assert_allclose(scheme, SCHEME, atol=1e-5)
    mlarray.convert(DATA / "volumes.mif", tmp_path / "ours.nii.gz")
    for name in ("bvec", "bval"):
        theirs, ours = (np.loadtxt(tmp_path / f"{stem}.{name}") for stem in ("dwi", "ours"))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_header_comes_back_as_it_was(tmp_path):
    for name in ("plain.mif", "volumes.mif", "sagittal.mif"):
        mlarray.convert(DATA / name, tmp_path / name)
        for key in ("dim", "vox", "layout", "transform", "dw_scheme", "mrtrix_version"):
            assert lines_of(tmp_path / name, key) == lines_of(DATA / name, key)


def test_stored_integers_come_back(tmp_path):
    path = tmp_path / "scaled.mif"
    head = "mrtrix image\ndim: 2,3,4\nvox: 1,1,1\nlayout: +0,+1,+2\ndatatype: Int16LE\nscaling: 10,0.5\n"
    head += "transform: 1,0,0,0\ntransform: 0,1,0,0\ntransform: 0,0,1,0\nfile: . 256\nEND\n"
    stored = np.arange(24, dtype="<i2")
    path.write_bytes(head.encode().ljust(256) + stored.tobytes())
    mlarray.convert(path, tmp_path / "out.mif")
    assert lines_of(tmp_path / "out.mif", "scaling") == ["10.0,0.5"]
    assert (tmp_path / "out.mif").read_bytes().endswith(stored.tobytes())
    mlarray.convert(path, tmp_path / "values.mif", options={"rescale": False})
    assert lines_of(tmp_path / "values.mif", "datatype") == ["Float32LE"]


def test_bits_whose_pieces_end_within_a_byte(monkeypatch, tmp_path):
    monkeypatch.setattr("mlarray_io.sdk.boxes.contiguous.__defaults__", (None, 5))
    voxels = np.random.default_rng(1).random((3, 5, 7)) > 0.5
    image(voxels, SPACE).save(tmp_path / "in.mla")
    mlarray.convert(tmp_path / "in.mla", tmp_path / "out.mif")
    with specimens.opened(MrtrixFormat(), tmp_path / "out.mif") as reader:
        np.testing.assert_array_equal(specimens.whole(reader), voxels)


def test_labels_units_and_times_come_back(tmp_path):
    times = AxisValues("time", "s", [0.0, 2.5])
    given = image(np.zeros((2, 3, 4, 5), "i2"), ["temporal", *SPACE], axes={0: times})
    given.meta.spatial.axis_units = ["s", "mm", "mm", "mm"]
    given.save(tmp_path / "in.mla")
    result = mlarray.convert(tmp_path / "in.mla", tmp_path / "out.mif")
    assert not result.losses
    assert lines_of(tmp_path / "out.mif", "vox") == ["1.5,2.0,3.0,2.5"]
    again = mlarray.read(tmp_path / "out.mif")
    assert list(again.meta.spatial.axis_labels) == ["temporal", *SPACE]
    assert list(again.meta.spatial.axis_units) == ["s", "mm", "mm", "mm"]
    assert Additions.of(again.meta).axes[0].values == [0, 2.5]


def test_a_turned_image_has_the_same_gradients(tmp_path):
    mlarray.convert(DATA / "volumes.mif", tmp_path / "out.mif", orient="PIR")
    assert lines_of(tmp_path / "out.mif", "dw_scheme") == lines_of(DATA / "volumes.mif", "dw_scheme")


def test_losses_are_named(tmp_path):
    sheared = np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    spatial = geometry.spatial_meta(sheared, axis_labels=SPACE)
    image_ = MLArray(np.zeros((2, 3, 4), "f2"), meta=Meta(spatial=spatial, is_seg=True))
    image_.save(tmp_path / "in.mla")
    found = {loss.what for loss in mlarray.convert(tmp_path / "in.mla", tmp_path / "out.mif").losses}
    assert found >= {"shear", "that the world is unset", "the type float16", "that voxels are labels"}


def test_too_many_axes_of_space(tmp_path):
    MLArray(np.zeros((1, 2, 3, 4), "i2"), meta=Meta()).save(tmp_path / "in.mla")
    with pytest.raises(UnsupportedError, match="axes of space"):
        mlarray.convert(tmp_path / "in.mla", tmp_path / "out.mif")
