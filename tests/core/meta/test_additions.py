"""Typed additions in extra["mlarray"], and the rules for rescaled values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core.errors import ArgumentError, MetadataError, UnsupportedError
from mlarray_core.meta import Additions, AxisValues, Channel, Label, Meta, Rescale
from mlarray_core.rescale import apply_rescale, is_scaled, rescaled_dtype, undo_rescale

FULL = Additions(
    rescale=Rescale(0.5, -1024.0, "int16", applied=False),
    axes={0: AxisValues("echo", "ms", [1.5, 3.0]), 3: AxisValues("b", others={"newer": 1})},
    channels=[Channel({"name": "DAPI"})],
    labels=[Label(1, "liver", "#dd8265")],
    bids={"EchoTime": 0.03},
    lossy={"codec": "jpeg"},
    losses=[{"what": "affine", "why": "no field for it"}],
    unknown={"newer": {"a": [1]}},
)


def test_store_and_read_back():
    meta = Meta(extra={"mine": 1})
    FULL.store(meta)
    assert meta.extra["mine"] == 1
    assert set(meta.extra["mlarray"]) == {
        "rescale",
        "axes",
        "channels",
        "labels",
        "bids",
        "lossy",
        "losses",
        "newer",
    }
    assert Additions.of(meta) == FULL
    assert Additions.of(Meta.from_mapping(meta.to_mapping())) == FULL


def test_nothing_is_shared():
    meta = Meta()
    FULL.store(meta)
    read = Additions.of(meta)
    read.axes[0].values.append(9)
    read.unknown["newer"]["a"].append(9)
    assert Additions.of(meta) == FULL


def test_empty_parts_are_left_out():
    meta = Meta(extra={"mine": 1, "mlarray": {"bids": {"a": 1}}})
    Additions().store(meta)
    assert meta.extra == {"mine": 1}
    Additions(bids={"a": 1}).store(meta)
    assert meta.extra["mlarray"] == {"bids": {"a": 1}}
    assert Additions.of(Meta()) == Additions()


@pytest.mark.parametrize(
    ("stored", "path"),
    [
        (3, "extra['mlarray']"),
        ({"rescale": {"slope": 1, "dtype": "int16"}}, "extra['mlarray'].rescale.intercept: missing"),
        ({"rescale": {"slope": "a", "intercept": 0, "dtype": "int16"}}, "extra['mlarray'].rescale.slope"),
        ({"rescale": [1]}, "extra['mlarray'].rescale"),
        ({"axes": {"x": {}}}, "extra['mlarray'].axes"),
        ({"axes": {"0": 1}}, "extra['mlarray'].axes['0']"),
        ({"channels": [1]}, "extra['mlarray'].channels[0]"),
        ({"losses": {}}, "extra['mlarray'].losses"),
    ],
)
def test_damaged_additions_are_named(stored, path):
    with pytest.raises(MetadataError) as caught:
        Additions.of(Meta(extra={"mlarray": stored}))
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "bits", "expected"),
    [
        ("int16", 1, 0, None, "int16"),
        (">i2", 1, 0, None, "int16"),
        ("uint16", 0, 5, None, "uint16"),
        ("uint16", float("nan"), 5, None, "uint16"),
        ("uint16", float("inf"), 5, None, "uint16"),
        ("uint16", 2, float("nan"), None, "uint16"),
        ("uint16", 1, -1024, 12, "int16"),
        ("uint16", 1, -1024, None, "int32"),
        ("int16", 1, -1024, None, "int32"),
        ("int16", 1, -1024, 12, "int16"),
        ("uint8", 1, -128, None, "int8"),
        ("uint8", 1, 1, None, "int16"),
        ("uint32", 1, -1, None, "int64"),
        ("uint64", 1, 1, None, "float64"),
        ("bool", 1, 1, None, "int8"),
        ("int16", 0.5, 0, None, "float32"),
        (">u2", 2, -1024, None, "float32"),
        ("int16", 1, 0.5, None, "float32"),
        ("uint8", -1, 255, None, "float32"),
        ("int16", 1e-6, 1e6, None, "float64"),
        ("int16", 1e-40, 0, None, "float64"),
        ("int16", 1e38, 0, None, "float64"),
        ("int32", 2, 0, None, "float64"),
        ("float16", 2, 0, None, "float64"),
        ("float32", 2, 0, None, "float64"),
        (">f8", 2, 0, None, "float64"),
        ("complex64", 2, 0, None, "complex128"),
    ],
)
def test_rescaled_dtype(stored, slope, intercept, bits, expected):
    found = rescaled_dtype(stored, slope, intercept, bits=bits)
    assert found == np.dtype(expected)
    assert found.isnative


@pytest.mark.parametrize("order", ["C", "F"])
def test_ct_is_exact(order):
    stored = np.array([[0, 1024, 4095], [7, 8, 9]], dtype=">u2", order=order)
    real = apply_rescale(stored, 1, -1024, rescaled_dtype(stored.dtype, 1, -1024, bits=12))
    assert real.dtype == np.int16
    assert real.tolist() == [[-1024, 0, 3071], [-1017, -1016, -1015]]
    assert real.flags[f"{order}_CONTIGUOUS"]
    back = undo_rescale(real, Rescale(1, -1024, ">u2"))
    assert back.tolist() == stored.tolist()
    assert back.dtype == stored.dtype


def test_values_are_rounded_once():
    stored = np.arange(-32768, 32768, dtype=np.int16)
    real = apply_rescale(stored, 0.1, 1234.5, np.float32)
    assert np.array_equal(real, (stored * np.float64(0.1) + 1234.5).astype(np.float32))
    assert apply_rescale(stored.reshape(2, -1)[:, ::2], 0.1, 0, np.float32).shape == (2, 16384)
    assert apply_rescale(np.empty((0, 3), np.int16), 0.1, 0, np.float32).shape == (0, 3)


def test_no_scaling_leaves_values_alone():
    stored = np.array([1, 2], np.int16)
    assert apply_rescale(stored, 0, 7, np.int16).tolist() == [1, 2]
    assert not is_scaled(float("nan"), 0)


@given(
    st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32"]),
    st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6) | st.just(1.0),
    st.floats(-1e4, 1e4) | st.integers(-5000, 5000).map(float),
)
def test_requantising_gives_the_same_integers(dtype, slope, intercept):
    info = np.iinfo(dtype)
    stored = np.unique(np.linspace(info.min, info.max, 300).astype(dtype))
    real = apply_rescale(stored, slope, intercept, rescaled_dtype(dtype, slope, intercept))
    assert np.array_equal(undo_rescale(real, Rescale(slope, intercept, dtype)), stored)


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
@pytest.mark.parametrize(("slope", "intercept"), [(0.001, -1024), (2.25, 3.5), (-0.1, 0)])
def test_stored_floats_come_back_to_the_bit(dtype, slope, intercept):
    """In 32 bits a 0.5 beside an intercept of -1024 would be 10 % off (NIfTI-1: y = slope x + inter)."""
    stored = np.linspace(0.5, 300, 1000).astype(dtype)
    real = apply_rescale(stored, slope, intercept, rescaled_dtype(dtype, slope, intercept))
    np.testing.assert_allclose(real, stored.astype("complex128") * slope + intercept, rtol=1e-15)
    assert np.array_equal(undo_rescale(real, Rescale(slope, intercept, dtype)), stored)


def test_raw_values_are_already_stored_ones():
    stored = np.array([1, 2], np.int16)
    assert undo_rescale(stored, Rescale(2, 3, "int16", applied=False)) is stored


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([300.0], "uint8"), ([float("nan")], "int16"), ([-1.0], "uint16"), ([float("inf")], "int32")],
)
def test_what_has_no_stored_value_is_refused(values, dtype):
    with pytest.raises(UnsupportedError, match=dtype):
        undo_rescale(np.array(values), Rescale(0.5, 0, dtype))


def test_integers_out_of_range_are_refused():
    with pytest.raises(UnsupportedError, match="from 5 to 70000"):
        undo_rescale(np.array([5, 70000]), Rescale(1, 0, "int16"))
    with pytest.raises(UnsupportedError, match="uint16"):
        undo_rescale(np.array([-1025]), Rescale(1, -1024, "uint16"))
    with pytest.raises(ArgumentError, match="'nonsense'"):
        undo_rescale(np.array([1]), Rescale(1, 1, "nonsense"))
