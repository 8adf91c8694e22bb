"""What the command line prints."""

from __future__ import annotations

import json
import math
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    from mlarray_core.errors import MLArrayError
    from mlarray_io.commands.info import Inspection
    from mlarray_io.engine.result import Conversion, Failure
    from mlarray_io.engine.writing import Progress

LONGEST = 400
"""How many characters of one value a table shows."""


def strict_json(value: Any, indent: int = 2) -> str:
    """Return JSON that every parser takes: sorted, NaN and infinities as strings."""
    return json.dumps(_strict(value), indent=indent, sort_keys=True, allow_nan=False)


def error_text(error: MLArrayError) -> str:
    """Return one line that says what is wrong and where, and one that says what to do."""
    where = ": ".join(part for part in (error.path, error.field) if part)
    what = f"Error: {where}: {error.message}" if where else f"Error: {error.message}"
    return printable(what) + (f"\n{printable(error.hint)}" if error.hint else "")


def error_json(error: MLArrayError) -> str:
    """Return an error as one line of JSON."""
    parts = {"kind": type(error).__name__, "message": error.message}
    where = {"path": error.path, "field": error.field, "hint": error.hint}
    return json.dumps({"error": {**parts, **where}}, sort_keys=True)


def printable(text: str) -> str:
    """Return `text` on one line and without what would steer a terminal: headers are strangers' words."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def done(conversion: Conversion, *, as_json: bool, quiet: bool) -> None:
    """Print what a conversion did."""
    if as_json:
        click.echo(strict_json(_plain(conversion)))
    elif not quiet:
        _summary(conversion)


def all_done(results: Sequence[Conversion | Failure], *, as_json: bool, quiet: bool) -> int:
    """Print what several conversions did; return how many failed."""
    from mlarray_io.engine.result import Conversion, Failure

    failed = [result for result in results if isinstance(result, Failure)]
    if as_json:
        good = [_plain(result) for result in results if isinstance(result, Conversion)]
        bad = [{"image": result.image, **json.loads(error_json(result.error))} for result in failed]
        click.echo(strict_json({"converted": good, "failed": bad}))
        return len(failed)
    for result in results:
        if isinstance(result, Failure):
            click.echo(error_text(result.error), err=True)
        elif not quiet:
            _summary(result)
    if not quiet:
        click.echo(f"{len(results) - len(failed)} of {len(results)} images converted")
    return len(failed)


@contextmanager
def progress(name: str, silent: bool, *, images: bool = False) -> Iterator[Progress | None]:
    """Lend a progress bar on standard error, of bytes or of images, or None when nobody would see it."""
    if silent:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import MofNCompleteColumn as Counted

    amounts = Counted() if images else DownloadColumn(binary_units=True)
    columns = (TextColumn("{task.description}"), BarColumn(), amounts)
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task(printable(name).replace("[", "\\["), total=None)
        yield lambda count, total: bar.update(task, completed=count, total=total)


def inspection(found: Inspection) -> None:
    """Print what a source holds as a table."""
    table = _grid()
    _row(table, "file", str(found.path))
    _row(table, "format", found.format)
    if found.meta is None:
        _console().print(table)
        _images(found)
    else:
        if found.image is not None:
            _row(table, "image", found.image)
        _row(table, "shape", " x ".join(map(str, found.shape)) or "()")
        _row(table, "dtype", found.dtype)
        sections = found.meta.to_plain()
        header = sections.pop("source", {})
        for name, value in [*_flat(sections), *_flat(header, "source.")]:
            _row(table, name, value)
        _console().print(table)
    for note in found.warnings:
        click.echo(f"note: {printable(note)}")
    for note in found.skipped:
        click.echo(f"skipped: {printable(note)}")


def formats(found: Mapping[str, Any]) -> None:
    """Print the installed formats, their options and what is broken."""
    table = _table("format", "title", "can", "suffixes", "plugin", "state")
    for one in found["formats"]:
        can = " ".join(word for word, able in (("read", one["reads"]), ("write", one["writes"])) if able)
        state = f"needs {one['install']}" if one["missing"] else "ready"
        only_read = [s for s in one["suffixes"] if one["writes"] and s not in one["target_suffixes"]]
        suffixes = " ".join(one["target_suffixes"] or one["suffixes"])
        suffixes += f" (only read: {' '.join(only_read)})" if only_read else ""
        _cells(table, one["name"], one["title"], can, suffixes, one["plugin"], state)
    _console().print(table)
    options = _table("format", "option (-o name=value)", "value", "default", "what it does")
    for one in found["formats"]:
        for option in one["options"]:
            texts = (option["name"], option["type"], _text(option["default"]), option["help"])
            _cells(options, one["name"], *texts)
    if options.rows:
        _console().print(options)
    _broken(found["broken"])


def claims(found: Mapping[str, Any]) -> None:
    """Print which formats claim a file."""
    if not found["claims"]:
        click.echo(f"{printable(found['path'])}: no installed format claims it")
    table = _table("format", "confidence", "")
    for place, claim in enumerate(found["claims"]):
        note = f"needs {claim['install']}" if claim["install"] else "taken" if place == 0 else ""
        _cells(table, claim["format"], claim["confidence"], note)
    if table.rows:
        _console().print(table)
    _broken(found["broken"])


def rows(names: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print a table, all but its first column to the right."""
    table = _table(*names)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in cells:
        _cells(table, *row)
    _console().print(table)


def _summary(conversion: Conversion) -> None:
    spacing = conversion.spacing
    facts = [
        " x ".join(map(str, conversion.shape)) or "()",
        conversion.dtype,
        "no spacing" if spacing is None else "spacing " + " x ".join(f"{step:.4g}" for step in spacing),
        f"{amount(conversion.target_bytes)} ({conversion.ratio:.2f} times smaller than its voxels)",
        f"{conversion.seconds:.2f} s",
    ]
    click.echo(printable(f"{conversion.source} -> {conversion.target}: {', '.join(facts)}"))
    for warning in conversion.warnings:
        click.echo(f"note: {printable(warning)}", err=True)
    for skipped in conversion.skipped:
        click.echo(f"skipped: {printable(str(skipped))}", err=True)
    for loss in conversion.losses:
        click.echo(f"lost: {printable(str(loss))}", err=True)


def _plain(conversion: Conversion) -> dict[str, Any]:
    plain: dict[str, Any] = {name: getattr(conversion, name) for name in conversion.__dataclass_fields__}
    for name in ("losses", "skipped"):
        plain[name] = [{"what": loss.what, "why": loss.why} for loss in plain[name]]
    return {
        **plain,
        "source": str(conversion.source),
        "target": str(conversion.target),
        "ratio": conversion.ratio,
    }


def _images(found: Inspection) -> None:
    names = list(dict.fromkeys(name for image in found.images for name in image.facts))
    table = _table("key", "title", *names)
    for image in found.images:
        _cells(table, image.key, image.title, *(_text(image.facts.get(name, "")) for name in names))
    _console().print(table)


def _broken(broken: Mapping[str, str]) -> None:
    for name, reason in broken.items():
        click.echo(f"broken: {printable(name)}: {printable(reason)}")


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each value of nested dicts with its path."""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _text(item)


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, list | tuple):
        text = json.dumps(_strict(list(value)))
    else:
        text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def amount(count: int) -> str:
    """Spell a number of bytes for a person."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _console() -> Console:
    from rich.console import Console

    # into a pipe nothing is wrapped, so that programs find whole values
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 100_000, highlight=False)


def _grid() -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _table(*names: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _row(grid: Table, name: str, value: str) -> None:
    _cells(grid, name, value)


def _cells(table: Table, *texts: str) -> None:
    from rich.text import Text

    table.add_row(*(Text(printable(text)) for text in texts))
