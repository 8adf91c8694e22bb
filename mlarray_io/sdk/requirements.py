"""The libraries that a format needs: which are missing, and the command that installs them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlarray_core.errors import MissingDependencyError

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io.sdk.format import Format


def missing(format: Format) -> list[str]:
    """Return the libraries that `format` needs and that aren't installed."""
    return [name for name in format.requires if not _found(name)]


def install_line(format: Format) -> str:
    """Return the command that installs what `format` needs."""
    return f"pip install '{format.install or ' '.join(format.requires)}'"


def require(format: Format, path: Path | str | None = None) -> None:
    """Raise `MissingDependencyError`, with the command that helps, when a library of `format` is missing.

    Raises
    ------
    MissingDependencyError
        A library of the format is missing.
    """
    names = missing(format)
    if names:
        verb = "isn't" if len(names) == 1 else "aren't"
        raise MissingDependencyError(
            f"the format {format.name} needs {' and '.join(names)}, which {verb} installed",
            path=path,
            hint=f"Install it with: {install_line(format)}",
        )


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
