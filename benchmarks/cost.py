"""What a hundred terabytes cost, derived from the figures in docs/benchmarks.md, as docs/scale.md shows it.

Run: python -m benchmarks.cost

`python -m benchmarks` does the same after it has written its page, and a test does it again.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from benchmarks.table import table

DOCS = Path(__file__).parents[1] / "docs"
START, END = "<!-- cost: made by python -m benchmarks.cost -->\n", "<!-- end cost -->\n"
VOXELS = 100e12
"""Bytes of voxels that are reckoned with: a hundred terabytes."""
CORES = 64 * 16
SERIES = 400 * 512 * 512 * 2
"""Bytes of the CT of the parts `convert` and `dicom`."""
LARGE = 1024 * 1024 * 800 * 2
STREAM = 1024 * 1536 * 1536 * 2
"""Bytes of what the part `memory` converts."""
PUT, GET, MONTH = 5e-6, 0.4e-6, 0.023
"""Dollars for a request that writes, one that reads, and a gigabyte a month: list prices of Amazon S3
Standard in us-east-1, https://aws.amazon.com/s3/pricing/."""
IMAGES = ("ct", "mr", "labels", "rgb")
GZIPPED = {"ours": (".nii.gz", SERIES), "ours large": (".nii.gz of 1.7 GB", LARGE)}
DICOM = {"raw": "DICOM, uncompressed", "rle": "DICOM, RLE", "jpeg-ls": "DICOM, JPEG-LS",
         "jpeg2000": "DICOM, JPEG 2000"}  # fmt: skip


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of all rows below a heading, up to the next; none where it isn't there."""
    found = re.search(rf"^(?:## )?{re.escape(heading)}.*?\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    lines = found[1].splitlines() if found else []
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def rates(page: str) -> dict[str, float]:
    """Return bytes of voxels that a core converts to `.mla` in a second, by kind of source."""
    found = {}
    for name, seconds, *_ in rows(page, "Converting .nii.gz"):
        if name in GZIPPED:
            found[GZIPPED[name][0]] = GZIPPED[name][1] / float(seconds)
    for kind, way, *cells in rows(page, "DICOM: a CT of 400 slices"):
        if kind in DICOM and way == "ours, .mla":
            found[DICOM[kind]] = SERIES / float(cells[1])
    for name, *cells in rows(page, "Memory of large conversions"):
        if name.endswith(" to .mla"):
            found[name.removesuffix(" to .mla")] = STREAM / float(cells[1])
    return found


def shares(page: str) -> dict[str, float]:
    """Return bytes of a default `.mla` for each byte of voxels, by image."""
    raw = {cells[0]: cells[-1] for cells in rows(page, "# Benchmarks")}
    found, image = {}, ""
    for name, speed, *cells in rows(page, "Writing an array in memory, and size"):
        image = name if speed == "write speed" else image
        if name == "ours" and image in IMAGES:
            found[image] = float(cells[1].split()[0]) / float(raw[image].split()[0])
    return found


def requests(page: str) -> float | None:
    """Return how many requests a patch over a network takes; None where that wasn't measured."""
    return next((float(row[4]) for row in rows(page, "Over a network") if row[0] == "ours"), None)


def uploads(nbytes: float) -> int:
    """Return how many requests that write an object of so many bytes takes."""
    from mlarray_io.places.uploads import PART

    parts = math.ceil(nbytes / PART)
    return 1 if parts <= 1 else parts + 2


def section(page: str) -> str:
    """Return what docs/scale.md says, from the text of docs/benchmarks.md."""
    hours = {name: (rate, VOXELS / rate / 3600) for name, rate in rates(page).items()}
    parts = [
        table(
            ["source", "voxels a second and core", "100 TB, core hours", "hours on 64 nodes of 16 cores"],
            [
                [name, f"{rate / 1e6:.0f} MB", f"{took:.0f}", f"{took / CORES:.2f}"]
                for name, (rate, took) in hours.items()
            ],
        ),
        table(
            [
                "images", "100 TB of voxels as `.mla`", "a month",
                "requests to write them, 210 MB of voxels each", "",
            ],
            [[name, *_stored(share)] for name, share in shares(page).items()],
        ),
    ]  # fmt: skip
    asked = requests(page)
    if asked is not None:
        parts.append(
            f"A million patches of 96 x 96 x 96 from a store take {asked:.1f} million requests: "
            f"{asked * 1e6 * GET:.2f} $.\n"
        )
    return "\n".join(parts)


def _stored(share: float) -> list[str]:
    """Return what 100 TB of voxels are as files of a share of their size, and what a store takes for them."""
    size, puts = VOXELS * share, VOXELS / SERIES * uploads(SERIES * share)
    return [
        f"{size / 1e12:.1f} TB", f"{size / 1e9 * MONTH:.0f} $",
        f"{puts / 1e6:.1f} million", f"{puts * PUT:.0f} $",
    ]  # fmt: skip


def write(docs: Path = DOCS) -> None:
    """Write the part of docs/scale.md that is derived; nothing where that page isn't."""
    path = docs / "scale.md"
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    page = (docs / "benchmarks.md").read_text(encoding="utf-8")
    path.write_text(f"{head}{START}{section(page)}{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    write()
