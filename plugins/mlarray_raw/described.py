"""What a header in text says of voxels in another file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from mlarray_core import Additions, MetaSpatial
    from mlarray_io.sdk import Compression, RawData

LARGEST = 4 << 20
"""Bytes of a header."""
MOST_AXIS = 1 << 40


@dataclass
class Described:
    """Voxels, as a header describes them.

    Parameters
    ----------
    raw
        How they lie in the data file.
    spatial
        What their axes are, and where they lie.
    source
        The header, as `meta.source` holds it.
    file
        Name of the data file as the header has it; None where it is known by its own name only.
    compression
        Of the data file.
    additions
        What else is known of the axes.
    is_seg
        Whether the voxels are labels, as far as the header says it.
    """

    raw: RawData
    spatial: MetaSpatial
    source: dict[str, Any]
    file: str | None = None
    compression: Compression = "none"
    additions: Additions | None = None
    is_seg: bool | None = None
    notes: list[str] = field(default_factory=list)
    """What the user is told."""


def whole(values: Mapping[str, str], name: str, path: Path, missing: int | None = None) -> int:
    """Return a size or an offset.

    Parameters
    ----------
    values
        Texts by key.
    name
        The key.
    path
        The header, for errors.
    missing
        What it is where the header doesn't say it; None where it must.

    Raises
    ------
    CorruptError
        It isn't there, or no whole number from 0 on.
    """
    text = values.get(name, "").strip()
    if not text and missing is not None:
        return missing
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise CorruptError(f"expected a whole number, got {text[:40]!r}", path=path, field=name)
    return int(text)


def sizes(values: Mapping[str, str], names: tuple[str, ...], path: Path) -> tuple[int, ...]:
    """Return sizes of axes, which are 1 or more.

    Parameters
    ----------
    values, path
        As for `whole`.
    names
        The keys.

    Raises
    ------
    CorruptError
        One isn't there, or no size.
    """
    found = tuple(whole(values, name, path) for name in names)
    for name, size in zip(names, found, strict=True):
        if not 0 < size < MOST_AXIS:
            raise CorruptError(f"expected a size, got {size}", path=path, field=name)
    return found


def real(text: str, name: str, path: Path) -> float:
    """Return a finite number.

    Parameters
    ----------
    text
        How it is written.
    name, path
        Key and header, for errors.

    Raises
    ------
    CorruptError
        It is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e300:
        raise CorruptError(f"expected a number, got {text[:40]!r}", path=path, field=name)
    return value


def ordered(dtype: np.dtype[Any], *, big: bool) -> np.dtype[Any]:
    """Return a type in the byte order that a header tells."""
    return dtype.newbyteorder(">" if big else "<")
