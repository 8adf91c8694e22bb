"""The part of docs/benchmarks.md on training, and its plot, made of the measured numbers alone."""

from __future__ import annotations

from datetime import date
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from pathlib import Path

START, END = "<!-- train -->\n", "<!-- end train -->\n"
INTRODUCTION = """\
## Patches for training

Made by `python -m benchmarks train`. Cases of 160 x 256 x 256, int16, labels of three classes; patches of
96 x 96 x 96, image and label, half of them around a voxel of a class. All methods in turns in one process;
**times are processor time**, the least of the turns. nnU-Net's pattern is its `load_case` and a slice,
float32 as it stores; its loader also pads and collates.
"""


def write(results: dict[str, Any], docs: Path) -> int:
    """Write the part, print the verdicts, and return whether one was missed."""
    found = verdicts(results)
    parts = [INTRODUCTION, f"{date.today():%d %B %Y}.\n"]
    rows = [[one.what, f"{one.value:.2f}", f"{'>=' if one.at_least else '<='} {one.bound:g}",
             "pass" if one.passed else "**short**"] for one in found]  # fmt: skip
    parts.append(f"### Targets: {sum(one.passed for one in found)} of {len(found)} reached\n")
    parts.append(_table(["", "measured", "target", ""], rows))
    parts.append("![Patches per second of processor time](benchmarks-train.svg)\n")
    least = {name: min(times) for name, times in results["cpu"].items()}
    base = least["PatchDataset"]
    parts.append("### One process\n")
    parts.append(_table(
        ["method", "ms a patch", "patches a second", "to PatchDataset"],
        [[name, f"{time:.2f}", f"{1e3 / time:.0f}", f"{time / base:.2f}"] for name, time in least.items()],
    ))  # fmt: skip
    parts.append("### Two workers, by the clock\n")
    parts.append(
        _table(
            ["method", "ms a patch"],
            [[name, f"{median(times):.1f}"] for name, times in results["workers"].items()],
        )
    )
    if "many" in results:
        parts.append("### One patch from each of many files: open, read, close\n")
        parts.append(
            _table(
                ["patch", "ours, ms", "mlarray 0.0.54, ms"],
                [
                    [size, *(f"{min(cell[key]):.2f}" for key in ("ours", "reference"))]
                    for size, cell in results["many"].items()
                ],
            )
        )
    for name, why in results["left out"].items():
        parts.append(f"Not measured: {name} ({why}).\n")
    page = docs / "benchmarks.md"
    before = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    rest = before.replace(kept(before), "")
    page.write_text(rest.rstrip() + "\n\n" + START + "\n".join(parts) + END, encoding="utf-8")
    _plot(least, docs / "benchmarks-train.svg")
    for one in found:
        print(f"{'pass ' if one.passed else 'SHORT'} {one.value:7.2f}  {one.what}", flush=True)
    return int(not all(one.passed for one in found))


def kept(page: str) -> str:
    """Return the part of the page that this writes; empty without any."""
    start, end = page.find(START), page.find(END)
    return page[start : end + len(END)] if 0 <= start < end else ""


def verdicts(results: dict[str, Any]) -> list[Verdict]:
    """Return every promise with what was measured."""
    least = {name: min(times) for name, times in results["cpu"].items()}
    found = []
    for name, base, other, bound in (
        (
            "PatchDataset to nnU-Net's pattern, float32 both",
            "PatchDataset, float32",
            "nnU-Net's pattern, float32",
            3.0,
        ),
        (
            "our dataset class in nnU-Net's loader, to its own",
            "nnU-Net's loader, our dataset class",
            "nnU-Net's loader",
            1.8,
        ),
        (
            "PatchDataset to MONAI Dataset from .nii.gz",
            "PatchDataset, float32",
            "MONAI Dataset .nii.gz",
            30.0,
        ),
    ):
        if base in least and other in least:
            found.append(Verdict(name, least[other] / least[base], bound, True))
    ratio = least["PatchDataset"] / least["image[box], files open"]
    found.append(Verdict("PatchDataset to image[box] alone", ratio, 1.1, False))
    thousand = results["thousand"]
    found.append(
        Verdict(
            "starting with 1,000 labelled cases, s of processor time",
            min(one["cpu"] for one in thousand["start"]),
            1.0,
            False,
        )
    )
    after = thousand["memory"][len(thousand["memory"]) // 8 :]  # when as many files are open as may be
    found.append(Verdict("memory over 1,000 cases, most to least", max(after) / min(after), 1.1, False))
    found.append(Verdict("open files to their limit", thousand["files"] / thousand["limit"], 1.0, False))
    for size, bound in (("64", 1.5), ("96", 1.3), ("128", 1.2)):
        if size in results.get("many", {}):
            cell = results["many"][size]
            ratios = median(
                theirs / ours for ours, theirs in zip(cell["ours"], cell["reference"], strict=True)
            )
            found.append(
                Verdict(
                    f"one patch of {size} from each of many files, to mlarray 0.0.54", ratios, bound, True
                )
            )
    return found


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _plot(least: dict[str, float], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "mlarray"
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 4), layout="constrained")
    names = sorted(least, key=least.__getitem__, reverse=True)
    colours = [
        "tab:red" if "Patch" in name or "image" in name or "our" in name else "tab:blue" for name in names
    ]
    bars = axis.barh(names, [1e3 / least[name] for name in names], color=colours)
    axis.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    axis.set(xscale="log", xlabel="patches of 96 x 96 x 96 a second of processor time")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
