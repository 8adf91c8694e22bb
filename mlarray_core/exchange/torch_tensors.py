"""PyTorch's tensors of voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MissingDependencyError, UnsupportedError

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    import torch

    Array = np.ndarray[Any, Any]


def to_tensor(voxels: Array) -> torch.Tensor:
    """Return a tensor over the memory of an array; over that of a copy where it may not be written to.

    Raises
    ------
    UnsupportedError
        PyTorch has no such type.
    MissingDependencyError
        PyTorch isn't installed.
    """
    library = torch_module()
    try:
        tensor: torch.Tensor = library.from_numpy(voxels if voxels.flags.writeable else voxels.copy())
    except TypeError as error:
        raise UnsupportedError(f"PyTorch has no voxels of {voxels.dtype}") from error
    return tensor


def torch_module() -> ModuleType:
    """Return PyTorch.

    Raises
    ------
    MissingDependencyError
        It isn't installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            "this needs PyTorch, which isn't installed", hint="Install it with: pip install torch"
        ) from error
    return torch  # type: ignore[no-any-return]
