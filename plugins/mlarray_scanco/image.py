"""What both kinds of Scanco's files say of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_io.sdk import RawData


Packing = Literal["", "runs of bytes", "runs of two values", "cells"]
"""How voxels are packed: not at all, see `mlarray_scanco.runs` for the next two, `mlarray_scanco.cells`."""


@dataclass(frozen=True)
class ScancoImage:
    """An image.

    Parameters
    ----------
    raw
        How its voxels lie; of packed ones, where these begin, and how they lie unpacked.
    spacing
        In mm, x first.
    origin
        Place of the first voxel in the scanner's own frame, in mm, x first; None where it isn't told.
    fields
        What else the header says.
    packing
        How its voxels are packed.
    stored
        Bytes of runs.
    border
        Voxels at both ends of z, y and x that runs leave out; they are 0.
    """

    raw: RawData
    spacing: list[float]
    origin: list[float] | None
    fields: dict[str, object]
    packing: Packing = ""
    stored: int = 0
    border: tuple[int, ...] = (0, 0, 0)


def checked_sizes(sizes: Sequence[object], path: Path) -> tuple[int, ...]:
    """Return sizes of axes.

    Raises
    ------
    CorruptError
        One is none.
    """
    found = tuple(size for size in sizes if isinstance(size, int) and 0 < size < 1 << 31)
    if len(found) != 3:
        raise CorruptError(f"expected three sizes over 0, got {list(sizes)}", path=path, field="dimension")
    return found
