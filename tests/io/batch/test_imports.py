"""What a conversion loads of others' command lines: nothing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

SCRIPT = """
import sys
from mlarray_io.commands.main import main
assert main(sys.argv[1:]) == 0
import blosc2, httpx
assert callable(httpx.main) and httpx.Client
print(sorted({"httpx._main", "pygments", "rich"} & {name for name, module in sys.modules.items() if module}))
"""


def test_a_conversion_loads_no_command_line_of_httpx(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(24).reshape(2, 3, 4))
    command = [sys.executable, "-c", SCRIPT, "convert", "-q", tmp_path / "a.npy", tmp_path / "a.mla"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"
