"""How a process of ours gives memory back. Only glibc has these settings."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache

_TRIM, _MAP = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h."""
_ARENAS = -8
"""M_ARENA_MAX of the same file."""


@cache
def keep_memory() -> None:
    """Let a worker keep up to 64 MiB that it has freed.

    Dask starts its workers with MALLOC_TRIM_THRESHOLD_=65536, so that all larger pieces are taken from the
    system and returned each time; Blosc2, which makes its tables anew for every chunk, takes three times as
    long then.
    """
    if "MALLOC_TRIM_THRESHOLD_" in os.environ:
        _set({_TRIM: 64 << 20, _MAP: 32 << 20})


@cache
def few_arenas() -> None:
    """Let the threads of a process that converts share as many arenas as there are cores.

    glibc has eight for each core, and each keeps what was freed in it: a long conversion grows. Giving large
    pieces back to the system at once would help too, but mapping them anew takes a tenth of the time. Nothing
    is set where somebody has set malloc up.
    """
    if not any(name.startswith("MALLOC_") for name in os.environ):
        _set({_ARENAS: max(2, os.cpu_count() or 2)})


def _set(values: dict[int, int]) -> None:
    with suppress(AttributeError, OSError, TypeError):
        system = ctypes.CDLL(None)
        for name, value in values.items():
            system.mallopt(name, value)
