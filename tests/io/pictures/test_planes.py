"""Pictures of images: which planes, which way up, in which proportions and colours."""

from __future__ import annotations

import numpy as np
import pytest

from mlarray_core import Meta, MetaSpatial, MLArray
from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_io.pictures import planes as picture
from mlarray_io.pictures import sheet

ZYX = ["spatial_z", "spatial_y", "spatial_x"]


def volume(array, world="LPS", **more):
    image = MLArray(array, axis_labels=ZYX, **more)
    image.meta.spatial.coord_system = world
    return image


def corner(world):
    """Return an image with one bright corner: left, posterior, superior."""
    array = np.zeros((5, 6, 7), np.uint8)
    array[-1, -1, -1] = 200
    direction = np.eye(3)[:, ::-1]  # axis 0 is world z, axis 2 world x
    if world == "RAS":
        array = array[:, ::-1, ::-1]
    return volume(
        np.ascontiguousarray(array), world, spacing=(1, 1, 1), origin=(0, 0, 0), direction=direction
    )


@pytest.mark.parametrize("world", ["LPS", "RAS"])
def test_a_volume_is_shown_as_seen_from_the_feet_with_the_head_up(world):
    image = corner(world)
    image = volume(
        np.broadcast_to(image.to_numpy().max(axis=0), (5, 6, 7)), world, spacing=(1, 1, 1), origin=(0, 0, 0),
        direction=np.eye(3)[:, ::-1],
    )  # fmt: skip
    axial = picture.planes(image, "0,200")[0]
    assert axial.title == "axial"
    bright = np.argwhere(axial.pixels[..., 0] > 100)
    assert bright.tolist() == [[5, 6]]  # posterior at the bottom, the patient's left on the right


def test_head_up():
    array = np.zeros((5, 6, 7), np.uint8)
    array[-1] = 200
    coronal = picture.planes(
        volume(array, spacing=(1, 1, 1), origin=(0, 0, 0), direction=np.eye(3)[:, ::-1]), "0,200"
    )[1]
    assert coronal.title == "coronal"
    assert (coronal.pixels[0] > 100).all()
    assert not coronal.pixels[1:].any()


def test_millimetres_decide_the_proportions():
    image = volume(
        np.zeros((10, 20, 30), np.int16),
        spacing=(5.0, 0.5, 1.0),
        origin=(0, 0, 0),
        direction=np.eye(3)[:, ::-1],
    )
    sizes = [(plane.height, plane.width) for plane in picture.planes(image)]
    assert sizes == [(10, 30), (50, 30), (50, 10)]


def test_without_a_world_axes_are_named_by_number():
    image = MLArray(np.zeros((4, 5, 6), np.float32))
    assert [plane.title for plane in picture.planes(image)] == [
        "along axis 0",
        "along axis 1",
        "along axis 2",
    ]


def test_a_picture_is_one_plane_in_its_colours():
    array = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    shown = picture.planes(MLArray(array, axis_labels=["spatial_y", "spatial_x", "components"]))
    assert len(shown) == 1
    np.testing.assert_array_equal(shown[0].pixels, array)


def test_no_label_is_as_black_as_nothing():
    labels = np.arange(-300, 900, dtype=np.int16).reshape(1, 30, 40)
    image = MLArray(labels, axis_labels=ZYX, meta=Meta(is_seg=True))
    black = (picture.planes(image)[0].pixels == 0).all(axis=-1)
    np.testing.assert_array_equal(black, labels[0] == 0)


def test_labels_have_one_colour_each_and_black_behind():
    array = np.zeros((4, 5, 6), np.uint8)
    array[:, 1:, 1:] = 3
    array[:, 3:, 3:] = 9
    axial = picture.planes(volume(array, meta=Meta(is_seg=True)))[0]
    assert axial.labels
    assert not axial.pixels[0].any()
    assert len(np.unique(axial.pixels.reshape(-1, 3), axis=0)) == 3


def test_time_and_channels_show_their_first_entry():
    array = np.zeros((2, 4, 5, 6), np.int16)
    array[1] = 100
    image = MLArray(array, axis_labels=["temporal", *ZYX])
    assert len(picture.planes(image)) == 3


@pytest.mark.parametrize("window", ["ct-bone", "-100,300", None])
def test_windows(window):
    assert picture.planes(MLArray(np.arange(60.0).reshape(3, 4, 5)), window)


def test_a_wrong_window_names_the_right_ones():
    with pytest.raises(ArgumentError, match="ct-bone"):
        picture.planes(MLArray(np.zeros((3, 4, 5))), "liver")


def test_metadata_only_can_not_be_shown():
    with pytest.raises(UnsupportedError):
        picture.planes(MLArray(meta=Meta(bbox=[[[0, 1], [2, 3]]])))


def test_what_can_not_be_shown_is_named(tmp_path):
    MLArray(meta=Meta(bbox=[[[0, 1], [2, 3]]])).save(tmp_path / "boxes.mla")
    with pytest.raises(UnsupportedError, match=r"boxes\.mla"):
        picture.planes_of(str(tmp_path / "boxes.mla"))


def test_a_coarse_level_is_read_where_there_is_one(tmp_path):
    MLArray(np.zeros((2100, 2100), np.uint8)).save(tmp_path / "large.mla", levels="auto")
    shown = picture.planes(MLArray.open(tmp_path / "large.mla"))
    assert shown[0].pixels.shape == (525, 525, 3)


@pytest.mark.parametrize("axes", [ZYX, ZYX[1:], ["temporal", *ZYX], [*ZYX[1:], "components"]])
def test_large_images_are_read_by_their_middle_planes(axes, monkeypatch):
    """The same planes, without the rest."""
    array = np.random.default_rng(0).integers(0, 255, [11, 12, 13, 3][4 - len(axes) :]).astype(np.uint8)
    image = MLArray(array, axis_labels=axes, meta=Meta(spatial=MetaSpatial(coord_system="RAS")))
    whole = picture.planes(image, "0,255")
    read, original = [], type(image).read
    monkeypatch.setattr(picture, "WHOLE", 0)
    monkeypatch.setattr(type(image), "read", lambda *asked: read.append(original(*asked)) or read[-1])
    planes = picture.planes(image, "0,255")
    assert [plane.title for plane in planes] == [plane.title for plane in whole]
    for one, other in zip(planes, whole, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
    if "spatial_z" in axes:  # a picture is its middle plane
        assert sum(voxels.size for voxels in read) < array.size


def test_levels_of_the_source_are_shown(tmp_path):
    """A slide is too large to be read; its pyramid isn't."""
    tifffile = pytest.importorskip("tifffile")
    fine = np.zeros((1200, 1400, 3), np.uint8)
    coarse = np.random.default_rng(0).integers(0, 255, (600, 700, 3)).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "slide.ome.tif", ome=True) as file:
        options = {"photometric": "rgb", "tile": (64, 64)}
        file.write(fine, subifds=1, metadata={"axes": "YXS"}, **options)
        file.write(coarse, subfiletype=1, **options)
    (plane,) = picture.planes_of(str(tmp_path / "slide.ome.tif"))
    np.testing.assert_array_equal(plane.pixels, coarse)


def test_png_and_terminal(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    shown = picture.planes(volume(np.random.default_rng(0).integers(0, 99, (10, 20, 30)).astype(np.int16)))
    sheet.save(shown, tmp_path / "planes.png", 100)
    with image_module.open(tmp_path / "planes.png") as picked:
        assert picked.height == 100
    lines = sheet.blocks(shown, 60, 24).plain.splitlines()
    assert max(map(len, lines)) <= 60
    assert "\u2580" in lines[0]


@pytest.mark.parametrize(("columns", "lines", "rows"), [(79, 38, 2), (200, 20, 1), (30, 60, 3)])
def test_planes_in_a_terminal_are_as_large_as_it_allows(columns, lines, rows):
    """A cube's three planes: beside one another in a wide terminal, below one another in a narrow one."""
    shown = picture.planes(volume(np.ones((50, 50, 50), np.int16)))
    drawn = sheet.blocks(shown, columns, lines).plain.splitlines()
    assert len(drawn) <= lines
    assert max(map(len, drawn)) <= columns
    sides = {line.strip() for line in drawn}
    (side,) = {len(part) for line in sides for part in line.split("  ")}
    assert len(drawn) == rows * ((side + 1) // 2)
    most = {count: min((columns - 2 * (-(-3 // count) - 1)) / -(-3 // count), 2 * (lines - count) / count)
            for count in (1, 2, 3)}  # fmt: skip
    assert side == int(max(most.values()))
