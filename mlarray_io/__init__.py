"""The interface that an author of a format imports; `mlarray_io.sdk` has helpers for what formats share.

Names are loaded on first use, so that starting the command line costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray_io.sdk.boxes import boxes_along
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Box, Confidence, Format, ImageRef, Reader
    from mlarray_io.sdk.hookspecs import hookimpl
    from mlarray_io.sdk.losses import Loss
    from mlarray_io.sdk.options import Options, option
    from mlarray_io.sdk.source import Source

_HOME = {
    "Box": "sdk.format",
    "Confidence": "sdk.format",
    "Context": "sdk.context",
    "Format": "sdk.format",
    "ImageRef": "sdk.format",
    "Loss": "sdk.losses",
    "Reader": "sdk.format",
    "Options": "sdk.options",
    "option": "sdk.options",
    "Source": "sdk.source",
    "boxes_along": "sdk.boxes",
    "hookimpl": "sdk.hookspecs",
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
