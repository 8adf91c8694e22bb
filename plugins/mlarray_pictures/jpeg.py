"""JPEG's segments (ITU-T T.81, Annex B): where the picture ends, and what its colours are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

START_OF_SCAN, END = 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length (B.1.1.3): TEM, restarts and the start of an image."""
LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
"""Frames that are coded without loss (table B.1)."""
_PROCESSES = {0: "CMYK", 1: "YCbCr", 2: "YCCK"}
"""Adobe's colour transform (Adobe Technical Note 5116, "APP14")."""


def segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield markers and their segments up to the first scan, past stray bytes (jdmarker.c, next_marker)."""
    at = content.find(b"\xff", 2)
    while 0 <= at < len(content) - 3:
        marker, size = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in (0x00, 0xFF):
            at = content.find(b"\xff", at + 1)
            continue
        if size < 2 or at + 2 + size > len(content):
            return
        yield marker, content[at + 4 : at + 2 + size]
        at = content.find(b"\xff", at + 2 + size)


def end_of(content: bytes) -> int | None:
    """Return where the picture ends, behind its last scan; None where its end is missing.

    Thumbnails within segments have ends of their own, and more may follow the picture: the film of a motion
    photo, the other pictures of an MPO, bytes that a download added.
    """
    at = 2
    while 0 <= at < len(content) - 1:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return None
        marker = content[at + 1]
        if marker == END:
            return at + 2
        if marker in (0x00, 0xFF) or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    return None


def colours_of(samples: int, adobe: bytes | None) -> dict[str, object]:
    """Return how colours were stored, from Adobe's segment: model, and whether inks are inverted."""
    transform = adobe[11] if adobe is not None and len(adobe) >= 12 else None
    if samples != 4:
        return {}
    model = _PROCESSES.get(0 if transform is None else transform, "CMYK")
    return {"colour_model": "CMYK", "stored_as": model, "inverted_inks": transform is not None}


def is_several(content: bytes) -> bool:
    """Return whether further pictures follow (CIPA DC-007, "MPF" segment)."""
    return any(marker == 0xE2 and segment[:4] == b"MPF\0" for marker, segment in segments(content))
