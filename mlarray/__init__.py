"""A container format and conversion framework for N-dimensional images in machine learning.

Everything that users import, loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray import errors
    from mlarray_core.array.image import MLArray
    from mlarray_core.headers import is_serializable
    from mlarray_core.layout.shapes import DEFAULT_PATCH_SIZE as MLARRAY_DEFAULT_PATCH_SIZE
    from mlarray_core.meta import (
        AxisLabel,
        CoordSystem,
        Meta,
        MetaBbox,
        MetaBlosc2,
        MetaExtra,
        MetaHasArray,
        MetaImageFormat,
        MetaIsSeg,
        MetaSource,
        MetaSpatial,
        MetaStatistics,
        MetaVersion,
    )
    from mlarray_io.api import convert, info, read, write
    from mlarray_io.catalogue import formats
    from mlarray_io.commands.main import cli_convert_to_mlarray, cli_print_header
    from mlarray_io.datasets import check_pairs, scan, verify

    __version__: str

_HOME = {
    "mlarray_core.array.image": ("MLArray",),
    "mlarray_core.headers": ("is_serializable",),
    "mlarray_core.meta": (
        "Meta",
        "MetaBbox",
        "MetaBlosc2",
        "MetaExtra",
        "MetaHasArray",
        "MetaImageFormat",
        "MetaIsSeg",
        "MetaSource",
        "MetaSpatial",
        "MetaStatistics",
        "MetaVersion",
        "AxisLabel",
        "CoordSystem",
    ),
    "mlarray_io.api": ("convert", "read", "write", "info"),
    "mlarray_io.catalogue": ("formats",),
    "mlarray_io.datasets": ("scan", "check_pairs", "verify"),
    "mlarray_io.commands.main": ("cli_print_header", "cli_convert_to_mlarray"),
}
_NAMES = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "MLArray",
    "MLARRAY_DEFAULT_PATCH_SIZE",
    "Meta",
    "MetaBbox",
    "MetaBlosc2",
    "MetaExtra",
    "MetaHasArray",
    "MetaImageFormat",
    "MetaIsSeg",
    "MetaSource",
    "MetaSpatial",
    "MetaStatistics",
    "MetaVersion",
    "AxisLabel",
    "CoordSystem",
    "is_serializable",
    "cli_print_header",
    "cli_convert_to_mlarray",
    "convert",
    "read",
    "write",
    "info",
    "formats",
    "scan",
    "check_pairs",
    "verify",
    "errors",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    if name == "MLARRAY_DEFAULT_PATCH_SIZE":
        return import_module("mlarray_core.layout.shapes").DEFAULT_PATCH_SIZE
    if name == "errors":
        return import_module("mlarray.errors")
    if name == "__version__":
        return import_module("importlib.metadata").version("mlarray")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
