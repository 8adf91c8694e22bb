"""How much memory an array may take."""

from __future__ import annotations

import math
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


def check_size(
    shape: Sequence[int], dtype: np.dtype[Any], max_bytes: int | None = None, path: str | None = None
) -> None:
    """Refuse to allocate an array that is too large: a small file may claim any size.

    Parameters
    ----------
    shape, dtype
        Of the array.
    max_bytes
        The most that is allowed; None for the memory that the machine has.
    path
        Named in the error.

    Raises
    ------
    LimitError
        It is larger.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    limit = _memory() if max_bytes is None else max_bytes
    if nbytes > limit:
        raise LimitError(
            f"{nbytes:,} bytes of voxels are asked for, the limit is {limit:,}", path=path,
            hint="Open the image and read parts of it, or allow more with max_bytes",
        )  # fmt: skip


@cache
def _memory() -> int:
    if not hasattr(os, "sysconf"):
        return 1 << 40
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
