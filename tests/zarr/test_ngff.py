"""OME-Zarr's metadata: orientation, 0.6, unknown sizes, missing levels, labels."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, Label
from mlarray_core.errors import CorruptError
from mlarray_io import Context, Source
from mlarray_zarr.options import ZarrOptions
from mlarray_zarr.reader import open_zarr

zarr = pytest.importorskip("zarr")

VOXELS = np.random.default_rng(2).integers(0, 900, (4, 6, 8)).astype("u2")
SPACE = [{"name": name, "type": "space"} for name in "zyx"]


def write(path, axes=SPACE, scale=(3.0, 2.0, 1.0), translation=(30.0, 20.0, 10.0), voxels=VOXELS, **more):
    """Write one image of one level as OME-Zarr 0.5."""
    zarr.create_array(f"{path}/0", data=voxels, chunks=voxels.shape)
    steps = [{"type": "scale", "scale": list(scale)}] if scale else []
    steps += [{"type": "translation", "translation": list(translation)}] if translation else []
    content = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}], "name": "image"}
    zarr.open_group(str(path), mode="a").attrs["ome"] = {"version": "0.5", "multiscales": [content], **more}
    return path


def oriented(*values, bare=False):
    told = [value if bare else {"type": "anatomical", "value": value} for value in values]
    return [{**axis, "orientation": value} for axis, value in zip(SPACE, told, strict=True)]


@pytest.mark.parametrize("bare", [False, True])
def test_orientation_is_read(tmp_path, bare):
    """RFC-4: coordinates of an axis increase in the direction that is named; LPS' x leads to the left.

    ngff-zarr 0.50 writes an object, and its nibabel route a bare text.
    """
    axes = oriented("inferior-to-superior", "anterior-to-posterior", "right-to-left", bare=bare)
    image = mlarray.read(write(tmp_path / "a.zarr", axes))
    assert image.meta.spatial.coord_system == "LPS"
    np.testing.assert_allclose(image.affine, [[0, 0, 1, 10], [0, 2, 0, 20], [3, 0, 0, 30], [0, 0, 0, 1]])


def test_axes_may_lead_any_way(tmp_path):
    """A coronal stack: the first axis to the front, rows downwards, columns to the right."""
    axes = oriented("posterior-to-anterior", "superior-to-inferior", "left-to-right")
    image = mlarray.read(write(tmp_path / "a.zarr", axes))
    np.testing.assert_allclose(
        image.affine, [[0, 0, -1, -10], [-3, 0, 0, -30], [0, -2, 0, -20], [0, 0, 0, 1]]
    )


def test_orientations_that_span_no_world_are_told(tmp_path):
    axes = oriented("dorsal-to-ventral", "anterior-to-posterior", "right-to-left")
    context = Context()
    with open_zarr(Source(write(tmp_path / "a.zarr", axes)), "/", ZarrOptions(), context) as reader:
        assert reader.meta.spatial.coord_system is None
    assert any("orientations" in text for text in context.report.warnings)


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
@pytest.mark.parametrize("world", ["RAS", "LPS"])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
@pytest.mark.parametrize("rows", [(2, 1, 0), (1, 2, 0)])
def test_upright_images_keep_left_and_right(tmp_path, version, world, signs, rows):
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    for column, (row, sign) in enumerate(zip(rows, signs, strict=True)):
        affine[row, column] = sign * (column + 1.5)
    affine[:3, 3] = 11, -22, 33
    image = mlarray.MLArray(VOXELS, affine=affine.tolist())
    image.meta.spatial.coord_system = world
    assert mlarray.write(image, tmp_path / "a.zarr", options={"version": version}).losses == ()
    again = mlarray.read(tmp_path / "a.zarr")
    np.testing.assert_allclose(again.affine, affine)
    assert again.meta.spatial.coord_system == world
    name = ".zattrs" if version == "0.4" else "zarr.json"
    content = json.loads((tmp_path / "a.zarr" / name).read_text("utf-8"))
    own = content if version == "0.4" else content["attributes"]
    del own["mlarray"]
    (tmp_path / "a.zarr" / name).write_text(json.dumps(content))
    other = mlarray.read(tmp_path / "a.zarr")
    flip = np.diag([-1, -1, 1, 1]) if world == "RAS" else np.eye(4)
    np.testing.assert_allclose(other.affine, flip @ affine)
    assert other.meta.spatial.coord_system == "LPS"


def test_an_oblique_image_has_no_orientation(tmp_path):
    turned = np.linalg.qr(np.random.default_rng(0).random((3, 3)))[0]
    image = mlarray.MLArray(VOXELS, direction=turned.tolist(), spacing=(1, 1, 1), origin=(0, 0, 0))
    image.meta.spatial.coord_system = "LPS"
    losses = mlarray.write(image, tmp_path / "a.zarr").losses
    assert any("direction" in loss.what for loss in losses)
    assert "orientation" not in (tmp_path / "a.zarr/zarr.json").read_text("utf-8")


def sequence(steps, target="intrinsic"):
    return [
        {"type": "sequence", "transformations": steps, "input": {"path": "0"}, "output": {"name": target}}
    ]


def write_06(path, steps, **more):
    zarr.create_array(f"{path}/0", data=VOXELS)
    content = {
        "coordinateSystems": [{"name": "other", "axes": []}, {"name": "intrinsic", "axes": SPACE}],
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
        **more,
    }
    zarr.open_group(str(path), mode="a").attrs["ome"] = {"version": "0.6", "multiscales": [content]}
    return path


def test_06_of_scale_and_translation(tmp_path):
    """The form that ngff-zarr 0.50 writes: one sequence a level, into one coordinate system (RFC-5)."""
    steps = [{"type": "scale", "scale": [3, 2, 1]}, {"type": "translation", "translation": [30, 20, 10]}]
    further = [{"type": "rotation", "input": "intrinsic", "output": "world"}]
    image = mlarray.read(write_06(tmp_path / "a.zarr", sequence(steps), coordinateTransformations=further))
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert (image.spacing, image.origin) == ([3, 2, 1], [10, 20, 30])


@pytest.mark.parametrize(
    ("steps", "target"),
    [([{"type": "rotation", "rotation": []}], "intrinsic"), ([{"type": "identity"}], "nowhere")],
)
def test_06_of_more_is_refused(tmp_path, steps, target):
    with pytest.raises(Exception, match=r"rotation|0\.6"):
        mlarray.read(write_06(tmp_path / "a.zarr", sequence(steps, target)))


def test_sizes_that_nobody_states_stay_unknown(tmp_path):
    """OME-Zarr 0.1 to 0.3 have no scales; a size of 0 is none (microscopes' programs write it)."""
    zarr.create_array(f"{tmp_path}/a.zarr/0", data=VOXELS, zarr_format=2)
    content = {"version": "0.3", "axes": ["z", "y", "x"], "datasets": [{"path": "0"}]}
    zarr.open_group(f"{tmp_path}/a.zarr", mode="a", zarr_format=2).attrs["multiscales"] = [content]
    for path in (tmp_path / "a.zarr", write(tmp_path / "b.zarr", scale=(0, 1, 1), translation=None)):
        spatial = mlarray.read(path).meta.spatial
        assert (spatial.spacing, spatial.origin, spatial.affine) == (None, None, None)
        assert spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]


def test_a_missing_coarser_level_is_told_and_the_image_read(tmp_path):
    image = mlarray.MLArray(np.arange(64**3, dtype="u2").reshape(64, 64, 64))
    mlarray.write(image, tmp_path / "a.zarr", options={"levels": 2})
    shutil.rmtree(tmp_path / "a.zarr/1")
    context = Context()
    with open_zarr(Source(tmp_path / "a.zarr"), "/", ZarrOptions(), context) as reader:
        assert [level.shape for level in reader.levels] == [(16, 16, 16)]
    assert any("level 1 is left out" in text for text in context.report.warnings)
    with pytest.raises(CorruptError, match="missing"):
        mlarray.read(tmp_path / "a.zarr", options={"level": 1})


def test_labels_are_named_and_their_table_is_read(tmp_path):
    """OME-Zarr 0.4, "labels": colours and properties by value."""
    path = write(tmp_path / "a.zarr")
    table = {
        "colors": [{"label-value": 1, "rgba": [255, 0, 0, 255]}, {"label-value": 2, "rgba": [0, 0, 9, 128]}],
        "properties": [{"label-value": 2, "class": "nucleus"}, {"label-value": 5, "area": 7}],
    }
    write(path / "labels/cells", voxels=(VOXELS % 3).astype("u1"), **{"image-label": table})
    zarr.open_group(f"{path}/labels", mode="a").attrs["ome"] = {"version": "0.5", "labels": ["cells"]}
    context = Context()
    open_zarr(Source(path), "/", ZarrOptions(), context).close()
    assert any("labels/cells" in text for text in context.report.warnings)
    labels = mlarray.read(path, image="labels/cells")
    assert labels.meta.is_seg.is_seg is True
    table = Additions.of(labels.meta).labels
    assert [(one.value, one.name, one.color) for one in table] == [
        (1, "", "#ff0000"), (2, "nucleus", "#00000980"), (5, "", None),
    ]  # fmt: skip


def test_a_label_table_is_written(tmp_path):
    meta = mlarray.Meta(is_seg=True)
    Additions(labels=[Label(1, "liver", "#ff0000"), Label(3, "spleen")]).store(meta)
    mlarray.write(mlarray.MLArray((VOXELS % 4).astype("u1"), meta=meta), tmp_path / "a.zarr")
    ome = json.loads((tmp_path / "a.zarr/zarr.json").read_text("utf-8"))["attributes"]["ome"]
    assert ome["image-label"]["colors"] == [{"label-value": 1, "rgba": [255, 0, 0, 255]}]
    assert [one["class"] for one in ome["image-label"]["properties"]] == ["liver", "spleen"]
