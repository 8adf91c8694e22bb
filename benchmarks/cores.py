"""How much faster two cores compress than one, in every profile; beside it, what the machine's cores give.

Two cores that share caches, memory and a clock are seldom twice as fast as one: two processes that write an
image each, on a core each, say what the best program could reach.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.absent import PeerError
from benchmarks.measure import clients
from benchmarks.table import table
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measure import Client, Plan

IMAGES = ("ct", "mr", "labels", "rgb")
PROFILES = ("default", "fast", "small", "auto", "slices:0")
AT_LEAST = 1.8
APART = "apart"
"""Folder of the second process."""


def cores(folder: Path, reference: Path, plan: Plan) -> dict:
    """Return seconds by the clock of writing each image in each profile, in the ways of `_turn`."""
    if len(os.sched_getaffinity(0)) < 2:
        raise PeerError("this machine gives one core")
    names = [name for name in IMAGES if name in plan.images and (folder / f"{name}.npy").exists()]
    (folder / APART).mkdir(exist_ok=True)
    for name in names:
        if not (folder / APART / f"{name}.npy").exists():
            (folder / APART / f"{name}.npy").symlink_to(folder / f"{name}.npy")
    found: dict[str, dict] = {}
    with (
        clients(reference, folder, "ours") as first,
        clients(reference, folder / APART, "ours") as second,
    ):
        pair = first["ours"], second["ours"]
        for name in names:
            for profile in PROFILES[: 4 if name == "rgb" else None]:
                turns = [_turn(pair, name, profile) for _ in range(1 + max(2, plan.turns // 3))]
                found.setdefault(name, {})[profile] = {
                    key: [turn[key] for turn in turns[1:]] for key in turns[0]
                }
    return found


def _turn(pair: tuple[Client, Client], image: str, profile: str) -> dict[str, float]:
    """Return seconds on one core, on two, and of two processes at once, on a core each."""
    asked = {"image": image, "profile": profile}
    took = {
        "one": pair[0].ask("write", **asked, cores=[0])["wall"],
        "two": pair[0].ask("write", **asked, cores=[0, 1])["wall"],
    }
    for core, client in enumerate(pair):
        client.send("write", **asked, cores=[core])
    return {**took, "apart": max(client.answer()["wall"] for client in pair)}


def _gains(cell: dict[str, list[float]]) -> tuple[float, float]:
    """Return how much faster two cores are than one, and what processes that share nothing reach."""
    one = min(cell["one"])
    return one / min(cell["two"]), 2 * one / min(cell["apart"])


def verdicts(results: dict) -> list[Verdict]:
    """Return what is promised of two cores."""
    found = results.get("cores", {})
    return [
        Verdict(f"write {image}, {profile}, two cores to one", _gains(cell)[0], AT_LEAST, True)
        for image, cells in found.items()
        for profile, cell in cells.items()
    ]


def section(results: dict) -> str:
    """Return what the page says of it."""
    found = results.get("cores")
    if not found:
        return ""
    rows = [
        [image, profile, f"{min(cell['one']):.3f}", f"{min(cell['two']):.3f}"]
        + [f"{gain:.2f}" for gain in _gains(cell)]
        for image, cells in found.items()
        for profile, cell in cells.items()
    ]
    return (
        "## Compressing on two cores\n\nAn array in memory is written to a file, by the clock. `apart` is "
        "what two processes that write an image each, on a core each, gain over one after the other: no "
        "program gains more on this machine.\n\n"
        + table(["", "profile", "one core, s", "two cores, s", "gain", "apart"], rows)
    )
