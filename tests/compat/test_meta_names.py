"""What `mlarray.meta` of 0.0.54 has, beside the documented classes: names, and the order of arguments."""

import inspect

import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray import meta as schema
from mlarray.meta import AxisLabelEnum, MetaSource, MetaSpatial, validate_and_cast_axis_labels

# dir(mlarray.meta) of 0.0.54, without what the module imports for itself
NAMES = [
    *(
        "AxisLabel",
        "AxisLabelEnum",
        "BaseMeta",
        "CoordSystem",
        "CoordSystemEnum",
        "Meta",
        "MetaBbox",
        "MetaBlosc2",
    ),
    *(
        "MetaExtra",
        "MetaHasArray",
        "MetaImageFormat",
        "MetaIsSeg",
        "MetaSource",
        "MetaSpatial",
        "MetaStatistics",
    ),
    *("MetaVersion", "SingleKeyBaseMeta", "is_serializable", "validate_and_cast_axis_labels"),
]

# inspect.signature(mlarray.meta.MetaSpatial) of 0.0.54; its API page leaves coord_system out
SPATIAL = [
    *("spacing", "origin", "direction", "affine", "shape", "axis_labels", "coord_system", "axis_units"),
    *("_num_spatial_axes", "_num_non_spatial_axes"),
]


def test_every_name_is_there():
    assert [name for name in NAMES if not hasattr(schema, name)] == []
    assert set(NAMES) <= set(schema.__all__)


def test_arguments_of_a_spatial_section_are_in_their_place():
    parameters = inspect.signature(MetaSpatial).parameters
    assert list(parameters) == SPATIAL
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    spatial = MetaSpatial([1, 2], None, None, None, None, ["spatial", "spatial"], "LPS", ["mm", "mm"])
    assert (spatial.coord_system, spatial.axis_units) == ("LPS", ["mm", "mm"])


def test_files_keep_the_order_of_fields_that_they_had():
    spatial = MetaSpatial(spacing=[1.0], axis_labels=["spatial"], axis_units=["mm"], coord_system="LPS")
    assert list(spatial.to_mapping(include_none=False))[-1] == "coord_system"


def test_items_of_every_single_section():
    assert list(inspect.signature(MetaSource.__setitem__).parameters) == ["self", "key", "val"]
    meta = Meta(source={"a": 1})
    meta.source["b"] = np.float64(2)
    assert meta.source == {"a": 1, "b": 2.0}
    with pytest.raises(TypeError):
        meta.is_seg["a"] = 1
    with pytest.raises(TypeError):
        MLArray(np.zeros(3)).meta._mlarray_version["a"] = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (None, 0, 0)),
        (["spatial_x", AxisLabelEnum.channel, "mine"], (["spatial_x", "channel", "mine"], 1, 2)),
        (("spatial", "spatial"), (["spatial", "spatial"], 2, 0)),
    ],
)
def test_axis_labels_are_cast(value, expected):
    assert validate_and_cast_axis_labels(value, "labels") == expected


@pytest.mark.parametrize(
    ("value", "count", "error"),
    [(["spatial"], 2, ValueError), ([1], None, TypeError), (3, None, TypeError), ([["a"]], None, TypeError)],
)
def test_axis_labels_that_are_none(value, count, error):
    with pytest.raises(error, match="labels"):
        validate_and_cast_axis_labels(value, "labels", count)
