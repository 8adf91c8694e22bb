"""Types of tensors."""

from __future__ import annotations

import torch

from mlarray_core.errors import ArgumentError


def as_dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    """Return a type of tensors that may be given by its name.

    Raises
    ------
    ArgumentError
        There is none of this name (a ValueError).
    """
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if found is not None and not isinstance(found, torch.dtype):
        raise ArgumentError(f"PyTorch has no type {dtype!r}", field="dtype")
    if found is None and dtype is not None:
        raise ArgumentError(f"PyTorch has no type {dtype!r}", field="dtype")
    return found
