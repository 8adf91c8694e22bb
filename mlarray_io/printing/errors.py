"""Errors as a person reads them, and as a program does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_io.printing.text import printable

if TYPE_CHECKING:
    from mlarray_core.errors import MLArrayError


def error_text(error: MLArrayError) -> str:
    """Return one line that says what is wrong and where, and one that says what to do."""
    where = ": ".join(part for part in (error.path, error.field) if part)
    what = f"Error: {where}: {error.message}" if where else f"Error: {error.message}"
    return printable(what) + (f"\n{printable(error.hint)}" if error.hint else "")


def error_json(error: MLArrayError) -> str:
    """Return an error as one line of JSON."""
    import json

    parts = {"kind": type(error).__name__, "message": error.message}
    where = {"path": error.path, "field": error.field, "hint": error.hint}
    return json.dumps({"error": {**parts, **where}}, sort_keys=True)
