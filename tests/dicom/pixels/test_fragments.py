"""Fragments of compressed pixel data become frames (PS3.5, A.4): by a table that fits, else by streams."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from pydicom.encaps import encapsulate

from mlarray_core.errors import CorruptError
from mlarray_dicom.pixels.fragments import frames_of

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = [b"\xff\xd8\xff" + bytes([number]) * (31 + 4 * number) for number in range(1, 5)]
"""Four streams that begin as JPEG does."""


def read(path: Path, content: bytes, count: int = 4) -> list[bytes]:
    """Return the frames of encapsulated pixel data that lie behind ten bytes of something else."""
    path.write_bytes(b"0123456789" + content)
    whole = path.read_bytes()
    return [
        b"".join(whole[at : at + size] for at, size in fragments).rstrip(b"\0")
        for fragments in frames_of(path, 10, count)
    ]


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("has_table", [True, False])
def test_frames(tmp_path: Path, pieces: int, has_table: bool) -> None:
    content = encapsulate(FRAMES, fragments_per_frame=pieces, has_bot=has_table)
    assert read(tmp_path / "x", content + b"\xfe\xff\xdd\xe0\0\0\0\0") == FRAMES


@pytest.mark.parametrize("offsets", [(0, 8, 16, 24), (0, 0, 0, 0), (9999, 1, 2, 3), (64, 0, 128, 200)])
def test_a_table_that_does_not_fit(tmp_path: Path, offsets: tuple[int, ...]) -> None:
    """pydicom cuts at whatever the table says; here it counts only where fragments begin."""
    content = encapsulate(FRAMES, fragments_per_frame=3, has_bot=True)
    content = content[:8] + struct.pack("<4I", *offsets) + content[24:]
    assert read(tmp_path / "x", content) == FRAMES


def test_a_table_of_another_length(tmp_path: Path) -> None:
    content = encapsulate(FRAMES, has_bot=False)
    table = b"\xfe\xff\x00\xe0" + struct.pack("<I", 400) + bytes(400)
    assert read(tmp_path / "x", table + content[8:]) == FRAMES


@pytest.mark.parametrize("lost", [1, 9, 30])
def test_cut_short(tmp_path: Path, lost: int) -> None:
    """pydicom takes the end of the file for the end of the last fragment."""
    with pytest.raises(CorruptError, match="cut short"):
        read(tmp_path / "x", encapsulate(FRAMES)[:-lost])


@pytest.mark.parametrize("content", [b"", b"\xfe\xff\x00\xe0\xff\xff\xff\x7f", b"abcdefgh" * 4])
def test_no_fragments(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorruptError):
        read(tmp_path / "x", content)


def test_frames_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="don't make up 7 frames"):
        read(tmp_path / "x", encapsulate(FRAMES), 7)
