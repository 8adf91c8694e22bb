"""How a process of ours gives memory back. Only glibc has these settings."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache

_TRIM, _MAP = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h."""
_BOX = 4 << 20
"""Bytes from which on a piece is mapped, and gone when it is freed: boxes of voxels, not Blosc2's tables."""


@cache
def keep_memory() -> None:
    """Let a worker keep up to 64 MiB that it has freed.

    Dask starts its workers with MALLOC_TRIM_THRESHOLD_=65536, so that all larger pieces are taken from the
    system and returned each time; Blosc2, which makes its tables anew for every chunk, takes three times as
    long then.
    """
    if "MALLOC_TRIM_THRESHOLD_" in os.environ:
        _set(trim=64 << 20, map=32 << 20)


@cache
def return_boxes() -> None:
    """Let a process that converts give boxes of voxels back when they are freed.

    By default glibc keeps pieces of up to 32 MiB once one of that size was freed, and boxes, the source's
    chunks and results of all threads lie between one another then: a long conversion grows. What is smaller
    is kept, or Blosc2, which makes its tables anew for every chunk, would wait for the system. Nothing is set
    where somebody has set malloc up.
    """
    if not any(name.startswith("MALLOC_") for name in os.environ):
        _set(trim=16 << 20, map=_BOX)


def _set(trim: int, map: int) -> None:
    with suppress(AttributeError, OSError, TypeError):
        system = ctypes.CDLL(None)
        system.mallopt(_TRIM, trim)
        system.mallopt(_MAP, map)
