"""What the schema refuses, how it says so, and that a refusal changes nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core.errors import MetadataError, MetadataKeyError, MLArrayError
from mlarray_core.meta import Meta, MetaSpatial

NAN, INF = float("nan"), float("inf")
EYE = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]

REFUSED = [
    ({"spatial": {"spacing": [1, NAN]}}, ValueError, "spatial.spacing[1]: expected a number > 0, got nan"),
    ({"spatial": {"spacing": [0]}}, ValueError, "spatial.spacing[0]: expected a number > 0, got 0"),
    ({"spatial": {"spacing": [-1.5]}}, ValueError, "spatial.spacing[0]: expected a number > 0, got -1.5"),
    ({"spatial": {"spacing": [INF]}}, ValueError, "spatial.spacing[0]: expected a number > 0, got inf"),
    ({"spatial": {"spacing": [10**400]}}, ValueError, "spatial.spacing[0]"),
    ({"spatial": {"spacing": [True]}}, TypeError, "spatial.spacing[0]: expected a number, got True"),
    ({"spatial": {"spacing": ["1"]}}, TypeError, "spatial.spacing[0]: expected a number, got '1'"),
    ({"spatial": {"spacing": 1.0}}, TypeError, "spatial.spacing: expected a list, a tuple or an array"),
    ({"spatial": {"spacing": "12"}}, TypeError, "spatial.spacing"),
    ({"spatial": {"origin": [0, INF]}}, ValueError, "spatial.origin[1]: expected a finite number, got inf"),
    ({"spatial": {"origin": [0, None]}}, TypeError, "spatial.origin[1]"),
    ({"spatial": {"direction": [[1, 0], [0, NAN]]}}, ValueError, "spatial.direction[1][1]"),
    ({"spatial": {"direction": [[1, 0], [0]]}}, ValueError, "spatial.direction[1]: expected 2 numbers"),
    ({"spatial": {"direction": [[1, 1], [1, 1]]}}, ValueError, "spatial.direction: expected an invertible"),
    ({"spatial": {"direction": [1, 0]}}, TypeError, "spatial.direction[0]"),
    (
        {"spatial": {"affine": [[1, 2, 0], [2, 4, 0], [0, 0, 1]]}},
        ValueError,
        "spatial.affine: expected an inv",
    ),
    (
        {"spatial": {"affine": [[0, 0, 0], [0, 1, 0], [0, 0, 1]]}},
        ValueError,
        "spatial.affine: expected an inv",
    ),
    ({"spatial": {"affine": [[1, 0], [1, 1]]}}, ValueError, "spatial.affine[1]: expected zeros and a one"),
    ({"spatial": {"affine": [[1, 0], [NAN, 1]]}}, ValueError, "spatial.affine[1][0]"),
    (
        {"spatial": {"affine": EYE, "spacing": [1, 1]}},
        ValueError,
        "spatial.affine: can't be set together with sp",
    ),
    ({"spatial": {"affine": EYE, "shape": [1, 2, 3]}}, ValueError, "spatial.affine: expected a 4 x 4 matrix"),
    ({"spatial": {"spacing": [1], "origin": [1, 2]}}, ValueError, "spatial.origin: expected 1 items"),
    ({"spatial": {"spacing": [1, 2], "shape": [3]}}, ValueError, "spatial.spacing: expected 1 items"),
    ({"spatial": {"axis_labels": ["channel", "spatial"], "spacing": [1, 2]}}, ValueError, "spatial.spacing"),
    (
        {"spatial": {"axis_labels": ["channel"], "shape": [1, 2]}},
        ValueError,
        "spatial.axis_labels: expected 2",
    ),
    ({"spatial": {"axis_labels": ["channel", 1]}}, TypeError, "spatial.axis_labels[1]: expected a string"),
    ({"spatial": {"axis_labels": [["channel"]]}}, TypeError, "spatial.axis_labels[0]"),
    ({"spatial": {"axis_units": [1]}}, TypeError, "spatial.axis_units[0]: expected a string"),
    ({"spatial": {"axis_units": "mm"}}, TypeError, "spatial.axis_units: expected a list"),
    (
        {"spatial": {"axis_units": ["mm"], "shape": [1, 2]}},
        ValueError,
        "spatial.axis_units: expected 2 items",
    ),
    ({"spatial": {"coord_system": 3}}, TypeError, "spatial.coord_system"),
    ({"spatial": {"shape": [-1]}}, ValueError, "spatial.shape[0]: expected a whole number >= 0"),
    ({"spatial": {"spcing": [1]}}, KeyError, "spatial.spcing: no such field; did you mean 'spacing'?"),
    ({"spatial": 3}, TypeError, "spatial: expected None, a dict or MetaSpatial, got int"),
    ({"stats": {"min": "low"}}, TypeError, "stats.min: expected a number"),
    ({"stats": {"minimum": 1}}, KeyError, "stats.minimum"),
    ({"bbox": [[[0, 1, 2]]]}, ValueError, "bbox.bboxes[0][0]: expected [min, max]"),
    ({"bbox": [[[0, NAN]]]}, ValueError, "bbox.bboxes[0][0][1]: expected a finite number"),
    ({"bbox": [[[0, "a"]]]}, TypeError, "bbox.bboxes[0][0][1]"),
    ({"bbox": [[[0, 1]], [[0, 1], [2, 3]]]}, ValueError, "bbox.bboxes[1]: expected 1 axes, got 2"),
    (
        {"bbox": [[[0, 1]]], "spatial": {"shape": [3, 4]}},
        ValueError,
        "bbox.bboxes[0]: expected 2 axes, got 1",
    ),
    ({"bbox": {"bboxes": [[[0, 1]]], "scores": [1, 2]}}, ValueError, "bbox.scores: expected 1 items"),
    ({"bbox": {"bboxes": [[[0, 1]]], "labels": []}}, ValueError, "bbox.labels"),
    ({"bbox": {"labels": [None]}}, TypeError, "bbox.labels[0]"),
    ({"is_seg": "yes"}, TypeError, "is_seg: expected True or False, got 'yes'"),
    ({"is_seg": 1}, TypeError, "is_seg"),
    ({"source": [1]}, TypeError, "source: expected a dict"),
    (
        {"source": {"a": [0, {"b": {1, 2}}]}},
        TypeError,
        "source['a'][1]['b']: expected something that JSON can hold",
    ),
    ({"source": {"a": b"x"}}, TypeError, "source['a']"),
    ({"source": {(1, 2): 3}}, TypeError, "source: expected string keys"),
    ({"source": {1: 2, "1": 3}}, ValueError, "source: two keys are '1'"),
    ({"extra": {"a": object()}}, TypeError, "extra['a']"),
    ({"blosc2": {"chunk_size": [1.5]}}, ValueError, "blosc2.chunk_size[0]"),
    ({"blosc2": {"cparams": 3}}, TypeError, "blosc2.cparams"),
    ({"_has_array": None, "_image_meta_format": 3}, TypeError, "_image_meta_format"),
]


@pytest.mark.parametrize(("fields", "builtin", "message"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_refused_with_its_path(fields, builtin, message):
    with pytest.raises(builtin) as caught:
        Meta(**fields)
    assert isinstance(caught.value, MetadataError)
    assert str(caught.value).startswith(message), caught.value
    assert "\n" not in str(caught.value)


ALONE = [case[0] for case in REFUSED if set(case[0]) == {"spatial"}]


@pytest.mark.parametrize("fields", ALONE)
def test_assignment_that_is_refused_changes_nothing(fields):
    meta = Meta(source={"a": 1}, spatial={"coord_system": "LPS"})
    before = meta.copy()
    with pytest.raises(MLArrayError):
        meta._set_by_library(spatial=fields["spatial"])
    assert meta == before


@pytest.mark.parametrize("fields", [case for case in ALONE if isinstance(case["spatial"], dict)])
def test_a_field_that_is_refused_stays_as_it_was(fields):
    *first, (name, value) = fields["spatial"].items()
    spatial = MetaSpatial(**dict(first))
    before = spatial.copy()
    with pytest.raises((MLArrayError, AttributeError)):
        setattr(spatial, name, value)
    if name in MetaSpatial._READ_ONLY:
        with pytest.raises(MLArrayError):
            spatial._assign({name: value})
    assert spatial == before


def test_affine_and_parts_exclude_each_other_on_assignment():
    parts = MetaSpatial(spacing=[1, 2])
    with pytest.raises(ValueError, match="can't be set together with spacing"):
        parts.affine = EYE
    assert parts == MetaSpatial(spacing=[1, 2])
    parts.spacing = None
    parts.affine = EYE
    for name, value in [("spacing", [1, 1]), ("origin", [0, 0]), ("direction", [[1, 0], [0, 1]])]:
        with pytest.raises(ValueError, match=f"together with {name}"):
            setattr(parts, name, value)
    assert parts == MetaSpatial(affine=EYE)


def test_edits_in_place_are_found_by_validate():
    meta = Meta(source={"a": {}}, spatial={"spacing": [1.0, 2.0]})
    meta.spatial.spacing[1] = 5.3
    meta.source["a"]["b"] = (1, np.float32(2))
    meta.validate()
    assert meta.spatial.spacing == [1.0, 5.3]
    assert meta.source["a"]["b"] == [1, 2.0]
    assert type(meta.source["a"]["b"][1]) is float
    meta.spatial.spacing[1] = 0
    with pytest.raises(ValueError, match=r"spatial.spacing\[1\]"):
        meta.validate()
    meta.spatial.spacing[1] = 1
    meta.source["a"]["b"] = object()
    with pytest.raises(TypeError, match=r"source\['a'\]\['b'\]"):
        meta.validate()


def test_setting_an_item_checks_it():
    meta = Meta(source={"a": 1})
    with pytest.raises(TypeError, match=r"source\['b'\]"):
        meta.source["b"] = object()
    with pytest.raises(TypeError, match="extra"):
        meta.update_extra({"x": 1, "y": {1}})
    with pytest.raises(TypeError):
        meta.update_source([1])
    assert meta == Meta(source={"a": 1})


@pytest.mark.parametrize(
    ("fields", "context", "path"),
    [
        ({"spatial": {"spacing": [1, 2]}}, {"ndim": 3}, "spatial.spacing"),
        ({"spatial": {"spacing": [1, 2]}}, {"shape": (3, 4, 5)}, "spatial.spacing"),
        ({"spatial": {"spacing": [1, 2]}}, {"ndim": 3, "spatial_ndim": 3}, "spatial.spacing"),
        ({"spatial": {"shape": [1, 2]}}, {"shape": (1, 3)}, "spatial.shape"),
        ({"spatial": {"axis_labels": ["channel", "spatial"]}}, {"ndim": 3}, "spatial.axis_labels"),
        ({"spatial": {"affine": EYE}}, {"ndim": 3}, "spatial.affine"),
        ({"bbox": [[[0, 1]]]}, {"ndim": 3}, "bbox.bboxes"),
        ({"blosc2": {"chunk_size": [1]}}, {"ndim": 3}, "blosc2.chunk_size"),
        ({"blosc2": {"patch_size": [1]}}, {"ndim": 3}, "blosc2.patch_size"),
    ],
)
def test_validate_against_the_array(fields, context, path):
    meta = Meta(**fields)
    meta.validate()
    with pytest.raises(MetadataError) as caught:
        meta.validate(**context)
    assert caught.value.field.startswith(path)


def test_boxes_may_have_all_axes_or_the_spatial_ones():
    labels = ["channel", "spatial_y", "spatial_x"]
    for axes in (2, 3):
        Meta(bbox=[[[0, 1]] * axes], spatial={"axis_labels": labels}).validate(shape=(2, 3, 4))
    with pytest.raises(ValueError, match="expected 2 or 3 axes, got 1"):
        Meta(bbox=[[[0, 1]]], spatial={"axis_labels": labels})
    meta = Meta(spatial={"axis_labels": labels})
    with pytest.raises(ValueError, match="expected 2 or 3"):
        meta.bbox = [[[0, 1]]]
    assert meta.bbox.is_default()


def test_nan_is_kept_where_it_can_mean_something():
    meta = Meta(source={"a": [NAN, -INF]}, stats={"mean": NAN})
    assert math.isnan(meta.source["a"][0])
    assert math.isnan(meta.stats.mean)


def test_loops_and_deep_nesting_are_refused():
    loop: list = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested more than 200 deep"):
        Meta(source={"loop": loop})


def test_tiny_and_huge_spacings_are_no_singular_affine():
    for scale in (1e-9, 1e9):
        MetaSpatial(affine=[[scale, 0, 1], [0, 1 / scale, 2], [0, 0, 1]])


def test_unknown_sections_are_key_errors_that_read_well():
    with pytest.raises(MetadataKeyError) as caught:
        Meta.from_mapping({"spatail": {}})
    assert str(caught.value) == "spatail: no such field; did you mean 'spatial'?"
    with pytest.raises(TypeError):
        Meta.from_mapping([1])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_json_is_kept_as_it_is(content):
    meta = Meta(source=content)
    assert meta == Meta.from_mapping(meta.to_mapping()) == meta.copy()
    assert meta.source.data == content or "nan" in repr(content)


@given(st.lists(st.floats(min_value=1e-300, max_value=1e300), min_size=1, max_size=5))
def test_any_positive_spacing_is_kept_exactly(spacing):
    assert MetaSpatial(spacing=np.array(spacing)).spacing == spacing
