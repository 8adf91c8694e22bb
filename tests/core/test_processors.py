"""How many processors this process was given."""

from __future__ import annotations

import os

import pytest

from mlarray_core.processors import available_threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to processors")
def test_a_bound_process_takes_no_more_than_it_has() -> None:
    allowed = os.sched_getaffinity(0)
    assert available_threads() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert available_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_systems_without_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_threads() == 1
