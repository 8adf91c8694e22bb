"""The part of `MLArray` that shows, copies and pickles images."""

from __future__ import annotations

import io
import os
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core.array_files import ArrayFiles
from mlarray_core.array_geometry import ArrayGeometry
from mlarray_core.container import Contents
from mlarray_core.errors import ReadError
from mlarray_core.storage import FrameStorage, PlainStorage

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

    def _frame_bytes(self) -> bytes:
        buffer = io.BytesIO()
        self._write_frame(buffer, self._stored_for_saving(), self._encoded_meta())
        return buffer.getvalue()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.filepath is not None and self.mode is not None and "w" not in self.mode:
            where = os.stat(self.filepath)
            state = (
                self.filepath,
                self.mode,
                self.mmap_mode,
                self._dparams(),
                where.st_ino,
                where.st_mtime_ns,
            )
            return _reopen, (type(self), *state)
        storage = self._current()
        if isinstance(storage, PlainStorage):
            return _rebuild_plain, (type(self), storage.array, self._meta)
        return _rebuild, (type(self), None if self._meta is None else self._frame_bytes())


def _reopen(
    cls: type[ArrayCopying],
    path: str,
    mode: str,
    mmap_mode: str | None,
    dparams: dict[str, Any],
    inode: int,
    mtime: int,
) -> ArrayCopying:
    """Open a pickled image's file again, if it is still the same file."""
    where = os.stat(path) if os.path.exists(path) else None
    if where is None or (where.st_ino, where.st_mtime_ns) != (inode, mtime):
        raise ReadError("the file was changed or removed since the image was pickled", path=path)
    return cls.open(path, mode, mmap_mode, dparams)


def _rebuild_plain(cls: type[ArrayCopying], array: Array, meta: Meta) -> ArrayCopying:
    image = cls.__new__(cls)
    image._clear()
    image._meta, image._storage = meta, PlainStorage(array)
    return image


def _rebuild(cls: type[ArrayCopying], frame: bytes | None) -> ArrayCopying:
    image = cls.__new__(cls)
    image._clear()
    if frame is not None:
        image._attach(Contents(frame), None)
    return image
