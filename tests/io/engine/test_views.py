"""Views: other worlds and voxel orders, with everything that is said about an axis following it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core import Additions, AxisValues, Meta, geometry
from mlarray_core.meta import MetaBbox
from mlarray_io import Reader
from mlarray_io.engine.views import OrientedView, WorldView

CODES = [
    "".join(letters)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*order)
]


class Fixed(Reader):
    def __init__(self, array, affine, world, labels, boxes=None):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.chunks = (1, *array.shape[1:])
        units = ["s" if label == "temporal" else "mm" for label in labels]
        spatial = geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system=world)
        self.meta = Meta(spatial=spatial, bbox=None if boxes is None else MetaBbox(bboxes=boxes))
        additions = Additions()
        additions.axes = {
            i: AxisValues(f"{i}", values=list(range(size))) for i, size in enumerate(self.shape)
        }
        additions.store(self.meta)

    def __getitem__(self, box):
        assert all(0 <= part.start <= part.stop <= size for part, size in zip(box, self.shape, strict=True))
        return self.array[box]


def oblique(seed=0):
    noise = np.random.default_rng(seed)
    rotation = np.linalg.qr(noise.normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3] = rotation * [3.0, 2.0, 1.0]
    affine[:3, 3] = [5, -7, 11]
    return affine


def scan(boxes=None, seed=0):
    shape = (2, 3, 4, 5)
    labels = ["temporal", "spatial_z", "spatial_y", "spatial_x"]
    array = np.arange(np.prod(shape)).reshape(shape)
    return Fixed(array, oblique(seed), "RAS", labels, boxes)


@pytest.mark.parametrize("code", CODES)
def test_all_48_orders_keep_every_voxel_in_its_place(code):
    before, after = scan(), OrientedView(scan(), code)
    old, new = (geometry.affine_of(one.meta.spatial) for one in (before, after))
    assert geometry.orientation(new, "RAS") == code
    whole = after[tuple(slice(0, size) for size in after.shape)]
    assert whole.shape == after.shape
    indices = np.array(list(np.ndindex(*before.shape[1:])))
    world = indices @ old[:3, :3].T + old[:3, 3]
    moved = np.rint((world - new[:3, 3]) @ np.linalg.inv(new[:3, :3]).T).astype(int)
    for time in range(2):
        np.testing.assert_array_equal(before.array[time][tuple(indices.T)], whole[time][tuple(moved.T)])


@given(st.sampled_from(CODES), st.data())
def test_any_box(code, data):
    view = OrientedView(scan(), code)
    whole = view[tuple(slice(0, size) for size in view.shape)]
    ends = [sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))) for size in view.shape]
    box = tuple(slice(start, stop) for start, stop in ends)
    np.testing.assert_array_equal(view[box], whole[box])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("spatial_only", [True, False])
def test_what_is_said_about_an_axis_follows_it(code, spatial_only):
    box = [[1, 2], [0, 2], [3, 5]] if spatial_only else [[0, 1], [1, 2], [0, 2], [3, 5]]
    before = scan([box])
    view = OrientedView(before, code)
    assert view.meta.spatial.axis_labels == before.meta.spatial.axis_labels
    assert view.meta.spatial.axis_units == ["s", "mm", "mm", "mm"]
    axes = Additions.of(view.meta).axes
    order = [int(axes[new].name) for new in range(4)]
    assert view.shape == tuple(before.shape[old] for old in order)
    assert view.chunks == tuple(before.chunks[old] for old in order)
    moved = view.meta.bbox.bboxes[0]
    moved = [[0, 1], *moved] if spatial_only else moved
    inside = before.array[:1, 1:2, 0:2, 3:5]
    found = view[tuple(slice(start, stop) for start, stop in moved)]
    assert sorted(found.ravel()) == sorted(inside.ravel())
    for new, axis in axes.items():
        flipped = axis.values == list(range(view.shape[new]))[::-1] and view.shape[new] > 1
        along = np.moveaxis(view[tuple(slice(0, size) for size in view.shape)], new, 0).reshape(
            view.shape[new], -1
        )
        assert flipped == (along[0, :].min() > along[-1, :].min())


def test_the_source_metadata_is_left_alone():
    before = scan([[[0, 1]] * 4])
    plain = before.meta.to_plain()
    OrientedView(before, "SAL")
    WorldView(before, "LPS")
    assert before.meta.to_plain() == plain


@given(st.integers(0, 100))
def test_another_world_is_exact_and_undone_exactly(seed):
    before = scan(seed=seed)
    there = WorldView(before, "LPS")
    back = WorldView(there, "RAS")
    first, second = geometry.affine_of(before.meta.spatial), geometry.affine_of(there.meta.spatial)
    np.testing.assert_allclose(np.diag([-1, -1, 1, 1]) @ first, second, rtol=1e-14, atol=0)
    np.testing.assert_allclose(geometry.affine_of(back.meta.spatial), first, rtol=1e-14, atol=0)
    assert there.meta.spatial.coord_system == "LPS"


def test_levels_are_shown_the_same_way():
    reader, level = scan(), scan()
    reader.levels = [level]
    assert (
        geometry.orientation(geometry.affine_of(OrientedView(reader, "LPI").levels[0].meta.spatial), "RAS")
        == "LPI"
    )
    assert WorldView(reader, "LPS").levels[0].meta.spatial.coord_system == "LPS"
