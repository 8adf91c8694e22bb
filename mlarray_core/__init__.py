"""The `.mla` container and its metadata schema.

Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray_core.additions import Additions, Rescale
    from mlarray_core.array.image import MLArray
    from mlarray_core.meta import Meta, MetaSpatial

_HOME = {
    "MLArray": "array.image",
    "Additions": "additions",
    "Rescale": "additions",
    "Meta": "meta",
    "MetaSpatial": "meta",
}
_MODULES = ("additions", "errors", "geometry", "headers", "meta")

__all__ = [
    "Additions",
    "MLArray",
    "Meta",
    "MetaSpatial",
    "Rescale",
    "additions",
    "errors",
    "geometry",
    "headers",
    "meta",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mlarray_core.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"mlarray_core.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
