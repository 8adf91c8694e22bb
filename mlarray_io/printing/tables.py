"""Tables for a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mlarray_io.printing.text import printable, say, value_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table


def formats(found: Mapping[str, Any]) -> None:
    """Print the installed formats, their options and what is broken."""
    table = _table("format", "title", "can", "suffixes", "plugin", "library", "state")
    for one in found["formats"]:
        can = " ".join(word for word, able in (("read", one["reads"]), ("write", one["writes"])) if able)
        state = f"needs {one['install']}" if one["missing"] else "ready"
        only_read = [s for s in one["suffixes"] if one["writes"] and s not in one["target_suffixes"]]
        suffixes = " ".join(one["target_suffixes"] or one["suffixes"])
        suffixes += f" (only read: {' '.join(only_read)})" if only_read else ""
        library = ", ".join(map(_library, one["libraries"]))
        _cells(table, one["name"], one["title"], can, suffixes, _plugin(one), library, state)
    _console().print(table)
    options = _table("format", "option (-o name=value)", "value", "default", "what it does")
    for one in found["formats"]:
        for option in one["options"]:
            texts = (option["name"], option["type"], value_text(option["default"]), option["help"])
            _cells(options, one["name"], *texts)
    if options.rows:
        _console().print(options)
    _broken(found["broken"])


def _plugin(one: Mapping[str, Any]) -> str:
    """Return what brought a format: our own plugins by name, others with package and version."""
    ours = one["package"].startswith("mlarray ")
    return one["plugin"] if ours or not one["package"] else f"{one['plugin']} ({one['package']})"


def _library(one: Mapping[str, str]) -> str:
    """Return a library with its licence, as far as it says one."""
    return f"{one['name']} ({one['licence']})" if one["licence"] else one["name"]


def claims(found: Mapping[str, Any]) -> None:
    """Print which formats claim a file."""
    if not found["claims"]:
        what = f" (it is {found['known_as']})" if found["known_as"] else ""
        say(f"{printable(found['path'])}: no installed format claims it{what}")
    table = _table("format", "confidence", "")
    for place, claim in enumerate(found["claims"]):
        note = f"needs {claim['install']}" if claim["install"] else "taken" if place == 0 else ""
        _cells(table, claim["format"], claim["confidence"], note)
    if table.rows:
        _console().print(table)
    _broken(found["broken"])


def width() -> int:
    """Return how many characters a line of the terminal has; into a pipe nothing is wrapped."""
    return _console().width


def rows(names: Sequence[str], cells: Sequence[Sequence[str]], *, whole: bool = False) -> None:
    """Print a table, all but its first column to the right.

    Parameters
    ----------
    names
        Of the columns.
    cells
        Of each row.
    whole
        Break cells of the first column only.
    """
    table = _table(*names)
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", whole
    for row in cells:
        _cells(table, *row)
    _console().print(table)


def _broken(broken: Mapping[str, str]) -> None:
    for name, reason in broken.items():
        say(f"broken: {printable(name)}: {printable(reason)}")


def _console() -> Console:
    from rich.console import Console

    # into a pipe nothing is wrapped, so that programs find whole values
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 100_000, highlight=False)


def _table(*names: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _cells(table: Table, *texts: str) -> None:
    from rich.text import Text

    table.add_row(*(Text(printable(text)) for text in texts))
