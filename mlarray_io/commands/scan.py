"""The commands ``scan`` and ``check-pairs``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlarray_core.errors import NotFoundError, UnsupportedError
from mlarray_core.processors import available_threads
from mlarray_io.batch.workers import Workers
from mlarray_io.printing.progress import progress as progress_bar
from mlarray_io.printing.tables import rows as print_rows
from mlarray_io.printing.text import printable, strict_json
from mlarray_io.search.folders import Discovery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.checks.pairs import Pair

SHOWN = 40
"""How many rows of a table a terminal gets."""


def scan(sources: Sequence[str], asked: dict[str, Any]) -> bool:
    """Tabulate what the sources hold; return whether something can't be read.

    Parameters
    ----------
    sources
        Files, folders, patterns and lists.
    asked
        The flags by name.
    """
    from mlarray_io.scan import tables
    from mlarray_io.scan.facts import Wish
    from mlarray_io.scan.run import scan as run

    output = None if asked["output"] is None else Path(asked["output"])
    wish = Wish(
        asked["stats"], output is not None and output.suffix.lower() == ".html", asked["source_format"]
    )
    discovery = Discovery(asked["include"], asked["exclude"], source_format=asked["source_format"])
    jobs = asked["jobs"] or available_threads()
    with progress_bar("scanning", asked["as_json"] or not sys.stderr.isatty(), images=True) as progress:
        rows = run(sources, output, discovery, wish, jobs, overwrite=asked["force"], progress=progress)
    if asked["as_json"]:
        click.echo(tables.strict(rows), nl=False)
    else:
        _overview(rows, output)
    return any(row.get("error") for row in rows)


def check_pairs(images: str, labels: str, asked: dict[str, Any]) -> bool:
    """Compare images with labels; return whether a pair is wrong or incomplete."""
    from mlarray_io.checks.pairs import check, lost, pair

    found = [list(Discovery(asked["include"], asked["exclude"]).search([one])) for one in (images, labels)]
    for side, name in zip(found, (images, labels), strict=True):
        if not side:
            raise UnsupportedError("no image was found", path=name)
        if side[0].size < 0:
            raise NotFoundError("there is no such file", path=name)
    pairs = list(pair(*found))
    work = partial(check, tolerance=asked["tolerance"])
    pool: Workers[Pair, dict[str, Any]] = Workers(asked["jobs"] or available_threads(), work, lost)
    rows = sorted(
        (row for _, row in pool.run(iter(pairs))), key=lambda row: str(row["image"] or row["label"])
    )
    wrong = [row for row in rows if row["problems"]]
    if asked["as_json"]:
        click.echo(strict_json({"pairs": len(rows), "wrong": wrong}))
    else:
        for row in wrong:
            name = row["image"] or row["label"]
            click.echo(printable(f"{name}: {'; '.join(row['problems'])}"), err=True)
        click.echo(f"{len(rows) - len(wrong):,} of {len(rows):,} pairs agree")
    return bool(wrong)


def _overview(rows: Sequence[dict[str, Any]], output: Path | None) -> None:
    """Print the table when it is short and goes nowhere else, and how many are odd or broken."""
    bad = [row for row in rows if row.get("error")]
    if output is None:
        names = ("source", "shape", "dtype", "spacing", "orientation", "modality", "outlier")
        good = [row for row in rows if not row.get("error")][:SHOWN]
        print_rows(names, [[_cell(row.get(name)) for name in names] for row in good])
        if len(rows) - len(bad) > SHOWN:
            click.echo(f"and {len(rows) - len(bad) - SHOWN:,} more; -o TABLE writes all")
    for row in bad[:SHOWN]:
        click.echo(printable(f"failed: {row['source']}: {row['error']}"), err=True)
    odd = sum(bool(row.get("outlier")) for row in rows)
    where = "" if output is None else f"; written to {output}"
    click.echo(f"{len(rows) - len(bad):,} images, {odd:,} stand out, {len(bad):,} can't be read{where}")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(f"{one:g}" for one in value)
    return "" if value is None else str(value)
