"""Which kind of picture a file is, and which pictures a folder holds. Standard library only."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Kind = Literal["png", "jpeg", "bmp", "jpeg2000", "webp"]

_MOST_FILES = 100_000
_GEOJP2 = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of picture that begins with `head`, None for none."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png" if head[12:16] == b"IHDR" else None
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return "jpeg2000"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    sizes = (12, 40, 52, 56, 108, 124)  # of the header that follows, by version
    if head.startswith(b"BM") and len(head) > 18 and int.from_bytes(head[14:18], "little") in sizes:
        return "bmp"
    return None


def is_georeferenced(head: bytes) -> bool:
    """Say whether the boxes at the beginning of a JPEG 2000 place it on the earth.

    GeoJP2 has a box of its own UUID (GeoJP2 1.0.3), GMLJP2 an association of GML (OGC 08-085r8).
    """
    return kind_of(head) == "jpeg2000" and (_GEOJP2 in head or b"gml.data" in head)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts ``slice2`` before ``slice10``."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [(0, int(part[:4000]), "") if part.isdigit() else (1, 0, part) for part in parts]


def are_numbered(names: Sequence[str]) -> bool:
    """Say whether names differ in one number only, and each in another: those of the slices of a volume."""
    parts = [re.split(r"([0-9]+)", name.rpartition(".")[0].lower()) for name in names]
    if len(names) < 2 or len({(*part[::2],) for part in parts}) > 1:
        return False
    numbers = [[int(digits[:4000]) for digits in part[1::2]] for part in parts]
    differing = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
    return len(differing) == 1 and len(set(differing[0])) == len(names)


def pictures_in(folder: Path, suffixes: tuple[str, ...]) -> tuple[list[Path], int]:
    """Return the pictures of a folder by their names, in natural order, and how many other files it holds.

    Hidden files and folders don't count, and neither do links: they may lead anywhere.
    """
    found: list[str] = []
    others = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.is_dir():
                continue
            if entry.name.lower().endswith(suffixes) and entry.is_file(follow_symlinks=False):
                found.append(entry.name)
            else:
                others += 1
            if len(found) + others >= _MOST_FILES:
                break
    return [folder / name for name in sorted(found, key=lambda name: (natural(name), name))], others
