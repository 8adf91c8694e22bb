"""What is sent: exact voxels, of the resolution that was asked for, and no more than is needed."""

from __future__ import annotations

import numpy as np
import pytest

from mlarray import MLArray, convert
from mlarray_core.meta import Label
from mlarray_io.engine.settings import Settings
from mlarray_io.viewer.display import indexed, shown_values
from mlarray_io.viewer.versions import FIRST, Version, versions_of
from tests.viewer.served import ask, piece, served, told

PAGE = [
    "asked.js",
    "assets/niivue.umd.js",
    "icon.svg",
    "main.js",
    "panel.js",
    "place.js",
    "slides.js",
    "viewer.css",
    "volumes.js",
]
SPACE = ["spatial_z", "spatial_y", "spatial_x"]


def saved(path, voxels, *, axes=SPACE, **more):
    space = [label for label in axes if label in SPACE]
    affine = np.eye(4)
    affine[:3, :3] = [[name == f"spatial_{row}" for name in space] for row in "xyz"]
    image = MLArray(voxels, axis_labels=list(axes), affine=affine)
    for name, value in more.items():
        setattr(image.meta, name, value)
    image.save(path)
    return path


class Recorded:
    """A reader that notes what is read of it."""

    def __init__(self, reader):
        self._reader, self.boxes = reader, []

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def __getitem__(self, box):
        self.boxes.append(box)
        return self._reader[box]


def reader_of(path):
    from mlarray_io.mla import MlaReader

    return MlaReader(MLArray.open(path))


def test_every_nth_voxel_is_taken_where_nothing_coarser_is_stored(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 1000, (90, 160, 130)).astype(np.int16)
    reader = reader_of(saved(tmp_path / "a.mla", voxels))
    versions, reasons = versions_of(reader)
    assert reasons == []
    assert [one.steps for one in versions] == [(1, 1, 1), (2, 2, 2)]
    last = versions[-1]
    assert (last.shape, last.shifts, last.sampled) == ((45, 80, 65), (0, 0, 0), True)
    box = (slice(3, 40), slice(1, 77), slice(0, 65))
    assert np.array_equal(last.read(box), voxels[::2, ::2, ::2][box])


def test_stored_levels_are_taken_and_none_is_made_where_they_are_coarse_enough(tmp_path):
    saved(tmp_path / "a.mla", np.zeros((160, 160, 160), np.uint8))
    convert(tmp_path / "a.mla", tmp_path / "b.mla", levels="auto")
    versions, _ = versions_of(reader_of(tmp_path / "b.mla"))
    assert [one.sampled for one in versions] == [False, False, False]
    assert [one.factors for one in versions] == [(1, 1, 1), (2, 2, 2), (4, 4, 4)]
    assert [one.shifts for one in versions] == [(0, 0, 0), (0.5, 0.5, 0.5), (1.5, 1.5, 1.5)]


def test_resolutions_of_every_nth_voxel_come_out_of_one_another(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 255, (130, 270, 260)).astype(np.uint8)
    with served(saved(tmp_path / "a.mla", voxels), settings=Settings(labels=False)) as server:
        image = server.answers.images[0]
        assert [one.steps for one in image.versions[1:]] == [(2, 2, 2), (4, 4, 4)]
        for level in (2, 1):
            step = 2**level
            assert np.array_equal(piece(server, 0, level=level)[1], voxels[::step, ::step, ::step])
        assert list(image._kept) == [(1, ())]


def test_planes_that_no_voxel_is_taken_of_are_not_read(tmp_path):
    reader = Recorded(reader_of(saved(tmp_path / "a.mla", np.zeros((64, 64, 64), np.uint8))))
    reader.chunks = (1, 64, 64)
    Version(reader, (8, 8, 8), (8, 8, 8), (0, 0, 0)).read((slice(0, 8),) * 3)
    assert [box[0] for box in reader.boxes] == [slice(at, at + 1) for at in range(0, 64, 8)]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16"])
def test_small_integers_are_sent_as_they_are(tmp_path, dtype):
    voxels = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (3, 4, 5)).astype(dtype)
    with served(saved(tmp_path / "a.mla", voxels), settings=Settings(labels=False)) as server:
        assert np.array_equal(piece(server, 0, level=0)[1], voxels)


@pytest.mark.parametrize(
    ("voxels", "text"),
    [
        (np.array([[[2**63 - 1]]], np.int64), "9223372036854775807"),
        (np.array([[[2**64 - 1]]], np.uint64), "18446744073709551615"),
        (np.array([[[0.1]]], np.float64), "0.1"),
        (np.array([[[0.1]]], np.float32), "0.1"),
        (np.array([[[np.nan]]], np.float32), "nan"),
        (np.array([[[1 + 2j]]], np.complex64), "(1+2j)"),
    ],
)
def test_values_are_told_with_every_digit_whatever_the_picture_holds(tmp_path, voxels, text):
    with served(saved(tmp_path / "a.mla", voxels)) as server:
        assert told(server, "image/0/value.json?at=0,0,0")["values"] == [text]
        assert told(server, "image/0/value.json?at=1,0,0") == {"inside": False}


def test_complex_values_are_shown_by_their_magnitude():
    assert shown_values(np.array([3 + 4j])).tolist() == [5.0]


def test_time_and_channels_are_chosen_by_entry(tmp_path):
    voxels = np.arange(2 * 3 * 2 * 4 * 5, dtype=np.int16).reshape(2, 3, 2, 4, 5)
    labels = ["temporal", "channel", *SPACE]
    with served(saved(tmp_path / "a.mla", voxels, axes=labels), settings=Settings(labels=False)) as server:
        entries = told(server, "images.json")["images"][0]["entries"]
        assert [(one["name"], one["size"]) for one in entries] == [("time", 2), ("channel", 3)]
        assert np.array_equal(piece(server, 0, level=0, entry="1,2")[1], voxels[1, 2])
        assert told(server, "image/0/value.json?at=4,3,1&entry=1,2")["values"] == [str(voxels[1, 2, 1, 3, 4])]
        assert ask(server, "image/0/voxels?level=0&entry=2,0")[0] == 400


def test_axes_in_another_order_come_x_first(tmp_path):
    voxels = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    labels = ["spatial_x", "spatial_y", "spatial_z"]
    with served(saved(tmp_path / "a.mla", voxels, axes=labels), settings=Settings(labels=False)) as server:
        assert np.array_equal(piece(server, 0, level=0)[1], voxels.transpose())


def test_a_piece_around_a_point_has_the_place_that_it_says(tmp_path):
    voxels = np.random.default_rng(1).integers(0, 1000, (80, 90, 100)).astype(np.int16)
    with served(saved(tmp_path / "a.mla", voxels), settings=Settings(labels=False)) as server:
        head, got, _ = piece(server, 0, level=0, around="60,20,70", most=2 * 30**3)
        (x0, x1), (y0, y1), (z0, z1) = head["box"]
        assert (x1 - x0, y1 - y0, z1 - z0) == (30, 30, 30)
        assert np.array_equal(got, voxels[z0:z1, y0:y1, x0:x1])
        assert [row[3] for row in head["affine"][:3]] == [x0, y0, z0]
        assert x0 <= 60 < x1
        assert y0 <= 20 < y1
        assert z0 <= 70 < z1


def test_the_window_is_that_of_all_voxels_wherever_the_bright_ones_are(tmp_path):
    voxels = np.zeros((24, 96, 128), np.int16)
    voxels[:, 30:70, 65:100] = np.arange(35) * 10
    with served(saved(tmp_path / "a.mla", voxels), settings=Settings(labels=False)) as server:
        low, high = told(server, "image/0/window.json")
        assert (low, high) == tuple(np.percentile(voxels, (1, 99)))


def test_what_lies_over_an_image_is_cut_to_it(tmp_path):
    voxels = np.random.default_rng(1).integers(0, 5, (20, 20, 20)).astype(np.uint8)
    corners = ",".join(
        str(part) for x in (4.5, 8.5) for y in (2.5, 6.5) for z in (10.5, 30.5) for part in (x, y, z)
    )
    with served(saved(tmp_path / "a.mla", voxels, is_seg=True)) as server:
        head, got, _ = piece(server, 0, level=0, over=corners)
        assert head["box"] == [[4, 10], [2, 8], [10, 20]]
        assert got.shape == (10, 6, 6)
        assert (
            ask(
                server, f"image/0/voxels?level=0&over={corners.replace('4.5', '94.5').replace('8.5', '98.5')}"
            )[0]
            == 204
        )


def test_labels_come_with_their_names_and_colours(tmp_path):
    voxels = np.array([[[0, 7, 7], [2000, 0, 7]]], np.int32)
    table = [Label(7, "liver", "#ff8000"), Label(2000, "ctx-lh-unknown"), Label(9, "absent")]
    with served(saved(tmp_path / "a.mla", voxels, is_seg=True, labels=table)) as server:
        head, got, _ = piece(server, 0, level=0)
        assert head["labels"][0] == [1, 7, "liver", 255, 128, 0]
        assert head["labels"][1][:3] == [2, 2000, "ctx-lh-unknown"]
        assert got.tolist() == [[[0, 1, 1], [2, 0, 1]]]
        found = told(server, "image/0/value.json?at=1,0,0")
        assert (found["values"], found["name"]) == (["7"], "liver")


@pytest.mark.parametrize(
    "voxels",
    [
        np.array([-3, 0, 5, 5], np.int16),
        np.array([0, 1, 2**40], np.int64),
        np.array([2**64 - 1, 0], np.uint64),
        np.array([0.0, 4.0, np.nan], np.float32),
        np.array([True, False]),
        np.array([3, 3], np.uint8),
    ],
)
def test_labels_of_every_type_have_a_place(voxels):
    places, rows = indexed(voxels, [])
    values = {0: 0} | {row.place: row.value for row in rows}
    assert [values[place] for place in places.tolist()] == [int(v) for v in np.nan_to_num(voxels).tolist()]


def test_colours_are_sent_as_three_bytes(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 65536, (2, 3, 4, 3)).astype(np.uint16)
    with served(saved(tmp_path / "a.mla", voxels, axes=[*SPACE, "components"])) as server:
        assert np.array_equal(piece(server, 0, level=0)[1], voxels >> 8)
        assert told(server, "image/0/value.json?at=3,2,1")["values"] == [str(v) for v in voxels[1, 2, 3]]


def test_the_first_picture_of_ten_gigabytes_takes_less_than_two_megabytes(tmp_path):
    """The page, the library that draws, what is said of the image, and its coarsest resolution."""
    image = MLArray.zeros((2400, 1500, 1500), dtype=np.int16)
    image.save(tmp_path / "a.mla")
    assert image.nbytes > 10e9
    with served(tmp_path / "a.mla", settings=Settings(labels=False)) as server:
        sent = 0
        for path in ("", *PAGE, "images.json"):
            sent += len(ask(server, path, headers={"Accept-Encoding": "gzip"})[2])
        levels = told(server, "images.json")["images"][0]["levels"]
        assert levels[-1]["bytes"] <= FIRST
        sent += piece(server, 0, level=len(levels) - 1)[2]
        assert sent < 2e6
