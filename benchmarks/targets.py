"""What the project promises of its speed, and whether the measurement shows it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import geometric_mean, median

from benchmarks.peers import COMPRESSED


@dataclass(frozen=True)
class Verdict:
    """One promise: what was measured, as a ratio, and the bound."""

    what: str
    value: float
    bound: float
    at_least: bool

    @property
    def passed(self) -> bool:
        """Whether the bound is kept."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def speedup(cell: dict[str, list[float]], key: str, base: str = "reference") -> list[float]:
    """Return how many times faster `key` is than `base`, turn by turn."""
    return [b / k for b, k in zip(cell[base], cell[key], strict=False)]


def verdicts(results: dict) -> list[Verdict]:
    """Return every promise with what was measured."""
    return [*_reads(results), *_sizes(results), *_slices(results), *_writes(results), *_commands(results)]


PATCHES = {
    "ct": {"96": 1.1, "128": 1.1, "192": 1.0}, "mr": {"96": 1.1, "128": 1.1, "192": 1.0},
    "labels": dict.fromkeys(("96", "128", "192"), 4.0), "rgb": dict.fromkeys(("256", "512", "1024"), 3.0),
}  # fmt: skip


def _reads(results):
    read = results.get("read", {})
    for image, cells in PATCHES.items():
        for cell, bound in cells.items():
            if image in read:
                value = median(speedup(read[image][cell], "ours"))
                yield Verdict(f"read {image} {cell}, to the reference", value, bound, True)
    for image, cells in read.items():
        for cell, times in cells.items():
            rivals = {peer: median(speedup(times, "ours", peer)) for peer in COMPRESSED if peer in times}
            if rivals:
                peer = min(rivals, key=rivals.__getitem__)
                yield Verdict(f"read {image} {cell}, to the fastest peer ({peer})", rivals[peer], 1.0, True)


def _sizes(results):
    for image, cells in results.get("write", {}).items():
        value = cells["ours"]["size"] / cells["reference"]["size"]
        yield Verdict(f"size {image}", value, 1.02, False)


def _slices(results):
    for image, cells in results.get("read", {}).items():
        across = {cell: times for cell, times in cells.items() if cell.startswith("slice")}
        if not across:
            continue
        values = {cell: median(speedup(times, "ours")) for cell, times in across.items()}
        yield Verdict(f"slices {image}, mean of the axes", geometric_mean(values.values()), 1.2, True)
        yield Verdict(f"slices {image}, slowest axis", min(values.values()), 1.0, True)
        for cell, times in across.items():
            key = f"ours slices:{cell[-1]}"
            if key in times:
                yield Verdict(f"{cell} {image}, profile slices", median(speedup(times, key)), 2.0, True)


WRITES = {"ct": 1.15, "mr": 1.4, "labels": 1.8, "rgb": 1.2}
SMALL = {"ct": 0.80, "labels": 0.60, "rgb": 0.90}


def _writes(results):
    for image, bound in WRITES.items():
        cells = results.get("write", {}).get(image)
        if cells is None:
            continue
        size = cells["reference"]["size"]
        yield Verdict(f"write {image}", least(cells, "ours"), bound, True)
        yield Verdict(f"write {image}, fast", least(cells, "ours fast"), 3.0, True)
        yield Verdict(f"size {image}, fast", cells["ours fast"]["size"] / size, 1.10, False)
        if image in SMALL:
            yield Verdict(f"size {image}, small", cells["ours small"]["size"] / size, SMALL[image], False)


def least(cells: dict, key: str, base: str = "reference") -> float:
    """Return how many times less processor time `key` takes to write than `base`, at their best."""
    return min(cells[base]["cpu"]) / min(cells[key]["cpu"])


def _commands(results):
    convert, start, first = (results.get(name, {}) for name in ("convert", "start", "first"))
    if convert:
        low = {
            key: {what: min(run[what] for run in runs) for what in ("cpu", "rss")}
            for key, runs in convert.items()
        }
        base = low["reference"]
        yield Verdict("convert .nii.gz, processor", low["ours"]["cpu"] / base["cpu"], 0.62, False)
        yield Verdict("convert .nii.gz, processor, fast", low["ours fast"]["cpu"] / base["cpu"], 0.35, False)
        yield Verdict("convert .nii.gz, memory", low["ours"]["rss"] / base["rss"], 0.28, False)
        if "ours large" in low:
            value = low["ours large"]["rss"] / low["ours"]["rss"]
            yield Verdict("convert 1024x1024x800, memory to that of 512x512x400", value, 1.3, False)
    if first:
        base = median(first["reference"])
        value = median(first["ours verify=none"]) / base
        yield Verdict("open and first voxel, verify=none", value, 0.7, False)
        yield Verdict("open and first voxel", median(first["ours"]) / base, 1.5, False)
    if start:
        base = min(start["python -c pass"])
        yield Verdict("--help, to python -c pass", min(start["mlarray --help"]) / base, 4.0, False)
        yield Verdict("info, to python -c pass", min(start["mlarray info"]) / base, 5.0, False)
