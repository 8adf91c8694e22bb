"""Short runs of the gate; ``python -m tests.trust.gate --full`` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", ["mutants", "kills", "disk", "loaders", "beside"])
def test_the_gate_holds(part: str) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("the gate's children are forked, which this system can't")
    command = [sys.executable, "-m", "tests.trust.gate", part]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    print(found.stdout)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.torch
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_data_loader_reads_right(method: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    command = [sys.executable, "-m", "tests.trust.torch_loader", method]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
