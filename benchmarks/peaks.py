"""Peak memory of conversions of 5 GB: Zarr and OME-TIFF to `.mla`, and `.mla` to OME-Zarr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.absent import noting
from benchmarks.commands import child
from benchmarks.peers import remove
from benchmarks.table import table
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from benchmarks.measure import Plan

LIMIT = 200e6
"""Bytes that a conversion may need."""


def memory(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds and peak memory of each conversion."""
    from benchmarks.zarr_stream import write_source

    source = folder / "large.zarr"
    if not source.exists():
        write_source(source, 0.5 if plan.quick else 5)
    command = [str(Path(sys.executable).with_name("mlarray")), "convert", "-q", "-f"]
    made, pages = folder / "from-zarr.mla", folder / "from-mla.ome.tif"
    steps = {
        "Zarr to .mla": (source, made),
        ".mla to OME-Zarr": (made, folder / "from-mla.ome.zarr"),
        ".mla to OME-TIFF": (made, pages),
        "OME-TIFF to .mla": (pages, folder / "from-tiff.mla"),
    }
    results = {}
    for name, (given, target) in steps.items():
        with noting(plan.absent, name):
            results[name] = child([*command, str(given), str(target)])
        if target not in (made, pages):
            remove(target)
    for path in (made, pages):
        remove(path)
    return results


def verdicts(results: dict) -> list[Verdict]:
    """Return what is promised of memory."""
    return [
        Verdict(f"memory, {name}, to 200 MB", took["rss"] / LIMIT, 1, False)
        for name, took in results.get("memory", {}).items()
        if "to OME-TIFF" not in name
    ]


def section(results: dict) -> str:
    """Return what the page says of it."""
    found = results.get("memory")
    if not found:
        return ""
    rows = [
        [name, f"{took['wall']:.1f}", f"{took['cpu']:.1f}", f"{took['rss'] / 1e6:.0f} MB"]
        for name, took in found.items()
    ]
    return "## Memory of large conversions, int16 of 5 GB\n\n" + table(
        ["", "clock, s", "processor, s", "peak memory"], rows
    )
