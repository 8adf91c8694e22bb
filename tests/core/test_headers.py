"""Header values as JSON, and back without loss."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core.errors import MetadataError
from mlarray_core.headers import plain, restore
from mlarray_core.meta import Meta


def same(a, b):
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


tricky = st.sampled_from(
    ["nan", "inf", "-inf", "9007199254740993", "-9007199254740993", "9007199254740992", "007"]
)
keys = st.text() | st.sampled_from(["base64", "text", "dict"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | tricky | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=20,
)


@given(values)
def test_restore_undoes_plain(value):
    spelt = json.loads(json.dumps(plain(value), allow_nan=False))
    assert same(restore(spelt), value)
    assert Meta(source={"value": spelt}).source["value"] == spelt


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (b"\x00\xff", {"base64": "AP8="}),
        (bytearray(b"\x00"), {"base64": "AA=="}),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), "nan"),
        (np.int16(-3), -3),
        (np.uint64(2**63), "9223372036854775808"),
        (np.bool_(True), True),
        (np.bytes_(b"ab"), {"base64": "YWI="}),
        (np.str_("ab"), "ab"),
        (np.array([[1, 2]], dtype=">i2"), [[1, 2]]),
        ((1, (2.5, None)), [1, [2.5, None]]),
        ("nan", {"text": "nan"}),
        ("12", "12"),
        ({"base64": "x"}, {"dict": {"base64": "x"}}),
        ({"base64": "x", "other": 1}, {"base64": "x", "other": 1}),
    ],
)
def test_spelling(value, spelling):
    found = plain(value)
    assert found == spelling
    assert type(found) is type(spelling)


@pytest.mark.parametrize(
    "value", [pytest.param(object(), id="object"), {1: 2}, 1j, {1}, [np.datetime64("2020-01-01", "D")]]
)
def test_what_has_no_spelling_is_refused(value):
    with pytest.raises(TypeError) as caught:
        plain(value)
    assert isinstance(caught.value, MetadataError)


def test_damaged_base64_is_refused():
    with pytest.raises(MetadataError, match="base64"):
        restore({"base64": "?"})
