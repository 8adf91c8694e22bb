"""The `.mla` container and its metadata schema.

Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray_core.array.image import MLArray
    from mlarray_core.levels.reduction import reduce
    from mlarray_core.meta import (
        Additions,
        AxisValues,
        Channel,
        Code,
        Label,
        Meta,
        MetaSpatial,
        Rescale,
        color_of,
    )

_HOME = {"MLArray": "array.image", "reduce": "levels.reduction"}
"""Modules of the names that aren't the schema's."""
_MODULES = ("errors", "geometry", "headers", "meta", "rescale", "units")

__all__ = [
    "Additions",
    "AxisValues",
    "Channel",
    "Code",
    "Label",
    "MLArray",
    "Meta",
    "MetaSpatial",
    "Rescale",
    "color_of",
    "errors",
    "geometry",
    "headers",
    "meta",
    "reduce",
    "rescale",
    "units",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"mlarray_core.{name}")
    if name in __all__:
        return getattr(import_module(f"mlarray_core.{_HOME.get(name, 'meta')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
