"""Peak memory of conversions of 5 GB: Zarr and OME-TIFF to `.mla`, and `.mla` to OME-Zarr."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import child
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
    steps = {
        "Zarr to .mla": (source, "large.mla"),
        ".mla to OME-TIFF": (folder / "large.mla", "large.ome.tif"),
        "OME-TIFF to .mla": (folder / "large.ome.tif", "again.mla"),
        ".mla to OME-Zarr": (folder / "large.mla", "again.ome.zarr"),
    }
    results = {}
    for name, (given, target) in steps.items():
        path = folder / target
        shutil.rmtree(path, ignore_errors=True)
        results[name] = child([*command, str(given), str(path)])
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
    rows = "".join(
        f"| {name} | {took['wall']:.1f} | {took['cpu']:.1f} | {took['rss'] / 1e6:.0f} MB |\n"
        for name, took in found.items()
    )
    return (
        "## Memory of large conversions, int16 of 5 GB\n\n"
        "| | clock, s | processor, s | peak memory |\n|---|---|---|---|\n" + rows
    )
