"""Headers of KLB, without pyklb."""

from __future__ import annotations

import pytest

from mlarray_klb.header import HEADER, parsed


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (b"Testing metadata\0\x8c\x10left over", "Testing metadata"),
        (b"", b""),
        (b"\x01\x02\0\x03\0\0", b"\x01\x02\0\x03"),
        (b"\0\x07\0", b"\0\x07"),
    ],
)
def test_metadata(field, told):
    """A text ends at its first zero, as C has it; bytes are kept up to the last that isn't zero."""
    head = HEADER.pack(2, 4, 3, 2, 1, 1, *[1.0] * 5, 1, 1, field, 4, 3, 2, 1, 1)
    assert parsed(head).metadata == told
