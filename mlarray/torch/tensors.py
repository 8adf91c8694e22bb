"""Types of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from mlarray_core.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def as_indices(start: Sequence[int]) -> torch.Tensor:
    """Return whole numbers as a tensor; `torch.tensor` takes ten times as long for a few of them."""
    return torch.from_numpy(np.array(start, np.int64))
