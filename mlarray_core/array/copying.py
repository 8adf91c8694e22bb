"""Copies and pickles of images."""

from __future__ import annotations

import os
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mlarray_core.array.files import open_file
from mlarray_core.array.state import ImageState
from mlarray_core.container.contents import Contents
from mlarray_core.container.storage import FrameStorage, PlainStorage
from mlarray_core.errors import ReadError
from mlarray_core.url_text import is_url

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mlarray_core.array.base import ImageBase
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]

Reduced = tuple["Callable[..., ImageBase]", tuple[object, ...]]
"""What `__reduce__` returns: a function, and its arguments."""


def copy_of(state: ImageState) -> ImageState:
    """Return an image in memory that shares nothing with another."""
    if not state.is_open:
        return ImageState(None)
    meta, storage = deepcopy(state.meta), state.voxels
    if storage is None:
        return ImageState(meta)
    if isinstance(storage, PlainStorage):
        return ImageState(meta, PlainStorage(storage.array.copy()))
    return ImageState(meta, FrameStorage(Contents(state.frame_bytes(), state.path, "none"), state.dparams()))


def reduced(cls: type[ImageBase], state: ImageState) -> Reduced:
    """Return what makes an image again: from its file, its array, or the bytes of a frame."""
    if not state.is_open:
        return _closed, (cls,)
    if state.is_file():
        if state.session is not None:
            state.describe()
            state.validate()
            state.session.commit()
        storage = state.voxels
        verify = storage.contents.verification if isinstance(storage, FrameStorage) else "touch"
        how = (state.mode, state.mmap_mode, state.dparams(), verify)
        return _reopened, (cls, state.path, how, _identity(str(state.path)), state.meta)
    storage = state.voxels
    if isinstance(storage, PlainStorage):
        return _of_array, (cls, storage.array, state.meta)
    return _of_frame, (cls, state.frame_bytes(), state.meta)


def _identity(path: str) -> tuple[int, int] | None:
    """Return what changes when the file is replaced or edited; None when that can't be known."""
    if is_url(path):
        return None
    try:
        where = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return where.st_ino, where.st_mtime_ns


def _reopened(
    cls: type[ImageBase],
    path: str,
    how: tuple[str, str | None, dict[str, Any], str],
    identity: tuple[int, int] | None,
    meta: Meta,
) -> ImageBase:
    """Open a pickled image's file again, if it is still the same file."""
    if _identity(path) != identity:
        raise ReadError("the file was changed or removed since the image was pickled", path=path)
    state = open_file(path, *how)
    if state.session is None:  # what was set in memory only
        state.set_meta(meta)
    return cls._of(state)


def _of_array(cls: type[ImageBase], array: Array, meta: Meta) -> ImageBase:
    return cls._of(ImageState(meta, PlainStorage(array)))


def _of_frame(cls: type[ImageBase], frame: bytes, meta: Meta) -> ImageBase:
    state = ImageState.of_frame(Contents(frame), meta.blosc2.dparams)
    state.set_meta(meta)
    return cls._of(state)


def _closed(cls: type[ImageBase]) -> ImageBase:
    return cls._of(ImageState(None))
