"""Short runs of threads and processes that share images; the long one is the module itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("part", ["writers", "readers", "workers", "beside"])
def test_what_is_read_together_is_right(part):
    if part in ("workers", "beside") and not hasattr(os, "fork"):
        pytest.skip("processes are forked, too, which this system can't")
    command = [sys.executable, "-m", "tests.trust.concurrent", "--quick", part]
    found = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300, check=False
    )
    print(found.stdout)
    assert found.returncode == 0, found.stdout + found.stderr
