"""Spacing, origin, direction and affine of images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlarray import MLArray
from mlarray_core.errors import MetadataError

VOXELS = np.zeros((3, 4, 5), np.uint8)
SHEARED = np.array([[1, 0.2, 0, 5], [0, 2, 0, 6], [0, 0.1, 3, 7], [0, 0, 0, 1.0]])
TURNED = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_nothing_is_known_at_first():
    image = MLArray(VOXELS)
    assert (image.spacing, image.origin, image.direction) == (None, None, None)
    assert image.affine.tolist() == np.eye(4).tolist()
    assert isinstance(image.affine, np.ndarray)
    assert (image.scale, image.translation) == ([1, 1, 1], [0, 0, 0])


def test_missing_parts_are_ones_zeros_and_identity():
    assert MLArray(VOXELS, spacing=(1, 2, 3)).affine.tolist() == np.diag([1, 2, 3, 1]).tolist()
    assert MLArray(VOXELS, origin=(1, 2, 3)).affine[:3, 3].tolist() == [1, 2, 3]
    assert MLArray(VOXELS, direction=TURNED).affine[:3, :3].tolist() == TURNED


def test_columns_follow_the_axes():
    image = MLArray(VOXELS, (1, 2, 3), (4, 5, 6), TURNED)
    assert image.affine.tolist() == [[0, 2, 0, 4], [1, 0, 0, 5], [0, 0, 3, 6], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    "image", [MLArray(VOXELS, affine=SHEARED), MLArray(VOXELS, (1, 2, 3), (4, 5, 6), TURNED)]
)
def test_parts_of_the_affine(image):
    matrix, affine = image.affine[:3, :3], image.affine
    assert np.allclose(image.scale, np.linalg.norm(matrix, axis=0))
    assert np.allclose(image.rotation, matrix / image.scale)
    assert image.translation == affine[:3, 3].tolist()
    shear = np.array(image.rotation).T @ matrix / np.array(image.scale)[:, None]
    assert np.allclose(image.shear, shear)
    assert all(
        isinstance(part, list) for part in (image.scale, image.rotation, image.translation, image.shear)
    )


def test_an_affine_gives_the_parts_to_read_only():
    image = MLArray(VOXELS, affine=SHEARED)
    assert np.allclose(image.spacing, image.scale)
    assert image.origin == [5, 6, 7]
    assert np.allclose(np.array(image.direction) * image.spacing, SHEARED[:3, :3])
    with pytest.raises((AttributeError, TypeError)):
        image.spacing[0] = 9
    assert np.array_equal(image.affine, SHEARED)


@pytest.mark.parametrize(
    ("name", "value"), [("spacing", (1, 1, 1)), ("origin", (1, 1, 1)), ("direction", np.eye(3))]
)
def test_parts_and_affine_exclude_each_other(name, value):
    image = MLArray(VOXELS, affine=SHEARED)
    with pytest.raises(ValueError, match="stores an affine"):
        setattr(image, name, value)
    assert np.array_equal(image.affine, SHEARED)
    image = MLArray(VOXELS, **{name: value})
    with pytest.raises(ValueError, match="can't be set together"):
        image.affine = SHEARED
    assert image.meta.spatial.affine is None
    setattr(image, name, None)
    image.affine = SHEARED
    assert np.array_equal(image.affine, SHEARED)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("spacing", (1, -1, 1)),
        ("spacing", (1, 1)),
        ("spacing", "abc"),
        ("origin", (0, float("nan"), 0)),
        ("direction", np.ones((3, 3))),
        ("affine", np.eye(3)),
        ("affine", np.zeros((4, 4))),
    ],
)
def test_refused_assignments_are_undone(name, bad):
    image = MLArray(VOXELS)
    before = image.meta.copy()
    with pytest.raises(MetadataError, match=rf"^spatial\.{name}"):
        setattr(image, name, bad)
    assert image.meta == before


def test_parts_are_set_and_edited_in_place():
    image = MLArray(VOXELS)
    image.spacing = np.array([1.0, 2.0, 3.0])
    image.spacing[1] = 5.3
    image.origin = (1, 2, 3)
    image.direction = np.array(TURNED)
    assert (image.spacing, image.origin, image.direction) == ([1, 5.3, 3], [1, 2, 3], TURNED)
    image.spacing = None
    assert image.spacing is None


finite = st.floats(-1e3, 1e3, allow_subnormal=False)


@given(
    spacing=st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3),
    origin=st.lists(finite, min_size=3, max_size=3),
    angles=hnp.arrays(float, 3, elements=st.floats(-3, 3)),
)
def test_what_is_composed_is_decomposed(spacing, origin, angles):
    cosines, sines = np.cos(angles), np.sin(angles)
    direction = np.eye(3)
    for (i, j), c, s in zip(((0, 1), (1, 2), (0, 2)), cosines, sines, strict=True):
        turn = np.eye(3)
        turn[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
        direction = direction @ turn
    parts = MLArray(VOXELS, spacing, origin, direction)
    whole = MLArray(VOXELS, affine=parts.affine)
    assert np.allclose(whole.spacing, spacing)
    assert np.allclose(whole.origin, origin)
    assert np.allclose(whole.direction, direction)


def test_voxels_and_world_agree():
    image = MLArray(VOXELS, (1, 2, 3), (4, 5, 6), TURNED)
    world = image.affine @ [2, 3, 4, 1]
    assert world.tolist() == [4 + 2 * 3, 5 + 1 * 2, 6 + 3 * 4, 1]
