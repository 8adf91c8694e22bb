"""The bounded MessagePack reader, against the library that Blosc2 uses, and what it refuses."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import msgpack as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsafeError
from mlarray_core.metadata import msgpack

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
leaves = scalars | st.text() | st.binary()
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(values)
def test_it_reads_what_the_library_writes(value: Any) -> None:
    assert msgpack.unpack(theirs.packb(value)) == value


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65535, 65536])
def test_every_size_of_every_container(size: int) -> None:
    for value in ("x" * size, b"x" * size, [0] * size, {str(number): 1 for number in range(size)}):
        assert msgpack.unpack(theirs.packb(value)) == value


def test_single_precision_is_read() -> None:
    assert msgpack.unpack(theirs.packb(1.5, use_single_float=True)) == 1.5


def test_packed_bytes_are_what_the_library_reads() -> None:
    assert theirs.unpackb(msgpack.pack_bytes(b"abc")) == b"abc"


@given(values, st.data())
def test_what_is_cut_short_is_refused(value: Any, data: st.DataObject) -> None:
    packed = theirs.packb(value)
    with pytest.raises(MLArrayError):
        msgpack.unpack(packed[: data.draw(st.integers(0, len(packed) - 1))])


@given(st.binary(max_size=200))
def test_noise_raises_nothing_else(noise: bytes) -> None:
    with contextlib.suppress(MLArrayError):
        msgpack.unpack(noise)


def test_what_follows_the_value_is_refused() -> None:
    with pytest.raises(CorruptError, match="follow"):
        msgpack.unpack(b"\x01\x02")


@pytest.mark.parametrize(
    "packed", [theirs.packb(theirs.ExtType(42, b"x")), theirs.packb(theirs.Timestamp(1, 2)), b"\xc1"]
)
def test_extension_types_are_refused(packed: bytes) -> None:
    with pytest.raises(UnsafeError):
        msgpack.unpack(packed)


def test_depth_is_limited() -> None:
    assert msgpack.unpack(b"\x91" * msgpack.MAX_DEPTH + b"\x01")
    with pytest.raises(LimitError):
        msgpack.unpack(b"\x91" * 1_000_000 + b"\x01")


def test_the_number_of_items_is_limited() -> None:
    with pytest.raises(LimitError):
        msgpack.unpack(b"\xdd" + struct.pack(">I", 1_000_001) + b"\xc0" * 1_000_001)


@pytest.mark.parametrize("marker", [b"\xc6", b"\xdb", b"\xdd", b"\xdf"])
def test_a_claimed_size_allocates_nothing(marker: bytes) -> None:
    with pytest.raises(CorruptError, match="early"):
        msgpack.unpack(marker + b"\xff\xff\xff\xff")


def test_text_must_be_utf8() -> None:
    with pytest.raises(CorruptError, match="UTF-8"):
        msgpack.unpack(b"\xa1\xff")


@pytest.mark.parametrize("packed", [b"\x81\x90\x01", b"\x81\x80\x01"])
def test_keys_that_are_containers_are_refused(packed: bytes) -> None:
    with pytest.raises(CorruptError, match="key"):
        msgpack.unpack(packed)
