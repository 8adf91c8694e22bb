"""The part of `MLArray` that shows, copies and pickles images."""

from __future__ import annotations

import os
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core.array.files import ArrayFiles
from mlarray_core.array.geometry import ArrayGeometry
from mlarray_core.container.contents import Contents
from mlarray_core.container.storage import EditedStorage, FrameStorage, PlainStorage
from mlarray_core.errors import ReadError
from mlarray_core.url_text import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]


class ArrayCopying(ArrayFiles, ArrayGeometry):
    """Texts, copies and pickles of an image."""

    def __repr__(self) -> str:
        if self._meta is None:
            return "<MLArray closed>"
        return f"<MLArray {', '.join(f'{text}' for _, text in self._facts())}>"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        yield from self._facts()

    def _facts(self) -> Iterator[tuple[str, Any]]:
        if self._meta is None:
            return
        yield "shape", self.shape if self._has_array() else "metadata only"
        if self._has_array():
            yield "dtype", self.dtype
        if self.spacing is not None:
            yield "spacing", [round(float(size), 6) for size in self.spacing]
        if self.meta.spatial.coord_system is not None:
            yield (
                "coord_system",
                str(getattr(self.meta.spatial.coord_system, "value", self.meta.spatial.coord_system)),
            )
        if self.filepath is not None:
            yield "filepath", self.filepath

    def __copy__(self) -> Self:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: object) -> Self:
        twin = type(self).__new__(type(self))
        twin._clear()
        twin._meta = deepcopy(self._meta)
        storage = self._current()
        if isinstance(storage, PlainStorage):
            twin._storage = PlainStorage(storage.array.copy())
        elif storage is not None:
            twin._storage = FrameStorage(
                Contents(self._frame_bytes(), self.filepath, "none"), self._dparams()
            )
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        if self._is_file():
            self.flush()
            how = (self.mode, self.mmap_mode, self._dparams(), self._verification())
            return _reopen, (type(self), self.filepath, how, _identity(str(self.filepath)), self._meta)
        storage = self._current()
        if isinstance(storage, PlainStorage):
            return _rebuild_plain, (type(self), storage.array, self._meta)
        return _rebuild, (type(self), None if self._meta is None else self._frame_bytes(), self._meta)

    def _is_file(self) -> bool:
        """Whether opening the file again gives these voxels."""
        opened = self.filepath is not None and self.mode is not None and "w" not in self.mode
        return opened and not isinstance(self._storage, EditedStorage)

    def _verification(self) -> str:
        storage = self._current()
        return storage.contents.verification if isinstance(storage, FrameStorage) else "touch"


def _identity(path: str) -> tuple[int, int] | None:
    """Return what changes when the file is replaced or edited; None when that can't be known."""
    if is_url(path):
        return None
    try:
        where = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return where.st_ino, where.st_mtime_ns


def _reopen(
    cls: type[ArrayCopying], path: str, how: tuple[Any, ...], identity: tuple[int, int] | None, meta: Meta
) -> ArrayCopying:
    """Open a pickled image's file again, if it is still the same file."""
    if _identity(path) != identity:
        raise ReadError("the file was changed or removed since the image was pickled", path=path)
    image = cls._opened(path, *how)
    if image._session is None:  # what was set in memory only
        image._meta = meta
    return image


def _rebuild_plain(cls: type[ArrayCopying], array: Array, meta: Meta) -> ArrayCopying:
    image = cls.__new__(cls)
    image._clear()
    image._meta, image._storage = meta, PlainStorage(array)
    return image


def _rebuild(cls: type[ArrayCopying], frame: bytes | None, meta: Meta) -> ArrayCopying:
    image = cls.__new__(cls)
    image._clear()
    if frame is not None:
        image._attach(Contents(frame), meta.blosc2.dparams)
        image._meta = meta
    return image
