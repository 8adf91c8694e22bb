"""The values that an image holds, collected piece by piece: few of them are taken for labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

Array = np.ndarray[Any, Any]

FEW = 64
"""Different integers up to which an image is taken for a label map: scans and photographs have hundreds, and
most label maps fewer (an atlas with more regions is marked as one, or has to be)."""


class ValueSet:
    """A set of values of one dtype.

    Parameters
    ----------
    dtype
        Of the values. Those of one or two bytes are marked in a table, which is many times faster.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._values: Array = np.empty(0, dtype)
        small = dtype.kind in "iub" and dtype.itemsize <= 2
        self._code = f"u{dtype.itemsize}" if small else ""
        self._table = np.zeros(1 << 8 * dtype.itemsize if small else 0, bool)

    def add(self, voxels: Array) -> None:
        """Take in all values of some voxels."""
        if self._code:
            self._table[np.ascontiguousarray(voxels).view(self._code)] = True
        else:
            self._values = np.union1d(self._values, voxels)

    def __len__(self) -> int:
        return int(np.count_nonzero(self._table)) if self._code else len(self._values)

    def strangers(self, voxels: Array) -> Array:
        """Return the values of some voxels that aren't in the set, in order."""
        if not self._code:
            return np.setdiff1d(voxels, self._values)
        flat = np.ascontiguousarray(voxels).reshape(-1)
        return np.unique(flat[~self._table[flat.view(self._code)]])


def few_values(pieces: Iterable[Array], dtype: np.dtype[Any], most: int = FEW) -> int | None:
    """Return how many different values an image of integers holds, None for more than `most`.

    Parameters
    ----------
    pieces
        All voxels, piece by piece; no more of them are asked for than it takes.
    dtype
        Of the voxels.
    most
        Counting stops where there are more.
    """
    found = ValueSet(dtype)
    for voxels in pieces:
        found.add(voxels.reshape(-1)[:: max(1, voxels.size >> 12)])  # a few thousand of a scan tell at once
        if len(found) <= most:
            found.add(voxels)
        if len(found) > most:
            return None
    return len(found)


def taken_for_labels(is_seg: bool | None, dtype: np.dtype[Any], pieces: Iterable[Array]) -> tuple[bool, int]:
    """Say whether voxels are labels, of which no others may be made, and what only they say.

    What the metadata say counts. Where they say nothing, truth values are labels, and so are few different
    integers: they survive, whatever they are.

    Parameters
    ----------
    is_seg
        What the metadata say; None for nothing.
    dtype
        Of the voxels.
    pieces
        All voxels, piece by piece; none of them is asked for without need.

    Returns
    -------
    tuple
        Whether they are labels, and how many different integers there are where only these say so; 0
        otherwise.
    """
    if is_seg is not None or dtype.kind not in "iu":
        return is_seg is True or (is_seg is None and dtype.kind == "b"), 0
    count = few_values(pieces, dtype)
    return (True, count) if count is not None and count > 1 else (False, 0)
