"""The report: one HTML page that holds everything it shows and loads nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from mlarray_io.printing.text import amount
from mlarray_io.scan import charts
from mlarray_io.scan.rows import images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.scan.rows import Row

    Rows = Sequence[Row]

PICTURES = 2000
"""Images that are shown, odd ones first; more would be too much for a browser. The tables hold all."""
LONGEST_NAMES = 120
"""Characters of the names of an image's labels."""


def report(rows: Rows, title: str) -> str:
    """Return the page: totals, histograms, what can't be read, and all images with their middle slices."""
    good = images(rows)
    common = _common([row.source for row in rows])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_file('report.css')}</style>"
        f'<h1>{escape(title)}</h1><div class="soft">{escape(_spelt(common))}</div>'
        f"{_totals(rows, good)}<h2>Distributions</h2>"
        f'<div class="charts">{"".join(_charts(good))}</div>'
        f"{_broken(rows, common)}{_left_out(rows, common)}{_images(good, common)}"
        f"<script>{_file('report.js')}</script></html>\n"
    )


def _file(name: str) -> str:
    return resources.files("mlarray_io.scan").joinpath(name).read_text(encoding="utf-8")


def _totals(rows: Rows, good: Rows) -> str:
    sizes = {row.source: row.source_bytes or 0 for row in rows}
    cells = [
        (f"{len(good):,}", "images"),
        (amount(sum(sizes.values())), "of files"),
        (amount(sum(row.voxel_bytes or 0 for row in good)), "of voxels"),
        (f"{sum(row.outlier is not None for row in good):,}", "stand out"),
        (f"{sum(bool(row.labels) for row in good):,}", "are labels"),
        (f"{sum(row.error is not None for row in rows):,}", "can't be read"),
        (f"{sum(row.left_out is not None for row in rows):,}", "left out"),
    ]
    return '<div class="facts">' + "".join(f"<div><b>{n}</b>{what}</div>" for n, what in cells) + "</div>"


def _charts(good: Rows) -> Iterator[str]:
    for said, lists in (
        ("Spacing", [row.spacing for row in good if row.spacing]),
        ("Shape", [row.shape for row in good if row.shape]),
    ):
        same = _alike(lists)
        some = f" ({len(same):,} images)" if len(same) < len(good) else ""
        for axis in range(len(same[0]) if same else 0):
            title = f"{said}, {_axis(axis, len(same[0]))}{some}"
            yield charts.histogram(title, [numbers[axis] for numbers in same])
    yield charts.bars("Format", [row.format for row in good if row.format])
    yield charts.bars("Type", [row.dtype for row in good if row.dtype])
    yield charts.bars("Orientation", [row.orientation for row in good if row.orientation])
    yield charts.bars("Modality", [row.modality for row in good if row.modality])
    for name in ("mean", "min", "max"):
        numbers = [row.numbers[name] for row in good if name in row.numbers and not row.labels]
        yield charts.histogram(f"Voxels, {name}", numbers)


def _alike(lists: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """Return the lists of the most frequent length."""
    lengths = Counter(map(len, lists)).most_common(1)
    return [one for one in lists if len(one) == lengths[0][0]]


def _axis(axis: int, axes: int) -> str:
    words = {0: " (slowest)", axes - 1: " (fastest)"} if axes > 1 else {}
    return f"axis {axis}{words.get(axis, '')}"


def _broken(rows: Rows, common: str) -> str:
    bad = [(_name(row, common), row.error) for row in rows if row.error is not None]
    return _reasons("Files that can't be read", bad)


def _left_out(rows: Rows, common: str) -> str:
    return _reasons("Left out", [(_name(row, common), row.left_out) for row in rows if row.left_out])


def _reasons(heading: str, lines: Sequence[tuple[str, str | None]]) -> str:
    """Return a table of files with reasons; nothing when there are none."""
    if not lines:
        return ""
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(str(why))}</td></tr>" for name, why in lines[:PICTURES]
    )
    more = f"<p>and {len(lines) - PICTURES:,} more</p>" if len(lines) > PICTURES else ""
    return f"<h2>{heading}</h2><table><tr><th>file</th><th>why</th></tr>{cells}</table>{more}"


def _images(good: Rows, common: str) -> str:
    shown = sorted(good, key=lambda row: row.outlier is None)[:PICTURES]
    note = f"; the first {PICTURES:,} are here" if len(good) > PICTURES else ""
    tools = (
        '<div class="tools">'
        '<input type="search" id="find" placeholder="name, type, shape …" aria-label="Search">'
        '<label><input type="checkbox" id="odd"> only what stands out</label>'
        f'<span class="soft"><span id="count"></span>{note}</span></div>'
    )
    return f'<h2>Images</h2>{tools}<div class="images">{"".join(_image(row, common) for row in shown)}</div>'


def _image(row: Row, common: str) -> str:
    pane = f'<img alt="" src="data:image/png;base64,{row.thumbnail}">' if row.thumbnail else "no picture"
    spacing = row.spacing
    words = (row.orientation, row.modality, "labels" if row.labels else None, row.format)
    series = (f"series {row.series}" if row.series else None, row.description)
    lines = [
        " x ".join(map(str, row.shape or ())) + f" {row.dtype}",
        "spacing " + " x ".join(f"{step:.4g}" for step in spacing) if spacing else "no spacing",
        " ".join(filter(None, words)),
        " ".join(filter(None, series)),
        row.classes if len(row.classes) <= LONGEST_NAMES else f"{row.classes[:LONGEST_NAMES]}…",
    ]
    odd = row.outlier
    return (
        f'<div class="image{" marked" if odd else ""}"><div class="pane">{pane}</div>'
        f'<div class="name">{escape(_name(row, common))}</div>'
        + "".join(f'<div class="soft">{escape(line)}</div>' for line in lines if line)
        + (f'<div class="odd">{escape(odd)}</div>' if odd else "")
        + "</div>"
    )


def _common(paths: Sequence[str]) -> str:
    """Return the folder that all sources lie in, as `os.path` spells it; nothing when there is none."""
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # none, of several disks, or some at URLs
        return ""


def _name(row: Row, common: str) -> str:
    name = os.path.relpath(row.source, common) if common else row.source
    return f"{name} [{row.image}]" if row.image is not None else name


def _spelt(folder: str) -> str:
    """Return a folder with the two slashes of a URL."""
    return re.sub(r"^(\w{2,}):/(?!/)", r"\1://", folder)
