"""The processors that this process may use."""

from __future__ import annotations

import os
import threading

PARALLEL_BYTES = 4 << 20
"""Arrays of at least so many bytes are compressed on all cores: below, starting threads costs more."""


def available_threads() -> int:
    """Return how many threads may work: one for each processor that this process was given.

    None can begin beside this one when the interpreter ends: its main thread counts as ended before the
    functions of `atexit` are called.
    """
    if not threading.main_thread().is_alive():
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(nbytes: int) -> int:
    """Return how many threads should compress an array of so many bytes."""
    return available_threads() if nbytes >= PARALLEL_BYTES else 1
