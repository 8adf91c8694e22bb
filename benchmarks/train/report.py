"""The part of docs/benchmarks.md on training, and its plot, made of the measured numbers alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.table import table
from benchmarks.targets import Verdict

START, END = "<!-- train -->\n", "<!-- end train -->\n"
MANY = {"many": "which come again", "once": "seen for the first time"}
RATIOS = (
    (
        "PatchDataset to nnU-Net's pattern, float32 as it stores",
        "PatchDataset",
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
        "our dataset class in nnU-Net's loader, to its own, resampled cases",
        "nnU-Net's loader, our dataset class, resampled",
        "nnU-Net's loader, resampled",
        1.8,
    ),
    ("PatchDataset to MONAI Dataset from .nii.gz", "PatchDataset, float32", "MONAI Dataset .nii.gz", 30.0),
)
"""What is promised, the method, what it is compared with, and how many times its patches at least."""
INTRODUCTION = """\
## Patches for training

Made by `python -m benchmarks train`. Cases of 160 x 256 x 256, int16, labels of three classes; patches of
96 x 96 x 96, image and label, half of them around a voxel of a class. All methods in turns in one process,
but for MONAI's and TorchIO's, which have one each; **times are processor time**, the least of the turns.
nnU-Net's pattern is its `load_case` and a slice, float32 as it stores; its loader also pads and collates.
`PatchDataset` sends what is stored, int16: to write 3.5 MB of float32 takes 0.4 ms, whatever they are
made of.
"""


def write(results: dict[str, Any], docs: Path) -> int:
    """Write the part, print the verdicts, and return whether one was missed."""
    found = verdicts(results)
    parts = [INTRODUCTION, f"{date.today():%d %B %Y}.\n"]
    rows = [[one.what, f"{one.value:.2f}", f"{'>=' if one.at_least else '<='} {one.bound:g}",
             "pass" if one.passed else "**short**"] for one in found]  # fmt: skip
    parts.append(f"### Targets: {sum(one.passed for one in found)} of {len(found)} reached\n")
    parts.append(table(["", "measured", "target", ""], rows))
    parts.append("![Patches per second of processor time](benchmarks-train.svg)\n")
    least = {name: min(times) for name, times in results["cpu"].items()}
    base = least["PatchDataset"]
    parts.append("### One process at a time\n")
    parts.append(table(
        ["method", "ms a patch", "patches a second", "to PatchDataset"],
        [[name, f"{time:.2f}", f"{1e3 / time:.0f}", f"{time / base:.2f}"] for name, time in least.items()],
    ))  # fmt: skip
    parts.append("### Two workers, by the clock\n")
    parts.append(
        table(
            ["method", "ms a patch"],
            [[name, f"{median(times):.1f}"] for name, times in results["workers"].items()],
        )
    )
    if "many" in results:
        parts.append("### One patch from each of many files: open, read, close\n")
        parts.append(
            table(
                ["patch", "files", "ours, ms", "mlarray 0.0.54, ms"],
                [
                    [size, what, *(f"{min(cell[key]):.2f}" for key in ("ours", "reference"))]
                    for kind, what in MANY.items()
                    for size, cell in results[kind].items()
                ],
            )
        )
    for name, why in results["left out"].items():
        parts.append(f"Not measured: {name} ({why}).\n")
    parts.append((Path(__file__).parent / "notes.md").read_text(encoding="utf-8"))
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
    for what, base, other, bound in RATIOS:
        if base in least and other in least:
            found.append(Verdict(what, least[other] / least[base], bound, True))
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
    found.append(
        Verdict("memory over an epoch of 1,000 cases, most to least", _spread(thousand["memory"]), 1.1, False)
    )
    found.append(Verdict("open files to their limit", thousand["files"] / thousand["limit"], 1.0, False))
    for kind, what in MANY.items():
        for size, bound in (("64", 1.5), ("96", 1.3), ("128", 1.2)):
            cell = results.get(kind, {}).get(size)
            if cell:
                pairs = zip(cell["ours"], cell["reference"], strict=True)
                text = f"one patch of {size} from each of many files, {what}, to mlarray 0.0.54"
                found.append(Verdict(text, median(theirs / ours for ours, theirs in pairs), bound, True))
    return found


def _spread(memory: list[int]) -> float:
    """Return the most memory to the least within an epoch, the larger of two epochs.

    The first one counts from when as many files are open as may be: an eighth of both.
    """
    half = len(memory) // 2
    epochs = memory[half // 4 : half], memory[half:]
    return max(max(epoch) / min(epoch) for epoch in epochs)


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
