"""Geometry: the numbers that say where voxels lie, checked against nibabel and by world position."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlarray_core import geometry
from mlarray_core.errors import ArgumentError, MetadataError
from mlarray_core.meta import CoordSystemEnum, MetaSpatial

LABELS = {2: ["spatial_y", "spatial_x"], 3: ["spatial_z", "spatial_y", "spatial_x"]}
CODES = [
    "".join(code)
    for pairs in itertools.permutations(["RL", "AP", "SI"])
    for code in itertools.product(*pairs)
]


def close(a, b):
    return np.allclose(a, b, rtol=1e-12, atol=1e-9)


@st.composite
def affines(draw, n=None, orthogonal=None):
    """Any invertible affine: oblique, left-handed, permuted, sheared unless orthogonal."""
    n = draw(st.sampled_from([2, 3])) if n is None else n
    orthogonal = draw(st.booleans()) if orthogonal is None else orthogonal
    numbers = st.floats(-1, 1, allow_subnormal=False).map(lambda x: round(x, 6))
    matrix = draw(hnp.arrays(np.float64, (n, n), elements=numbers))
    assume(np.linalg.cond(matrix) < 100)
    if orthogonal:
        matrix = np.linalg.qr(matrix)[0][:, draw(st.permutations(range(n)))]
    scales = draw(hnp.arrays(np.float64, n, elements=st.floats(0.01, 100)))
    affine = np.eye(n + 1)
    affine[:-1, :-1] = matrix / np.linalg.norm(matrix, axis=0) * scales
    affine[:-1, -1] = draw(hnp.arrays(np.float64, n, elements=st.floats(-1000, 1000)))
    return affine


def tied(affine):
    """Whether rounding decides which world axis an axis follows: at 45 degrees, or when two are as clear."""
    left, _, right = np.linalg.svd(affine[:-1, :-1] / np.linalg.norm(affine[:-1, :-1], axis=0))
    sizes = np.sort(np.abs(left @ right), axis=0)
    return min(np.diff(np.sort(sizes[-1])).min(), np.diff(sizes, axis=0)[-1].min()) < 1e-6


@given(affines())
def test_compose_undoes_decompose(affine):
    spacing, origin, direction = geometry.decompose(affine)
    assert all(type(value) is float for value in (*spacing, *origin, *direction[0]))
    assert min(spacing) > 0
    assert np.allclose(np.linalg.norm(direction, axis=0), 1)
    assert np.allclose(geometry.compose(spacing, origin, direction), affine, rtol=1e-14, atol=0)


@given(affines().map(lambda a: a.astype(np.float32)))
def test_a_float32_affine_comes_back_to_the_bit(affine):
    spatial = geometry.spatial_meta(affine, axis_labels=LABELS[len(affine) - 1])
    assert np.array_equal(geometry.affine_of(spatial).astype(np.float32), affine)


def test_axis_aligned_affines_decompose_exactly():
    affine = [[0, 0, -0.7, 5], [0, 0.3, 0, -6], [1.1, 0, 0, 7], [0, 0, 0, 1]]
    assert geometry.decompose(affine) == (
        [1.1, 0.3, 0.7],
        [5.0, -6.0, 7.0],
        [[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    )


@pytest.mark.parametrize(
    "affine",
    [np.zeros((4, 4)), np.ones((3, 3)), np.full((3, 3), np.nan), np.eye(3)[:2], np.diag([1, 0, 1]), 1.0, "x"],
)
def test_decompose_refuses_what_is_no_affine(affine):
    with pytest.raises(MetadataError, match=r"spatial\.affine"):
        geometry.decompose(affine)


@given(affines(orthogonal=True))
def test_right_angles_are_no_shear(affine):
    assert not geometry.is_sheared(affine)
    assert not geometry.is_sheared(affine.astype(np.float32))


def test_gantry_tilt_is_shear():
    tilted = np.array(
        [[0, 0, 0.5, 0], [np.sin(0.3) * 2, 0.5, 0, 0], [np.cos(0.3) * 2, 0, 0, 0], [0, 0, 0, 1.0]]
    )
    assert geometry.is_sheared(tilted)
    spatial = geometry.spatial_meta(tilted, axis_labels=LABELS[3])
    assert spatial.spacing is None
    assert np.array_equal(geometry.affine_of(spatial), tilted)


@given(affines(), st.sampled_from([None, "RAS", "LPS", "scanner-xyz"]))
def test_spatial_meta_stores_one_form_and_gives_the_affine_back(affine, world):
    labels = LABELS[len(affine) - 1]
    spatial = geometry.spatial_meta(
        affine, axis_labels=["temporal", *labels], axis_units=["s", *["mm"] * len(labels)], coord_system=world
    )
    assert (spatial.affine is None) == (spatial.spacing is not None) == (not geometry.is_sheared(affine))
    assert np.allclose(geometry.affine_of(spatial), affine, rtol=1e-14, atol=0)
    assert spatial.coord_system == world
    assert spatial.axis_labels == ["temporal", *labels]


def test_spatial_meta_without_an_affine():
    assert geometry.spatial_meta(None, axis_labels=["spatial_x"]) == MetaSpatial(axis_labels=["spatial_x"])
    spatial = geometry.spatial_meta(None, axis_labels=LABELS[2], spacing=np.array([2.0, 1.0]))
    assert spatial == MetaSpatial(axis_labels=LABELS[2], spacing=[2.0, 1.0])
    assert np.array_equal(geometry.affine_of(spatial), np.diag([2.0, 1.0, 1.0]))


def test_spatial_meta_refuses_what_does_not_fit():
    with pytest.raises(MetadataError, match=r"spatial\.spacing|spatial\.affine"):
        geometry.spatial_meta(np.eye(4), axis_labels=LABELS[2])
    with pytest.raises(ArgumentError, match="spacing"):
        geometry.spatial_meta(np.eye(3), axis_labels=LABELS[2], spacing=[1, 1])
    with pytest.raises(MetadataError, match=r"spatial\.axis_units"):
        geometry.spatial_meta(np.eye(3), axis_labels=LABELS[2], axis_units=["mm"])


def test_affine_of_uses_defaults_and_wants_to_know_the_number_of_axes():
    assert np.array_equal(geometry.affine_of(MetaSpatial(), 2), np.eye(3))
    assert np.array_equal(geometry.affine_of(MetaSpatial(shape=[4, 5])), np.eye(3))
    assert np.array_equal(geometry.affine_of(MetaSpatial(origin=[4, 5])), [[1, 0, 4], [0, 1, 5], [0, 0, 1]])
    with pytest.raises(ArgumentError, match="number of spatial axes"):
        geometry.affine_of(MetaSpatial())


@pytest.mark.parametrize(
    ("name", "world"),
    [
        ("RAS", "RAS"),
        ("ras+", "RAS"),
        ("LPS+", "LPS"),
        (CoordSystemEnum.RAS_PLUS, "RAS"),
        (CoordSystemEnum.unknown, None),
        ("right-anterior-superior", "RAS"),
        ("Left-Posterior-Superior", "LPS"),
        ("left-anterior-superior", "LAS"),
        ("left-posterior-superior-time", "LPS"),
        ("LAST", "LAS"),
        ("scanner-xyz", None),
        ("3D-right-handed", None),
        ("RPS", None),
        ("", None),
        (None, None),
    ],
)
def test_normal_world(name, world):
    assert geometry.normal_world(name) == world


@given(affines(), *[st.sampled_from(["RAS", "LPS", "left-anterior-superior"])] * 2)
def test_changing_the_world_is_exact(affine, source, target):
    there = geometry.to_world(affine, source, target)
    assert np.array_equal(geometry.to_world(there, target, source), affine)
    assert np.array_equal(np.abs(there), np.abs(affine))
    if (source, target) == ("RAS", "LPS"):
        n = len(affine) - 1
        signs = np.array([-1, -1, 1][:n])
        assert np.array_equal(there[:-1], affine[:-1] * signs[:, None])
        assert np.array_equal(there[-1], affine[-1])


@pytest.mark.parametrize(("source", "target"), [(None, "RAS"), ("RAS", None), ("scanner-xyz", "LPS")])
def test_changing_an_unknown_world_is_refused(source, target):
    with pytest.raises(ArgumentError, match="coord_system"):
        geometry.to_world(np.eye(4), source, target)


@given(affines(n=3))
def test_orientation_is_what_nibabel_says(affine):
    nibabel = pytest.importorskip("nibabel")
    fastest_first = affine[:, [2, 1, 0, 3]]
    noise = np.random.default_rng(1).choice([1 - 1e-9, 1 + 1e-9], (8, 4, 4))
    said = {"".join(nibabel.aff2axcodes(one)) for one in [fastest_first, *(fastest_first * noise)]}
    assume(len(said) == 1)  # an axis exactly between two of the world's: rounding decides
    assert {geometry.orientation(affine, "RAS")} == said
    assert geometry.orientation(geometry.to_world(affine, "RAS", "LPS"), "LPS+") == geometry.orientation(
        affine, "RAS"
    )


def test_orientation_of_plain_cases():
    assert geometry.orientation(np.eye(4)[[2, 1, 0, 3]], "RAS") == "RAS"
    assert geometry.orientation(np.eye(4)[[2, 1, 0, 3]], "LPS") == "LPS"
    assert geometry.orientation(np.eye(4), "RAS") == "SAR"
    assert geometry.orientation(np.eye(3)[[1, 0, 2]], "LPS") == "LP"
    assert geometry.orientation(np.eye(4), None) == "???"
    assert geometry.orientation(np.eye(3), "scanner-xyz") == "??"


@given(affines(n=3), st.sampled_from(CODES), st.sampled_from(["RAS", "LPS", "LAS"]), st.data())
def test_reorientation_moves_no_voxel_in_the_world(affine, code, world, data):
    assume(not tied(affine))
    shape = (3, 4, 5)
    voxels = np.arange(60).reshape(shape)
    perm, flips, moved = geometry.reorientation(affine, world, shape, code)
    assert geometry.orientation(moved, world) == code
    turned = np.flip(voxels.transpose(perm), [axis for axis, flip in enumerate(flips) if flip])
    index = tuple(data.draw(st.integers(0, size - 1)) for size in turned.shape)
    position = moved @ [*index, 1]
    old = np.linalg.solve(affine, position)[:-1]
    assert np.abs(old - np.rint(old)).max() < 1e-6
    assert voxels[tuple(np.rint(old).astype(int))] == turned[index]


@pytest.mark.parametrize("code", CODES)
def test_all_48_orientations_and_back(code):
    affine = geometry.compose([3, 2, 1], [10, -20, 30], np.eye(3)[[2, 1, 0]])
    shape = np.array([3, 4, 5])
    perm, flips, moved = geometry.reorientation(affine, "LPS", shape, code)
    assert geometry.orientation(moved, "LPS") == code
    _, _, back = geometry.reorientation(moved, "LPS", shape[list(perm)], "LPS")
    assert np.array_equal(back, affine)
    assert sum(flips) == sum(letter in "RAI" for letter in code)


@pytest.mark.parametrize("code", ["RA", "RAR", "RASL", "XYZ", "", "RLS"])
def test_reorientation_refuses_codes_that_are_none(code):
    with pytest.raises(ArgumentError, match="orient"):
        geometry.reorientation(np.eye(4), "RAS", (1, 2, 3), code)


def test_reorientation_of_two_axes():
    affine = np.eye(3)[[1, 0, 2]]
    perm, flips, moved = geometry.reorientation(affine, "RAS", (4, 5), "AL")
    assert (perm, flips) == ((1, 0), (True, False))
    assert np.array_equal(moved @ [0, 0, 1], affine @ [0, 4, 1])
    with pytest.raises(ArgumentError, match="does not fit"):
        geometry.reorientation(affine, "RAS", (4, 5), "RS")


def test_reorientation_in_an_unknown_world_is_refused():
    with pytest.raises(ArgumentError, match="world is unknown"):
        geometry.reorientation(np.eye(4), None, (1, 2, 3), "RAS")


def test_spatial_axes():
    assert geometry.spatial_axes(None, 3) == (0, 1, 2)
    assert geometry.spatial_axes(["temporal", "spatial_z", "wavelength", "spatial", "components"], 5) == (
        1,
        3,
    )
