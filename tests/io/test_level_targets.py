"""Levels of ours as pyramids of other formats, read by other programs."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray_core import Meta, MLArray, geometry
from mlarray_core.errors import LossError
from mlarray_core.levels import pyramid
from mlarray_core.levels import store as levels

tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")

RANDOM = np.random.default_rng(9)


@pytest.fixture
def slide(tmp_path):
    """An RGB image with levels that are no means, so that nobody can have recomputed them."""
    voxels = RANDOM.integers(0, 255, (601, 802, 3)).astype(np.uint8)
    image = MLArray(voxels, spacing=(0.5, 0.5), axis_labels=["spatial_y", "spatial_x", "components"])
    image.save(tmp_path / "slide.mla")
    levels.build(tmp_path / "slide.mla", "auto", "max")
    return tmp_path / "slide.mla"


@pytest.fixture
def labels(tmp_path):
    """A label map with geometry, turned so that OME-Zarr can't say all of it."""
    voxels = RANDOM.choice([0, 2, 7], (40, 150, 130)).astype(np.int16)
    affine = geometry.compose((2.0, 0.5, 0.5), (10.0, -20.0, 30.0), np.eye(3)[::-1])
    meta = Meta(is_seg=True)
    meta.spatial.coord_system = "LPS"
    image = MLArray(voxels, affine=affine, meta=meta, axis_labels=["spatial_z", "spatial_y", "spatial_x"])
    image.save(tmp_path / "labels.mla", levels="auto")
    return tmp_path / "labels.mla"


def test_ome_tiff_holds_our_levels(slide, tmp_path):
    done = mlarray.convert(slide, tmp_path / "a.ome.tif")
    assert done.losses == ()
    ours = MLArray.open(slide).levels
    assert len(ours) == 2
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert file.is_ome
        theirs = file.series[0].levels
        assert len(theirs) == 3
        for mine, level in zip(ours, theirs[1:], strict=True):
            np.testing.assert_array_equal(level.asarray(), mine.to_numpy())


@pytest.mark.parametrize(("asked", "count"), [(0, 0), (1, 1), (2, 2)])
def test_ome_tiff_holds_as_many_as_asked_for(slide, tmp_path, asked, count):
    mlarray.convert(slide, tmp_path / "a.ome.tif", options={"pyramid": asked})
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        theirs = [level.asarray() for level in file.series[0].levels[1:]]
    assert len(theirs) == count
    for mine, array in zip(MLArray.open(slide).levels, theirs, strict=False):
        np.testing.assert_array_equal(array, mine.to_numpy())


def test_tiff_says_which_levels_it_has_no_room_for(tmp_path):
    deep = np.zeros((70, 70, 70), np.uint8)
    MLArray(deep, spacing=(1, 1, 1)).save(tmp_path / "deep.mla", levels="auto")
    done = mlarray.convert(tmp_path / "deep.mla", tmp_path / "a.ome.tif")
    assert [loss.what for loss in done.losses] == ["1 of 1 coarser levels"]
    with pytest.raises(LossError, match="coarser levels"):
        mlarray.convert(tmp_path / "deep.mla", tmp_path / "b.ome.tif", strict=True)
    done = mlarray.convert(tmp_path / "deep.mla", tmp_path / "c.tif", options={"flavour": "imagej"})
    assert "coarser levels" in [loss.what for loss in done.losses]
    done = mlarray.convert(tmp_path / "deep.mla", tmp_path / "d.ome.tif", options={"pyramid": 0})
    assert done.losses == ()


def test_labels_that_a_level_invents_go_into_no_file(tmp_path):
    """Sources with levels of labels that were interpolated: neither format takes them over."""
    labels = RANDOM.choice([0, 2, 7], (140, 130)).astype(np.uint8)
    small = labels[::2, ::2].copy()
    small[3, 3] = 4
    datasets = [
        {"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [2**n, 2**n]}]}
        for n in (0, 1)
    ]
    axes = [{"name": name, "type": "space"} for name in "yx"]
    ome = {"version": "0.5", "image-label": {}, "multiscales": [{"axes": axes, "datasets": datasets}]}
    group = zarr.create_group(str(tmp_path / "bad.ome.zarr"), attributes={"ome": ome})
    for number, level in enumerate((labels, small)):
        group.create_array(str(number), data=level)
    done = mlarray.convert(tmp_path / "bad.ome.zarr", tmp_path / "a.ome.tif")
    assert [loss.what for loss in done.losses if "levels" in loss.what] == ["1 of 1 coarser levels"]
    mlarray.convert(tmp_path / "bad.ome.zarr", tmp_path / "b.ome.zarr", options={"levels": 1})
    made = zarr.open_array(str(tmp_path / "b.ome.zarr"), path="1", mode="r")[...]
    assert set(np.unique(made)) <= {0, 2, 7}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("which", ["slide", "labels"])
def test_ome_zarr_holds_our_levels(which, version, tmp_path, request):
    path = request.getfixturevalue(which)
    mlarray.convert(path, tmp_path / "a.ome.zarr", options={"version": version})
    image = MLArray.open(path)
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="r")
    ome = group.attrs["ome"] if version == "0.5" else group.attrs
    (multiscale,) = ome["multiscales"]
    assert "type" not in multiscale
    names = [axis["name"] for axis in multiscale["axes"]]
    assert len(multiscale["datasets"]) == 1 + len(image.levels) == 3
    for mine, dataset in zip([image, *image.levels], multiscale["datasets"], strict=True):
        voxels = mine.to_numpy() if which == "labels" else np.moveaxis(mine.to_numpy(), 2, 0)
        np.testing.assert_array_equal(group[dataset["path"]][...], voxels)
        scale = dataset["coordinateTransformations"][0]["scale"]
        space = [size for name, size in zip(names, scale, strict=True) if name != "c"]
        np.testing.assert_allclose(space, mine.spacing)


def test_levels_of_ome_zarr_overlay_in_ours_and_in_its_own_world(labels, tmp_path):
    ngff_zarr = pytest.importorskip("ngff_zarr")
    mlarray.convert(labels, tmp_path / "a.ome.zarr")
    theirs = ngff_zarr.from_ngff_zarr(str(tmp_path / "a.ome.zarr"), validate=True).images
    fine, coarse = theirs[0], theirs[2]
    for axis, factor in zip("zyx", (1, 4, 4), strict=True):
        assert coarse.scale[axis] == factor * fine.scale[axis]
        centre = fine.translation[axis] + (factor - 1) / 2 * fine.scale[axis]
        np.testing.assert_allclose(coarse.translation[axis], centre)
    affine = MLArray.open(labels).affine
    read = mlarray.read(tmp_path / "a.ome.zarr", options={"level": 2})
    np.testing.assert_allclose(read.affine, pyramid.affine_at(affine, (1, 4, 4)))


@pytest.mark.parametrize(("asked", "count", "ours"), [("none", 0, True), (1, 1, True), (3, 3, False)])
def test_ome_zarr_holds_as_many_as_asked_for(slide, tmp_path, asked, count, ours):
    mlarray.convert(slide, tmp_path / "a.ome.zarr", options={"levels": asked})
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="r")
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    assert len(datasets) == 1 + count
    for mine, dataset in zip(MLArray.open(slide).levels, datasets[1:], strict=False):
        voxels = np.moveaxis(mine.to_numpy(), 2, 0)
        assert np.array_equal(group[dataset["path"]][...], voxels) is ours


def test_there_and_back(slide, tmp_path):
    before = MLArray.open(slide).levels
    for name in ("a.ome.tif", "a.ome.zarr"):
        mlarray.convert(slide, tmp_path / name)
        done = mlarray.convert(tmp_path / name, tmp_path / f"{name}.mla", options={"levels": "source"})
        assert not [text for text in done.warnings if "taken over" in text]
        back = MLArray.open(tmp_path / f"{name}.mla", verify="full").levels
        for mine, theirs in zip(before, back, strict=True):
            voxels = theirs.to_numpy()
            np.testing.assert_array_equal(voxels, mine.to_numpy())
            np.testing.assert_allclose(theirs.spacing, mine.spacing)
