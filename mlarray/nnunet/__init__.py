"""nnU-Net v2: its raw data and its preprocessed data as `.mla` files.

Names are loaded on first use: registering needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlarray.nnunet.dataset import MLArrayDataset
    from mlarray.nnunet.preprocessed import pack, unpack
    from mlarray.nnunet.reader_writer import MLArrayIO
    from mlarray.nnunet.registration import register, unregister

_HOME = {
    "MLArrayDataset": "dataset",
    "MLArrayIO": "reader_writer",
    "pack": "preprocessed",
    "register": "registration",
    "unpack": "preprocessed",
    "unregister": "registration",
}

__all__ = ["MLArrayDataset", "MLArrayIO", "pack", "register", "unpack", "unregister"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mlarray.nnunet.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
