"""What napari calls to open files: functions that say whether they can, and return layers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray.napari.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray.napari.layers import Layer

    Paths = str | Sequence[str]
    ReadFunction = Callable[[Paths], list[Layer]]

SUFFIX = ".mla"


def get_reader(path: Paths) -> ReadFunction | None:
    """Return what opens `.mla` files; None when there is another one among them (npe2: readers)."""
    return read if all(str(one).lower().endswith(SUFFIX) for one in _several(path)) else None


def get_any_reader(path: Paths) -> ReadFunction | None:
    """Return what opens files of any format that is installed; None for what is no file or folder."""
    return read_any if all(os.path.exists(one) for one in _several(path)) else None


def read(path: Paths) -> list[Layer]:
    """Return the layers of `.mla` files, whose voxels are read when they are shown.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file.
    """
    from mlarray_core.array.image import MLArray

    return [layer for one in _several(path) for layer in layers_of(MLArray.open(one), _title(one))]


def read_any(path: Paths) -> list[Layer]:
    """Return the layers of files of any format, read into memory, where they stay compressed.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    from mlarray_io.api import read as read_image

    return [layer for one in _several(path) for layer in layers_of(read_image(one), _title(one))]


def _title(path: str) -> str:
    name = Path(path).name
    return name[: -len(".nii.gz")] if name.lower().endswith(".nii.gz") else Path(name).stem


def _several(path: Paths) -> list[str]:
    return [os.fspath(path)] if isinstance(path, str | os.PathLike) else [os.fspath(one) for one in path]
