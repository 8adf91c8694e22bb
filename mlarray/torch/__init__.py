"""Patches of `.mla` files for PyTorch.

Nothing is imported before a name is used; PyTorch itself is not part of any extra.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlarray.torch.patches import PatchDataset

_HOME = {"PatchDataset": "mlarray.torch.patches"}

__all__ = ["PatchDataset"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlarray_core.exchange.torch_tensors import torch_module

    torch_module()
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
