"""The help of all commands, kept as text: the parser takes longer to load than all the rest of a start.

`python tests/test_docs.py` writes the texts, one for each usual width of a terminal.
"""

from __future__ import annotations

import os
import sys

WIDEST = 100
"""Columns of help on a wide terminal; longer lines are hard to read."""

USUAL = 80
"""Columns of a terminal that doesn't say how many it has."""


def overview() -> str | None:
    """Return the help of all commands; None for a terminal of a width that no text is kept for."""
    columns = min(_columns(), WIDEST)
    if columns not in (USUAL, WIDEST):
        return None
    with open(path_of(columns), encoding="utf-8") as file:
        return file.read()


def path_of(columns: int) -> str:
    """Return where the help for a width is kept."""
    return os.path.join(os.path.dirname(__file__), f"overview-{columns}.txt")


def _columns() -> int:
    """Return how wide the terminal is, as `shutil.get_terminal_size` does: its module is slow to load."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or USUAL if sys.__stdout__ else USUAL
    except (ValueError, OSError):
        return USUAL
