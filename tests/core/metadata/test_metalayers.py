"""Sections of metalayers: those of a frame that was written, and what isn't one."""

from __future__ import annotations

import struct

import pytest

from mlarray_core.container.trailer import trailer_of
from mlarray_core.errors import CorruptError
from mlarray_core.metadata.metalayers import content_at, read_index

TRAILER = trailer_of({"one": b"first", "another": b"second" * 50})
AT = 2
"""Where the section begins in a trailer."""


def test_names_and_contents_lie_one_after_the_other() -> None:
    entries, at = read_index(TRAILER, AT)
    assert [name for name, _ in entries] == ["one", "another"]
    for (name, place), content in zip(entries, (b"first", b"second" * 50), strict=True):
        start, at = content_at(TRAILER, at, name, place)
        assert TRAILER[start:at].endswith(content)


@pytest.mark.parametrize("where", [0, 1, 4, 7, 11])
def test_a_changed_marker(where: int) -> None:
    changed = bytearray(TRAILER)
    changed[AT + where] ^= 0x40
    with pytest.raises((CorruptError, struct.error, IndexError)):
        entries, at = read_index(bytes(changed), AT)
        content_at(bytes(changed), at, *entries[0])


def test_a_section_that_ends_anywhere() -> None:
    _, end = read_index(TRAILER, AT)
    for length in range(AT, end):
        with pytest.raises((CorruptError, struct.error, IndexError)):
            read_index(TRAILER[:length], AT)


def test_the_same_name_twice_and_a_content_elsewhere() -> None:
    entries, at = read_index(TRAILER, AT)
    with pytest.raises(CorruptError, match="not where the index says"):
        content_at(TRAILER, at + 1, *entries[0])
    with pytest.raises(CorruptError, match="ends early"):
        content_at(TRAILER[: at + 9], at, *entries[0])
    twice = trailer_of({"one": b"", "two": b""}).replace(b"two", b"one")
    with pytest.raises(CorruptError, match="don't match"):
        read_index(twice, AT)
