"""Values along an axis, and channels."""

import math

import numpy as np
import pytest

from mlarray_core.meta import AxisValues, Channel


@pytest.mark.parametrize(
    "content",
    [
        {"name": "time", "unit": "s", "values": [0, 0.5]},
        {"name": "time", "unit": "", "values": [0, 0.5]},
        {"name": "tile"},
        {"name": "echo", "unit": "ms", "values": [1.5], "newer": {"a": 1}},
    ],
)
def test_json_stays_as_it_is(content):
    assert list(AxisValues.from_mapping(content).to_mapping().items()) == list(content.items())


def test_what_has_another_type_is_kept_aside():
    axis = AxisValues.from_mapping({"name": 3, "unit": None, "values": "abc"})
    assert axis == AxisValues(others={"name": 3, "unit": None, "values": "abc"})
    assert axis.to_mapping() == {"name": 3, "unit": None, "values": "abc"}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([0, 1, 2], (0, 1)),
        ([1.5, 2.0, 2.5], (1.5, 0.5)),
        ([3, 2, 1], (3, -1)),
        ([7], (7, 0)),
        ([5, 5], (5, 0)),
        (np.float32([0.1, 0.2, 0.3]).tolist(), (pytest.approx(0.1), pytest.approx(0.1))),
        ([0, 1, 3], None),
        ([0, math.nan, 2], None),
        ([0, math.inf], None),
        ([False, True], None),
        (["a", "b"], None),
        ([], None),
        (None, None),
    ],
)
def test_even_steps(values, line):
    assert AxisValues(values=values).even_step() == line


def test_a_coarser_tolerance_takes_rounded_positions():
    values = [0.0, 0.5, 1.00005]
    assert AxisValues(values=values).even_step() is None
    assert AxisValues(values=values).even_step(1e-4) == (0.0, 0.500025)


def test_names_and_colours_of_channels():
    assert Channel(name="DAPI", Color="-1").name == "DAPI"
    assert Channel(label="GFP", color="00FF00").name == "GFP"
    assert Channel(label="GFP", color="00FF00").color == "00FF00"
    assert Channel().name == ""
    assert Channel(color=3).color is None
