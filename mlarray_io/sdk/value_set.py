"""The values that an image holds, collected piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


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
