"""The report: one HTML page that holds everything it shows and loads nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from mlarray_io.printing.text import amount
from mlarray_io.scan import charts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Rows = Sequence[dict[str, Any]]

PICTURES = 2000
"""Images that are shown, odd ones first; more would be too much for a browser. The tables hold all."""


def report(rows: Rows, title: str) -> str:
    """Return the page: totals, histograms, what can't be read, and all images with their middle slices."""
    good = [row for row in rows if not row.get("error")]
    common = _common([row["source"] for row in rows])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_file('report.css')}</style>"
        f'<h1>{escape(title)}</h1><div class="soft">{escape(_spelt(common))}</div>'
        f"{_totals(rows, good)}<h2>How the images are</h2>"
        f'<div class="charts">{"".join(_charts(good))}</div>'
        f"{_broken(rows, common)}{_images(good, common)}<script>{_file('report.js')}</script></html>\n"
    )


def _file(name: str) -> str:
    return resources.files("mlarray_io.scan").joinpath(name).read_text(encoding="utf-8")


def _totals(rows: Rows, good: Rows) -> str:
    sizes = {row["source"]: row.get("source_bytes", 0) for row in rows}
    cells = [
        (f"{len(good):,}", "images"),
        (amount(sum(sizes.values())), "of files"),
        (amount(sum(row.get("voxel_bytes", 0) for row in good)), "of voxels"),
        (f"{sum(bool(row.get('outlier')) for row in good):,}", "stand out"),
        (f"{len(rows) - len(good):,}", "can't be read"),
    ]
    return '<div class="facts">' + "".join(f"<div><b>{n}</b>{what}</div>" for n, what in cells) + "</div>"


def _charts(good: Rows) -> Iterator[str]:
    for name, said in (("spacing", "Spacing"), ("shape", "Shape")):
        same = _alike([row[name] for row in good if row.get(name)])
        some = f" ({len(same):,} images)" if len(same) < len(good) else ""
        for axis in range(len(same[0]) if same else 0):
            title = f"{said}, {_axis(axis, len(same[0]))}{some}"
            yield charts.histogram(title, [numbers[axis] for numbers in same])
    for name, said in (("format", "Format"), ("dtype", "Type"), ("orientation", "Orientation")):
        yield charts.bars(said, [str(row[name]) for row in good if row.get(name)])
    yield charts.bars("Modality", [str(row["modality"]) for row in good if row.get("modality")])
    for name in ("mean", "min", "max"):
        yield charts.histogram(f"Voxels, {name}", [row[name] for row in good if row.get(name) is not None])


def _alike(lists: Sequence[list[float]]) -> Sequence[list[float]]:
    """Return the lists of the most frequent length."""
    lengths = Counter(map(len, lists)).most_common(1)
    return [one for one in lists if len(one) == lengths[0][0]]


def _axis(axis: int, axes: int) -> str:
    words = {0: " (slowest)", axes - 1: " (fastest)"} if axes > 1 else {}
    return f"axis {axis}{words.get(axis, '')}"


def _broken(rows: Rows, common: str) -> str:
    bad = [row for row in rows if row.get("error")]
    if not bad:
        return ""
    lines = "".join(
        f"<tr><td>{escape(_name(row, common))}</td><td>{escape(str(row['error']))}</td></tr>"
        for row in bad[:PICTURES]
    )
    return f"<h2>What can't be read</h2><table><tr><th>file</th><th>why</th></tr>{lines}</table>"


def _images(good: Rows, common: str) -> str:
    shown = sorted(good, key=lambda row: not row.get("outlier"))[:PICTURES]
    note = f"; the first {PICTURES:,} are here" if len(good) > PICTURES else ""
    tools = (
        '<div class="tools">'
        '<input type="search" id="find" placeholder="name, type, shape …" aria-label="Search">'
        '<label><input type="checkbox" id="odd"> only what stands out</label>'
        f'<span class="soft"><span id="count"></span>{note}</span></div>'
    )
    return f'<h2>Images</h2>{tools}<div class="images">{"".join(_image(row, common) for row in shown)}</div>'


def _image(row: dict[str, Any], common: str) -> str:
    picture = row.get("thumbnail")
    pane = f'<img alt="" src="data:image/png;base64,{picture}">' if picture else "no picture"
    spacing = row.get("spacing")
    lines = [
        " x ".join(map(str, row["shape"])) + f" {row['dtype']}",
        "spacing " + " x ".join(f"{step:.4g}" for step in spacing) if spacing else "no spacing",
        " ".join(str(row[name]) for name in ("orientation", "modality", "format") if row.get(name)),
    ]
    odd = row.get("outlier")
    return (
        f'<div class="image{" marked" if odd else ""}"><div class="pane">{pane}</div>'
        f'<div class="name">{escape(_name(row, common))}</div>'
        + "".join(f'<div class="soft">{escape(line)}</div>' for line in lines)
        + (f'<div class="odd">{escape(odd)}</div>' if odd else "")
        + "</div>"
    )


def _common(paths: Sequence[str]) -> str:
    """Return the folder that all sources lie in, as `os.path` spells it; nothing when there is none."""
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # none, of several disks, or some at URLs
        return ""


def _name(row: dict[str, Any], common: str) -> str:
    name = os.path.relpath(row["source"], common) if common else row["source"]
    return f"{name} [{row['image']}]" if row.get("image") is not None else name


def _spelt(folder: str) -> str:
    """Return a folder with the two slashes of a URL."""
    return re.sub(r"^(\w{2,}):/(?!/)", r"\1://", folder)
