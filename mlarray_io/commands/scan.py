"""The commands ``scan`` and ``check-pairs``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlarray_core.processors import available_threads
from mlarray_io.printing.progress import progress
from mlarray_io.printing.tables import rows as print_rows
from mlarray_io.printing.tables import width
from mlarray_io.printing.text import counted, printable, strict_json
from mlarray_io.search.criteria import Criteria

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_io.scan.rows import Row

SHOWN = 40
"""How many rows of a table a terminal gets."""
LONGEST_NAMES = 30
"""Characters of the names of labels that a terminal gets; more are only said to be there."""
NARROWEST = 24
"""Characters of the column of names, which is folded, where numbers never are."""


@dataclass(frozen=True, kw_only=True)
class ScanFlags:
    """The flags of ``mlarray scan``, as its help explains them."""

    output: str | None = None
    source_format: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    jobs: int | None = None
    stats: bool = False
    force: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class PairFlags:
    """The flags of ``mlarray check-pairs``, as its help explains them."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    label_pattern: str | None = None
    jobs: int | None = None
    tolerance: float = 1e-3
    as_json: bool = False


def scan(sources: Sequence[str], given: Mapping[str, object]) -> bool:
    """Tabulate what the sources hold; return whether something can't be read.

    Parameters
    ----------
    sources
        Files, folders, patterns and lists.
    given
        The flags by name, as click parsed them.
    """
    from mlarray_io.scan import tables
    from mlarray_io.scan.facts import Wish
    from mlarray_io.scan.run import ScanRequest
    from mlarray_io.scan.run import scan as run

    flags = ScanFlags(**given)  # type: ignore[arg-type]
    output = None if flags.output is None else Path(flags.output)
    pictures = output is not None and output.suffix.lower() == ".html"
    request = ScanRequest(
        tuple(sources),
        Criteria(flags.include, flags.exclude, flags.source_format),
        output,
        Wish(flags.stats, pictures, flags.source_format),
        flags.jobs or available_threads(),
        flags.force,
    )
    with progress("scanning", flags.as_json or not sys.stderr.isatty(), images=True) as bar:
        rows = run(request, bar)
    if flags.as_json:
        click.echo(tables.strict(rows), nl=False)
    else:
        _overview(rows, output)
    return any(row.error is not None for row in rows)


def check_pairs(images: str, labels: str, given: Mapping[str, object]) -> bool:
    """Compare images with labels; return whether a pair is wrong or incomplete.

    Parameters
    ----------
    images, labels
        Folders, or other sources; the same one when `label_pattern` tells labels from images.
    given
        The flags by name, as click parsed them.

    Raises
    ------
    NotFoundError
        A source isn't there.
    UnsupportedError
        A source holds no image.
    """
    from mlarray_io.requests.pairs import compared

    flags = PairFlags(**given)  # type: ignore[arg-type]
    criteria, jobs = Criteria(flags.include, flags.exclude), flags.jobs or available_threads()
    rows = compared(images, labels, criteria, flags.label_pattern, flags.tolerance, jobs)
    wrong = [row for row in rows if row.problems]
    if flags.as_json:
        click.echo(strict_json({"pairs": len(rows), "wrong": [row.to_json() for row in wrong]}))
    else:
        for row in wrong:
            click.echo(printable(f"{row.name}: {'; '.join(row.problems)}"), err=True)
        click.echo(f"{len(rows) - len(wrong):,} of {len(rows):,} pairs agree")
    return bool(wrong)


def _overview(rows: Sequence[Row], output: Path | None) -> None:
    """Print the table when it is short and goes nowhere else, what is odd, broken or left out, and sums."""
    from mlarray_io.scan.rows import images

    good = images(rows)
    if output is None and good:
        _table(good[:SHOWN])
        if len(good) > SHOWN:
            click.echo(f"and {len(good) - SHOWN:,} more; -o TABLE writes all")
    for word, pairs in (
        ("failed", [(row.source, row.error) for row in rows if row.error is not None]),
        ("left out", [(row.source, row.left_out) for row in rows if row.left_out is not None]),
    ):
        for source, reason in pairs:
            click.echo(printable(f"{word}: {source}: {reason}"), err=True)
    for line in _groups(good):
        click.echo(line)
    bad = sum(row.error is not None for row in rows)
    odd = sum(row.outlier is not None for row in good)
    others = len(rows) - len(good) - bad
    more = f", {others:,} left out" if others else ""
    where = "" if output is None else f"; written to {output}"
    stand = "stands" if odd == 1 else "stand"
    click.echo(f"{counted(len(good), 'image')}, {odd:,} {stand} out, {bad:,} can't be read{more}{where}")


def _groups(rows: Sequence[Row]) -> list[str]:
    """Return one line for each modality and type, labels apart, when there are several."""
    groups = Counter(
        ("label map" if row.labels else "image", row.modality or "no modality", row.dtype or "")
        for row in rows
    )
    if len(groups) < 2:
        return []
    return [
        f"{counted(count, kind)}: {modality}, {dtype}"
        for (kind, modality, dtype), count in groups.most_common()
    ]


def _table(rows: Sequence[Row]) -> None:
    """Print the columns that fit the terminal, none of them broken in the middle of a number."""
    folder = _common([row.source for row in rows])
    names = [os.path.relpath(row.source, folder) if folder else row.source for row in rows]
    columns: list[tuple[str, list[str]]] = [
        ("shape", [" x ".join(map(str, row.shape or ())) for row in rows]),
        ("spacing", [" x ".join(f"{step:.4g}" for step in row.spacing or ()) for row in rows]),
        ("dtype", [row.dtype or "" for row in rows]),
        ("modality", [row.modality or "" for row in rows]),
        ("series", [row.series or "" for row in rows]),
        ("labels", [_labels(row) for row in rows]),
        ("orientation", [row.orientation or "" for row in rows]),
        ("image", [row.image or "" for row in rows]),
        ("outlier", [row.outlier or "" for row in rows]),
    ]
    filled = [(name, cells) for name, cells in columns if any(cells)]
    wide = width()
    left = wide - max(NARROWEST, min(len(max(names, key=len)), wide // 3))
    shown: list[tuple[str, list[str]]] = []
    hidden: list[str] = []
    for name, cells in filled:
        need = 2 + max(len(name), *map(len, cells))
        if need <= left:
            shown.append((name, cells))
            left -= need
        else:
            hidden.append(name)
    if folder:
        click.echo(printable(f"below {folder}:"))
    lines = list(zip(names, *(cells for _, cells in shown), strict=True))
    print_rows(("source", *(name for name, _ in shown)), lines, whole=True)
    if hidden:
        click.echo(f"no room for: {', '.join(hidden)}; -o TABLE writes all")


def _labels(row: Row) -> str:
    return row.classes if 0 < len(row.classes) <= LONGEST_NAMES else "yes" if row.labels else ""


def _common(paths: Sequence[str]) -> str:
    """Return the folder that all sources lie in; nothing when there is none, or some are at URLs."""
    if any("://" in path for path in paths):
        return ""
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:
        return ""
