"""The command: `python -m benchmarks.train [--folder FOLDER]`, or `python -m benchmarks train`.

Runs in an environment with mlarray, nibabel, SciPy, matplotlib, PyTorch and nnU-Net, which makes the cases.
MONAI and TorchIO are left out where they aren't installed, and that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")


def main(arguments: list[str] | None = None) -> int:
    """Make the cases, measure, write the report; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks train", description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="where to put files; a temporary folder by default")
    parser.add_argument("--cases", type=int, default=16, help="how many to make")
    parser.add_argument("--rounds", type=int, default=5, help="how often each method has its turn")
    parser.add_argument(
        "--patches", type=int, default=48, help="how many patches the fastest reads in a turn"
    )
    parser.add_argument("--reference", type=Path, help="Python that has mlarray 0.0.54, for many files")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[2] / "docs")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        from benchmarks.train import cases, measure, report

        cases.make(folder, asked.cases)
        results = measure.everything(folder, asked)
        (folder / "train.json").write_text(json.dumps(results))
        return report.write(results, asked.docs)


if __name__ == "__main__":
    sys.exit(main())
