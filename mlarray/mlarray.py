"""The image under the name that the reference gives its module."""

from __future__ import annotations

from mlarray_core.array.image import MLARRAY_DEFAULT_PATCH_SIZE, MLArray

__all__ = ["MLARRAY_DEFAULT_PATCH_SIZE", "MLArray"]
