"""Worlds, directions, spacings, units, axes: what a header says is what the image says."""

from __future__ import annotations

import numpy as np
import pytest

from mlarray_core import Additions, AxisValues, geometry
from mlarray_core.errors import CorruptError

IDENTITY = "space directions: (1,0,0) (0,1,0) (0,0,1)"


@pytest.mark.parametrize(
    ("space", "world"),
    [
        ("right-anterior-superior", "RAS"),
        ("RAS", "RAS"),
        ("Left-Posterior-Superior", "LPS"),
        ("left-anterior-superior", "left-anterior-superior"),
        ("LAS", "left-anterior-superior"),
        ("scanner-xyz", "scanner-xyz"),
        ("3D-right-handed", "3D-right-handed"),
    ],
)
def test_worlds(make, read, space, world):
    directions = "space directions: (2,0,0.5) (0,3,0) (0,0.25,4)"
    image = read(make("2 3 4", f"space: {space}", directions, "space origin: (7,8,9)"))
    assert image.spatial.coord_system == world
    wanted = [[0, 0, 2, 7], [0.25, 3, 0, 8], [4, 0, 0.5, 9], [0, 0, 0, 1]]
    np.testing.assert_array_equal(geometry.affine_of(image.spatial), wanted)


def test_no_space_is_no_world(make, read):
    image = read(make("2 3 4", "space dimension: 3", IDENTITY))
    assert image.spatial.coord_system is None


@pytest.mark.parametrize(
    ("directions", "kinds", "labels"),
    [
        ("none (1,0,0) (0,1,0) (0,0,1)", "list domain domain domain", "z y x non_spatial"),
        ("(1,0,0) (0,1,0) (0,0,1) none", "space space space time", "temporal z y x"),
        ("(1,0,0) none (0,1,0) (0,0,1)", "space vector space space", "z y components x"),
        ("none (1,0,0) (0,1,0) (0,0,1)", "RGB-color domain domain domain", "z y x components"),
        ("(nan,nan,nan) (1,0,0) (0,1,0) (0,0,1)", "??? domain domain domain", "z y x non_spatial"),
    ],
)
def test_none_anywhere(make, read, directions, kinds, labels):
    path = make("2 3 4 5", "space: LPS", f"space directions: {directions}", f"kinds: {kinds}")
    image = read(path)
    assert image.labels == [f"spatial_{word}" if len(word) == 1 else word for word in labels.split()]
    assert image.shape == (5, 4, 3, 2)
    np.testing.assert_array_equal(image.voxels.ravel(), np.arange(120))
    np.testing.assert_array_equal(geometry.affine_of(image.spatial)[:3, :3], np.eye(3)[:, ::-1])


def test_plane_in_space(make, read):
    image = read(make("2 3", "space: RAS", "space directions: (0,2,0) (0,0,3)", "space origin: (5,6,7)"))
    assert image.shape == (1, 3, 2)
    wanted = [[1, 0, 0, 5], [0, 0, 2, 6], [0, 3, 0, 7], [0, 0, 0, 1]]
    np.testing.assert_array_equal(geometry.affine_of(image.spatial), wanted)


def test_coloured_plane_in_space(make, read):
    path = make(
        "3 2 4", "space: RAS", "space directions: none (1,0,0) (0,1,0)", "kinds: RGB-color space space"
    )
    image = read(path)
    assert image.shape == (1, 4, 2, 3)
    assert image.labels == ["spatial_z", "spatial_y", "spatial_x", "components"]


def test_line_in_space(make, read):
    image = read(make("4", "space: RAS", "space directions: (0,2,0)"))
    affine = geometry.affine_of(image.spatial)
    assert image.shape == (1, 1, 4)
    np.testing.assert_allclose(affine[:3, :3].T @ affine[:3, :3], np.diag([1, 1, 4]), atol=1e-12)


def test_time_as_a_dimension_of_the_world(make, read):
    path = make(
        "2 3 4 2",
        "space: right-anterior-superior-time",
        "space directions: (1,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,0.5)",
        "space origin: (1,2,3,10)",
        'space units: "mm" "mm" "mm" "s"',
    )
    image = read(path)
    assert image.labels == ["temporal", "spatial_z", "spatial_y", "spatial_x"]
    assert image.spatial.coord_system == "RAS"
    assert image.spatial.axis_units == ["s", "mm", "mm", "mm"]
    assert image.spatial.origin == [1, 2, 3]
    assert Additions.of(image.meta).axes[0].values == [10, 10.5]


@pytest.mark.parametrize(
    ("lines", "spacing", "origin"),
    [
        (["spacings: 2 3"], [3, 2], [0, 0]),
        (["thicknesses: 2 3"], [3, 2], [0, 0]),
        (["axis mins: 0 10", "axis maxs: 8 16", "centers: cell cell"], [2, 2], [1, 11]),
        (["axis mins: 0 10", "axis maxs: 8 16", "centers: node node"], [3, 8 / 3], [0, 10]),
        (["spacings: 2 3", "axis mins: 1 5", "centers: node cell"], [3, 2], [1, 6.5]),
    ],
)
def test_without_directions(make, read, lines, spacing, origin):
    image = read(make("4 3", *lines))
    assert image.spatial.coord_system is None
    assert image.spatial.spacing == pytest.approx(spacing)
    assert image.spatial.origin == pytest.approx(origin)


def test_directions_all_none_leave_the_world_unset(make, read):
    lines = ["space: RAS", "space directions: none none none", "spacings: 2 2 5", "space origin: (10,12,100)"]
    image = read(make("3 3 3", *lines, "kinds: space space space"))
    assert image.spatial.coord_system is None
    assert image.spatial.spacing == [5, 2, 2]
    assert image.context.report.warnings


def test_time_steps(make, read):
    path = make("2 3 4", "kinds: space space time", "spacings: 1 1 0.5", 'units: "mm" "mm" "s"')
    image = read(path)
    assert image.labels == ["temporal", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes == {0: AxisValues("time", "s", [0, 0.5, 1, 1.5])}
    assert image.spatial.axis_units == ["s", "mm", "mm"]


def test_units_are_never_rewritten(make, read):
    directions = "space directions: (0,0.4,0) (2,0,0) (0,0,1)"
    image = read(make("2 3 4", "space: RAS", directions, 'space units: "microns" "mm" "furlongs"'))
    assert image.spatial.axis_units == ["furlongs", "microns", "mm"]
    assert image.spatial.spacing == [1, 2, 0.4]


@pytest.mark.parametrize(
    "lines",
    [
        ["space directions: (0,0,0) (0,1,0) (0,0,1)"],
        ["space directions: (1,0,0) (1,0,0) (0,0,1)"],
        ["space directions: (nan,0,0) (0,1,0) (0,0,1)"],
        ["space directions: (inf,0,0) (0,1,0) (0,0,1)"],
        ["space directions: (1,0,0) (0,1,0)"],
        ["space directions: (1,0) (0,1) (1,1)"],
        [IDENTITY, "space origin: (nan,0,0)"],
        [IDENTITY, "space origin: (0,0)"],
    ],
)
def test_senseless_geometry_is_refused_and_can_be_left_out(make, read, lines):
    path = make("2 3 4", "space: RAS", *lines)
    with pytest.raises(CorruptError, match="space"):
        read(path)
    if "space directions: (1,0,0) (0,1,0)" not in lines:
        image = read(path, geometry="none")
        assert image.spatial.affine is None
        assert image.spatial.spacing is None


def test_b_values(make, read):
    gradients = [
        f"DWMRI_gradient_{index:04d}:={vector}" for index, vector in enumerate(["0 0 0", "0 0 1", "0.5 0 0"])
    ]
    lines = ["space: RAS", "space directions: none (1,0,0) (0,1,0) (0,0,1)", "kinds: list space space space"]
    image = read(make("3 2 2 2", *lines, "DWMRI_b-value:=1000", *gradients))
    assert Additions.of(image.meta).axes == {3: AxisValues("b_value", "s/mm^2", [0, 1000, 250])}
