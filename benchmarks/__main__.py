"""The command: measures, then writes docs/benchmarks.md and its plot.

    python -m benchmarks --reference REFERENCE_ENV/bin/python [--quick] [--folder FOLDER]

Runs in an environment that has mlarray with the extra ``bench``. The reference, mlarray 0.0.54, runs in its
own.
``MLARRAY_BENCH_DATA`` names a folder with real images; without it similar ones are made.
Whatever fails, the other parts are measured and the report is written: it names what is absent, and why.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import commands, cores, measure, microscopes, peaks, remote, repeats, report, series
from benchmarks.absent import WHOLE, noting


def main() -> None:
    """Read the arguments and measure what is asked for; `train` has a command line of its own."""
    if sys.argv[1:2] == ["train"]:
        from benchmarks.train.__main__ import main as train

        sys.exit(train(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--reference", type=Path, required=True, help="Python that has mlarray 0.0.54")
    parser.add_argument("--quick", action="store_true", help="an eighth of the voxels, few repetitions")
    parser.add_argument("--turns", type=int, help="how often each library has its turn; 9, or 5 with --quick")
    parser.add_argument("--images", default=",".join(measure.IMAGES), help="which images, comma between them")
    parser.add_argument("--folder", type=Path, help="where to put files; a temporary folder by default")
    parser.add_argument(
        "--only", help="parts to measure again: " + ", ".join(PARTS) + ", or report; needs --folder"
    )
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    asked = parser.parse_args()
    plan = measure.Plan(asked.quick, asked.turns or (5 if asked.quick else 9), asked.images.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        sys.exit(run(folder, asked, plan))


def run(folder: Path, asked: argparse.Namespace, plan: measure.Plan) -> int:
    """Measure each part, keep its results and write the report; return 1 when a whole part failed."""
    kept = folder / "results.json"
    results = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() and asked.only else {}
    failed = False
    for name, part in PARTS.items():
        if asked.only is None or name in asked.only.split(","):
            print(f"== {name}", flush=True)
            absent, begin = {}, time.perf_counter()
            with noting(absent, WHOLE):
                results[name] = _merged(results.get(name, {}), part(folder, asked.reference, plan))
            if WHOLE in absent:
                results.pop(name, None)  # what an earlier run measured is no part of this one
            failed |= WHOLE in absent
            results.setdefault("absent", {})[name] = {**plan.absent, **absent}
            results.setdefault("seconds", {})[name] = time.perf_counter() - begin
            plan.absent.clear()
            kept.write_text(json.dumps(results))
    report.write(results, asked.docs, quick=asked.quick)
    return int(failed)


def _merged(old: dict, new: dict) -> dict:
    """Keep what was measured before of other images."""
    both = {**old, **new}
    return {**both, "images": {**old.get("images", {}), **new["images"]}} if "images" in new else both


PARTS = {
    "machine": measure.machine,
    "images": measure.images,
    "write": measure.write,
    "read": measure.read,
    "first": measure.first,
    "workers": measure.workers,
    "convert": commands.convert,
    "start": commands.start,
    "remote": remote.remote,
    "cores": cores.cores,
    "dicom": series.dicom,
    "memory": peaks.memory,
    "labels": repeats.labels,
    "quantised": repeats.quantised,
    "microscopes": microscopes.microscopes,
}

if __name__ == "__main__":
    main()
