"""docs/benchmarks.md and its plot, made of the measured numbers alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from statistics import median

from benchmarks import absent, cores, cost, microscopes, peaks, remote, repeats, series, targets
from benchmarks.table import table
from benchmarks.targets import least, speedup
from benchmarks.train import report as training

INTRODUCTION = """\
# Benchmarks

Made by `python -m benchmarks --reference PYTHON`; don't edit by hand. Figures are ratios to the reference
implementation, mlarray 0.0.54: **above 1 is faster** in tables of speed. All libraries read the same boxes of
the same voxels in one run, in turns and in random order, each in a process of its own with one thread, from
files that the system holds in memory. **Times are processor time**, user and system, because the machine is
shared; where it is the clock's, the table says so. Ratios are medians over the turns, with the range from the
lowest to the highest.
"""

PEERS = """\
Peers: zarr 3 with its own chunks and codec; tensorstore (zarr3 driver, zstd 3) and h5py (Blosc2, LZ4HC 5) in
chunks of 64 per axis, 512 x 512 x 3 for the slide; tifffile, tiles of 256 with zstd, through its Zarr store;
nibabel and `np.load(mmap)` uncompressed. Every file is checked to give back what went in.
"""

WRITING = """\
## Writing an array in memory, and size

Speed by processor time and, in brackets, by the clock with all cores; size on disk. All to the reference.
"""

FRONT = """\
![Speed against size](benchmarks.svg)

Speed of reading patches of 128 (crops of 512) and of writing, against size; both to the reference, up and to
the left is better. The line joins what nothing beats in both.
"""


OTHERS = (
    cores,
    remote,
    series,
    peaks,
    microscopes,
    repeats,
)  # one a line
"""Parts that say themselves what they promise, and what the page says of them."""


def verdicts(results: dict) -> list[targets.Verdict]:
    """Return every promise with what was measured."""
    return [*targets.verdicts(results), *(one for part in OTHERS for one in part.verdicts(results))]


def write(results: dict, docs: Path, *, quick: bool) -> None:
    """Write the page and the plot, and print the verdicts."""
    docs.mkdir(exist_ok=True)
    parts = [INTRODUCTION, _machine(results, quick=quick), _verdicts(results), absent.section(results)]
    parts += [_front(results, docs)]
    parts += [_reads(results), PEERS, _writes(results), _commands(results)]
    parts += [part.section(results) for part in OTHERS]
    parts.append(_notes(Path(__file__).parent / "notes.md"))
    if (docs / "benchmarks.md").exists():
        parts.append(training.kept((docs / "benchmarks.md").read_text(encoding="utf-8")))
    (docs / "benchmarks.md").write_text("\n".join(part for part in parts if part), encoding="utf-8")
    cost.write(docs)
    for verdict in verdicts(results):
        print(f"{'pass ' if verdict.passed else 'SHORT'} {verdict.value:7.2f}  {verdict.what}")


def _machine(results: dict, *, quick: bool) -> str:
    if not {"machine", "images"} <= results.keys():
        return ""
    found = results["machine"]
    ours, theirs = (found["versions"][name] for name in ("ours", "reference"))
    packages = ", ".join(f"{name} {version}" for name, version in ours.items())
    kind = "real images" if results["images"]["real"] else "made-up images"
    rows = [
        [name, " x ".join(map(str, one["shape"])), one["dtype"], f"{one['bytes'] / 1e6:.0f} MB"]
        for name, one in results["images"]["images"].items()
    ]
    note = ", quick run on an eighth of the voxels" if quick else ""
    return (
        f"{date.today():%d %B %Y}{note}; {found['cpu']}, {found['cores']} cores, {found['system']}. "
        f"Ours: {packages}. Reference: mlarray {theirs['mlarray']}, blosc2 {theirs['blosc2']}, "
        f"numpy {theirs['numpy']}. {_duration(results)}Data, from {kind}:\n\n"
        + table(["image", "shape", "dtype", "raw"], rows)
    )


def _duration(results: dict) -> str:
    seconds = results.get("seconds", {})
    parts = ", ".join(f"{name} {took / 60:.1f}" for name, took in seconds.items())
    return f"Minutes to measure, {sum(seconds.values()) / 60:.0f} in all: {parts}. " if seconds else ""


def _verdicts(results: dict) -> str:
    found = verdicts(results)
    signs, words = {True: ">=", False: "<="}, {True: "pass", False: "**short**"}
    rows = [[v.what, f"{v.value:.2f}", f"{signs[v.at_least]} {v.bound:g}", words[v.passed]] for v in found]
    passed = sum(v.passed for v in found)
    return f"## Targets: {passed} of {len(found)} reached\n\n" + table(["", "ratio", "target", ""], rows)


def _reads(results: dict) -> str:
    parts = ["## Reading: patches, crops and slices\n"]
    for image, cells in results.get("read", {}).items():
        keys = list(dict.fromkeys(key for times in cells.values() for key in times if key != "reference"))
        merged = [key for key in keys if not key.startswith("ours slices")]
        sliced = any(key.startswith("ours slices") for key in keys)
        head = [image, *merged, *(["ours slices, its axis"] if sliced else []), "reference, ms"]
        rows = []
        for cell, times in cells.items():
            row = [cell, *(_spread(times, key) for key in merged)]
            if sliced:
                row.append(_spread(times, f"ours slices:{cell[-1]}"))
            rows.append([*row, f"{median(times['reference']) * 1e3:.2f}"])
        parts.append(table(head, rows))
    return "\n".join(parts)


def _spread(times: dict, key: str) -> str:
    if key not in times:
        return ""
    ratios = speedup(times, key)
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def _writes(results: dict) -> str:
    parts = [WRITING]
    for image, cells in results.get("write", {}).items():
        base = cells["reference"]
        rows = [
            [
                key,
                f"{least(cells, key):.2f} ({min(base['wall']) / min(cell['wall']):.2f})",
                f"{cell['size'] / base['size']:.3f}",
                f"{cell['size'] / 1e6:.1f} MB",
            ]
            for key, cell in cells.items()
        ]
        parts.append(table([image, "write speed", "size", ""], rows))
    return "\n".join(parts)


def _commands(results: dict) -> str:
    parts = []
    if convert := results.get("convert"):
        rows = [
            [key, *(f"{min(run[what] for run in runs):.2f}" for what in ("cpu", "wall")),
             f"{min(run['rss'] for run in runs) / 1e6:.0f} MB"] for key, runs in convert.items()
        ]  # fmt: skip
        parts.append("## Converting .nii.gz, int16 512 x 512 x 400; large: 1024 x 1024 x 800\n\n"
                     + table(["", "processor, s", "clock, s", "peak memory"], rows))  # fmt: skip
    if first := results.get("first"):
        rows = [[key, f"{median(times) * 1e3:.2f}"] for key, times in first.items()]
        parts.append("## Opening a file and reading its first voxel\n\n" + table(["", "ms"], rows))
    if workers := results.get("workers"):
        ratios = speedup(workers, "ours")
        parts.append(
            "## Two workers\n\nTwo processes that read patches of 128 from one CT at once, by the clock: "
            f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) times as fast as the reference.\n"
        )
    if start := results.get("start"):
        rows = [[key, *(f"{of(times) * 1e3:.0f}" for of in (min, median))] for key, times in start.items()]
        parts.append("## Starting up\n\n" + table(["", "least, ms", "median, ms"], rows))
    return "\n".join(parts)


def _notes(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


CELL = {"ct": "128", "mr": "128", "labels": "128", "rgb": "512"}


def _front(results: dict, docs: Path) -> str:
    """Draw speed of reading and of writing against size, all to the reference."""
    cells = {
        image: cell
        for image, cell in CELL.items()
        if image in results.get("read", {}) and image in results.get("write", {})
    }
    if not cells:
        return ""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "mlarray"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(cells), figsize=(16, 8), layout="constrained", squeeze=False)
    for column, (image, cell) in enumerate(cells.items()):
        written, times = results["write"][image], results["read"][image][cell]
        for row, what in enumerate(("read", "write")):
            points = {}
            for key in times:
                speed = median(speedup(times, key)) if what == "read" else least(written, key)
                points[key] = written[key]["size"] / written["reference"]["size"], speed
            _draw(axes[row][column], points, f"{image}: {what}")
    figure.savefig(docs / "benchmarks.svg", metadata={"Date": None})
    pyplot.close(figure)
    return FRONT


def _draw(axis, points: dict[str, tuple[float, float]], title: str) -> None:
    for key, (size, speed) in points.items():
        colour = "tab:red" if key.startswith("ours") else "black" if key == "reference" else "tab:blue"
        axis.scatter(size, speed, color=colour, s=20)
        axis.annotate(key, (size, speed), fontsize=7, xytext=(3, 3), textcoords="offset points")
    front = sorted(
        (size, speed)
        for size, speed in points.values()
        if not any(s <= size and v >= speed and (s, v) != (size, speed) for s, v in points.values())
    )
    axis.plot(*zip(*front, strict=True), color="tab:red", linewidth=0.7)
    axis.set(xscale="log", yscale="log", title=title, xlabel="size", ylabel="speed")
