"""The processors that this process may use."""

from __future__ import annotations

import os


def available_threads() -> int:
    """Return how many threads may work: one for each processor that this process was given."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
