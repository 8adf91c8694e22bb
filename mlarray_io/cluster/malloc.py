"""How a worker of Dask gives memory back."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache

_TRIM, _MAP = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h."""


@cache
def keep_memory() -> None:
    """Let a worker keep up to 64 MiB that it has freed.

    Dask starts its workers with MALLOC_TRIM_THRESHOLD_=65536, so that all larger pieces are taken from the
    system and returned each time; Blosc2, which makes its tables anew for every chunk, takes three times as
    long then. Only glibc has this setting.
    """
    if "MALLOC_TRIM_THRESHOLD_" in os.environ:
        with suppress(AttributeError, OSError, TypeError):
            system = ctypes.CDLL(None)
            system.mallopt(_TRIM, 64 << 20)
            system.mallopt(_MAP, 32 << 20)
