"""What the first bytes of a file say, and with which of the library's readers it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlarray_io import Source

_STARTS = {
    b"II\x97\x01": "tia",
    b"JK\x00\x02": "tia",
    b"IMGBLO": "blockfile",
    b"MQ1,": "quantumdetector",
}
"""How SER, EMI, BLO and MIB begin."""
_DM = {b"\0\0\0\x03": 8, b"\0\0\0\x04": 12}
"""The version that a DM file begins with, and where its byte order stands: behind a length."""
_ORDERS = (b"\0\0\0\0", b"\0\0\0\x01")
_JEOL = b"\x34\0\0\0JED-2200"
"""How images and maps of JEOL's Analysis Station begin."""
_HDF5 = b"\x89HDF\r\n\x1a\n"


def kind_of(source: Source) -> str | None:
    """Return the name of the reader for a file, None when it is none of them."""
    head = source.head
    for start, kind in _STARTS.items():
        if head.startswith(start):
            return kind
    at = _DM.get(head[:4])
    if at is not None and head[at : at + 4] in _ORDERS and _has_flags(head, at + 4):
        return "digitalmicrograph"
    if head.startswith(_HDF5) and source.has_suffix(".emd"):
        return "emd"
    if head.startswith(_JEOL):
        return "jeol"
    return "tvips" if source.has_suffix(".tvips") and head else None


def _has_flags(head: bytes, at: int) -> bool:
    """Say whether a directory of tags follows: whether it is sorted, and whether it is open."""
    return len(head) > at + 1 and head[at] in (0, 1) and head[at + 1] in (0, 1)


def may_be_read() -> bool:
    """Say whether the library is there."""
    from importlib.util import find_spec

    return find_spec("rsciio") is not None
