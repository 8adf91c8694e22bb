"""Which files make up an image: one, or a header and its voxels beside it. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

PACKED = (".gz", ".bz2", ".xz", ".zst")
"""What the name of a packed file ends in."""

_PARTNER = {".hdr": ".img", ".img": ".hdr"}


def split(path: Path) -> tuple[str, str, str]:
    """Return stem, suffix and ``.gz``, ``.bz2``, ``.xz``, ``.zst`` or nothing, as they are spelt."""
    name, zipped = path.name, ""
    if path.suffix.lower() in PACKED:
        name, zipped = name.removesuffix(path.suffix), path.suffix
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix, zipped) if dot else (name, "", zipped)


def partner(path: Path) -> Path | None:
    """Return the name of the other file of a pair, None for a name that isn't of a pair."""
    stem, suffix, zipped = split(path)
    other = _PARTNER.get(suffix.lower())
    if other is None:
        return None
    return path.with_name(stem + (other.upper() if suffix.isupper() else other) + zipped)


def find_partner(path: Path) -> Path | None:
    """Return the other file of a pair, gzipped or not whatever this one is; None when there is none."""
    same = partner(path)
    if same is None:
        return None
    stem, suffix, zipped = split(same)
    other = path.with_name(stem + suffix + ("" if zipped else ".gz"))
    return next((candidate for candidate in (same, other) if candidate.is_file()), None)


def header_path(path: Path) -> Path:
    """Return the file that holds the header: the ``.hdr`` beside an ``.img``, else the file itself."""
    if split(path)[1].lower() != ".img":
        return path
    return find_partner(path) or path


def image_path(header: Path, given: Path) -> Path:
    """Return the file that holds the voxels of a pair.

    Parameters
    ----------
    header
        The header's file.
    given
        The file that the user named, either of the two.

    Raises
    ------
    NotFoundError
        There is none.
    """
    if given != header:
        return given
    found = find_partner(header)
    if found is None:
        wanted = partner(header) or header.with_suffix(".img")
        raise NotFoundError(
            "holds a header whose voxels are in another file, which is missing",
            path=header,
            hint=f"Put {wanted.name} beside it",
        )
    return found
