"""The header of a `.npy`: what the array is and where its voxels begin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from numpy.lib import format as npy

from mlarray_core.errors import CorruptError, UnsafeError, UnsupportedError
from mlarray_io.sdk import ignored_warnings, voxel_dtype

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

LONGEST = 65536
"""Most characters of a header; NumPy's writer needs a few hundred, `ast` is slow and deep beyond."""


@dataclass(frozen=True)
class Layout:
    """Where an array lies in its file.

    Parameters
    ----------
    shape, dtype
        Of the array; the dtype as stored.
    fortran
        Whether the first axis is the fastest.
    offset
        Where the voxels begin.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def nbytes(self) -> int:
        """Size of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Shape with the slowest axis of the file first."""
        return self.shape[::-1] if self.fortran else self.shape


def read_layout(file: IO[bytes], size: int, path: Path) -> Layout:
    """Read the header at the beginning of `file`, which has `size` bytes (NumPy's NEP 1).

    Parameters
    ----------
    file
        The open file, at its beginning.
    size
        Bytes in the file, or in the member of a `.npz`.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    UnsafeError
        The array holds pickled objects.
    UnsupportedError
        Its values are no voxels.
    """
    shape, fortran, dtype = _header(file, path)
    if dtype.hasobject:
        raise UnsafeError(
            "holds pickled Python objects, and loading them could run any program",
            path=path,
            hint="Save it as a numeric array",
        )
    voxel_dtype(dtype, path)
    if any(not isinstance(length, int) or length < 0 for length in shape):
        raise CorruptError(f"its header gives the shape {shape}", path=path)
    if not shape:
        raise UnsupportedError("holds a single number, which is no image", path=path)
    layout = Layout(tuple(int(length) for length in shape), dtype, fortran, file.tell())
    if layout.offset + layout.nbytes > size:
        raise CorruptError(
            f"its header describes {layout.nbytes:,} bytes, the file holds {size - layout.offset:,}",
            path=path,
            hint="Was it copied whole?",
        )
    if len(layout.shape) > 16 or max(layout.shape) >= 1 << 62:
        raise UnsupportedError(f"has the shape {layout.shape}; 16 axes are the most", path=path)
    return layout


def _header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with ignored_warnings("numpy", "mlarray_numpy"):  # a header from Python 2 is no news
            return read(file, max_header_size=LONGEST)
    except OSError:
        raise
    except Exception as error:  # the header is a Python literal: its parser raises a dozen kinds
        text = " ".join(str(error).split())[:120]
        raise CorruptError(f"its header is damaged ({text})", path=path) from error
