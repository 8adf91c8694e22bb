"""Everything that an author of a format imports.

Names are loaded on first use, so that starting the command line costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray_io.format import Box, Confidence, Context, Format, ImageRef, Loss, Reader, boxes_along
    from mlarray_io.hookspecs import hookimpl
    from mlarray_io.options import Options, option
    from mlarray_io.source import Source

_HOME = {
    "Format": "format",
    "Reader": "format",
    "Confidence": "format",
    "ImageRef": "format",
    "Loss": "format",
    "Context": "format",
    "Box": "format",
    "boxes_along": "format",
    "Options": "options",
    "option": "options",
    "Source": "source",
    "hookimpl": "hookspecs",
}

__all__ = [
    "Box",
    "Confidence",
    "Context",
    "Format",
    "ImageRef",
    "Loss",
    "Options",
    "Reader",
    "Source",
    "boxes_along",
    "hookimpl",
    "option",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mlarray_io.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
