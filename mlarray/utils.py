"""Helpers under the names that the reference gives them."""

from __future__ import annotations

from mlarray_core.headers import is_serializable

__all__ = ["is_serializable"]
