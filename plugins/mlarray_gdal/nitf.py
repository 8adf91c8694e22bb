"""How the images of a NITF are compressed, by its headers: MIL-STD-2500C, tables A-1 and A-3, and 2500A."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_NAMES = {
    "C1": "CCITT fax", "C3": "JPEG", "C4": "vector quantisation", "C5": "lossless JPEG", "C6": "complex SAR",
    "C7": "complex SAR", "C8": "JPEG 2000", "I1": "downsampled JPEG",
}  # fmt: skip
"""By the field IC; with M for C there is a mask of blocks too."""
_OLD = b"NITF02.00"
_NEVER = b"999998"
"""What stands in version 02.00 where a field of 40 bytes says when a file or an image is downgraded."""
_IMAGES = 999


def compressions(path: Path) -> list[str]:
    """Return how the images of a file are compressed; none of a file that is shorter than it says.

    Parameters
    ----------
    path
        The file.
    """
    try:
        with path.open("rb") as file:
            return list(dict.fromkeys(_of_images(file, path.stat().st_size)))
    except ValueError:
        return []


def _of_images(file: BinaryIO, size: int) -> list[str]:
    """Return what the field IC of each image says, with its meaning.

    Raises
    ------
    ValueError
        The headers make no sense, or describe more than the file holds.
    """
    head = file.read(443)
    old = head.startswith(_OLD)
    at = 342 + (40 if old and head[280:286] == _NEVER else 0)
    file.seek(at)
    length, header, count = (_whole(file, digits) for digits in (12, 6, 3))
    if length > size or count > _IMAGES:
        raise ValueError(length, count)
    lengths = [(_whole(file, 6), _whole(file, 10)) for _ in range(count)]
    found = []
    for subheader, image in lengths:
        file.seek(header)
        name = _compression(file.read(min(subheader, 1 << 20)), old=old)
        if name:
            found.append(name)
        header += subheader + image
    return found


def _whole(file: BinaryIO, digits: int) -> int:
    """Return the number that comes next; none is below 0.

    Raises
    ------
    ValueError
        It is, or is no number.
    """
    found = int(file.read(digits))
    if found < 0:
        raise ValueError(found)
    return found


def _compression(content: bytes, *, old: bool) -> str:
    """Return what the field IC of an image's header says; nothing for pixels that aren't compressed."""
    moved = 40 if old and content[284:290] == _NEVER else 0
    placed = content[371 + moved : 372 + moved] != (b"N" if old else b" ")
    at = 372 + moved + (60 if placed else 0)
    at += 1 + 80 * int(content[at : at + 1])
    kind = content[at : at + 2].decode("latin-1")
    known = _NAMES.get(kind.replace("M", "C"))
    return f"{known} (its IC is {kind})" if known else ""
