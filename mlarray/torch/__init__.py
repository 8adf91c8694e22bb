"""Patches of `.mla` files for PyTorch: random, of a grid, and put together again.

Nothing is imported before a name is used; PyTorch itself is not part of any extra.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlarray.torch.aggregate import Aggregator
    from mlarray.torch.grid import GridPatches
    from mlarray.torch.patches import PatchDataset
    from mlarray.torch.stream import PatchStream

_HOME = {
    "PatchDataset": "mlarray.torch.patches",
    "GridPatches": "mlarray.torch.grid",
    "Aggregator": "mlarray.torch.aggregate",
    "PatchStream": "mlarray.torch.stream",
}

__all__ = ["PatchDataset", "GridPatches", "Aggregator", "PatchStream"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlarray_core.exchange.torch_tensors import torch_module

    torch_module()
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
