"""What every part of `MLArray` stands on: its metadata, where its voxels are, and what is open."""

from __future__ import annotations

import io
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mlarray_core.chunks.params import plain_dparams
from mlarray_core.container.contents import Contents, warn_edited
from mlarray_core.container.image_writer import NO_VOXELS, ImagePlan, ImageWriter, plan_image
from mlarray_core.container.seal import State
from mlarray_core.container.storage import FrameStorage, PlainStorage, Storage, edited_copy
from mlarray_core.container.stored_meta import describe, says_array
from mlarray_core.errors import ArgumentTypeError, CorruptError, ModeError
from mlarray_core.layout.plan import is_array, normal_shape
from mlarray_core.layout.request import LayoutRequest
from mlarray_core.meta.labels import is_spatial
from mlarray_core.metadata import generations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlarray_core.array.sessions import FileSession
    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]


class ArrayState:
    """Metadata, voxels and open files of one image."""

    _storage: Storage | None
    _session: FileSession | None
    _unread: Callable[[], Meta] | None
    """Makes the metadata, when nobody has asked for them yet; only of an image with voxels."""

    def _clear(self) -> None:
        self._storage = self._session = self._meta = None
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self.filepath: str | None = None
        self.mode: str | None = None
        self.mmap_mode: str | None = None

    @property
    def _meta(self) -> Meta | None:
        read = self._unread
        if read is not None:
            # of several threads the first one decides which object it is
            self.__dict__.setdefault("_known_meta", read())
            self._unread = None
        known: Meta | None = self.__dict__["_known_meta"]
        return known

    @_meta.setter
    def _meta(self, meta: Meta | None) -> None:
        self._unread = None
        self.__dict__["_known_meta"] = meta

    def _read_meta_later(self, read: Callable[[], Meta]) -> None:
        del self.__dict__["_known_meta"]
        self._unread = read

    @property
    def meta(self) -> Meta:
        """All metadata."""
        return self._meta  # type: ignore[return-value]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Size of each axis, None without an array."""
        storage = self._current() if self._has_array() else None
        return None if storage is None else storage.shape

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Type of the voxels, None without an array."""
        storage = self._current() if self._has_array() else None
        return None if storage is None else storage.dtype

    @property
    def ndim(self) -> int | None:
        """Number of axes, None without an array."""
        shape = self.shape
        return None if shape is None else len(shape)

    @property
    def spatial_ndim(self) -> int | None:
        """Number of spatial axes, None without an array."""
        if self.ndim is None:
            return None
        labels = self.meta.spatial.axis_labels
        return self.ndim if labels is None else sum(map(is_spatial, labels))

    def _has_array(self) -> bool:
        if self._unread is not None:
            return True
        return self._meta is not None and bool(self._meta._has_array.has_array)

    def _current(self) -> Storage | None:
        return self._storage if self._session is None else self._session.readable

    def _check_open(self) -> None:
        if self._meta is None:
            raise ArgumentTypeError("the image is closed")

    def _need(self) -> Storage:
        storage = self._current()
        if storage is None or not self._has_array():
            raise ArgumentTypeError("the image holds no array")
        return storage

    def _writable(self) -> Storage:
        storage = self._need()
        if self._session is not None:
            return self._session.writable
        if not storage.editable:
            if self.filepath is not None and self.mmap_mode != "c" and self.mode is not None:
                raise ModeError(
                    "the image is open for reading only",
                    path=self.filepath,
                    hint="Open it with mmap_mode='r+', or 'c' to edit in memory only",
                )
            storage = self._storage = edited_copy(storage, self.meta.blosc2.cparams or {})
        return storage

    def _write_to(self, session: FileSession, *, has_array: bool | None = None) -> None:
        self._session, self._storage = session, None
        try:
            self._describe(has_array)
            self._validate()
        except BaseException:
            session.abort()
            raise
        self._finalizer = weakref.finalize(self, session.finish)

    def _attach(
        self, contents: Contents, dparams: Any, kind: type[FrameStorage] = FrameStorage
    ) -> FrameStorage:
        """Take metadata and voxels from an open frame."""
        dparams = {"nthreads": 1, **plain_dparams(dparams)}
        mapping = None if contents.verification == "none" else contents.mapping()
        if _can_wait(contents, mapping):
            self._read_meta_later(partial(_meta_of_voxels, contents, dparams, mapping))
        else:
            self._meta = _meta_of(contents, dparams, mapping)
        self._storage = storage = kind(contents, dparams)
        if self._unread is None:
            self._describe()
        if contents.state.value == "edited elsewhere":
            warn_edited(contents.path)
        return storage

    def _adopt(self, array: Array, request: LayoutRequest, *, compressed: bool) -> None:
        self.meta._set_by_library(has_array=True)
        plan = plan_image(self.meta, array.shape, array.dtype, request, array)
        if not compressed:
            self._storage = PlainStorage(np.ascontiguousarray(array).reshape(array.shape))
            return
        self._storage = self._compressed(array, plan)

    def _compressed(self, array: Array, plan: ImagePlan) -> FrameStorage:
        buffer = io.BytesIO()
        writer = ImageWriter(buffer, plan)
        writer.put_array(array)
        writer.finish()
        return FrameStorage(Contents(buffer.getvalue(), None, "none"), self._dparams())

    def _dparams(self) -> dict[str, Any]:
        return dict(self.meta.blosc2.dparams or {})

    def _describe(self, has_array: bool | None = None) -> None:
        """Write what only the library knows into the metadata."""
        if has_array is not None:
            self.meta._set_by_library(has_array=has_array)
        describe(self.meta, self.shape)

    def _validate(self) -> None:
        self.meta.validate(shape=self.shape)

    def _encoded_meta(self) -> bytes:
        self._validate()
        return generations.encode(self.meta)

    def _stored_for_saving(self) -> Storage | None:
        """Return the voxels in compressed form, the layout of plain ones planned now."""
        storage = self._current()
        if not isinstance(storage, PlainStorage) or not self._has_array():
            return storage if self._has_array() else None
        stored = self.meta.blosc2
        known: dict[str, Any] = {"cparams": stored.cparams, "dparams": stored.dparams}
        if stored.chunk_size is not None and stored.patch_size is None:
            known |= {"patch": None, "chunk": stored.chunk_size, "block": stored.block_size}
        plan = plan_image(self.meta, storage.shape, storage.dtype, LayoutRequest(**known))
        return self._compressed(storage.array, plan)

    def _frame_bytes(self) -> bytes:
        buffer = io.BytesIO()
        self._write_frame(buffer, self._stored_for_saving(), self._encoded_meta())
        return buffer.getvalue()

    def _write_frame(self, file: BinaryIO, storage: Storage | None, metadata: bytes) -> None:
        grid = NO_VOXELS.grid if storage is None or storage.grid is None else storage.grid
        writer = ImageWriter(file, ImagePlan(grid, self.meta.blosc2.cparams or NO_VOXELS.cparams))
        if storage is not None:
            writer.take(storage)
        writer.finish(metadata)


def _can_wait(contents: Contents, mapping: dict[str, Any] | None) -> bool:
    """Whether the Meta of an image with voxels may be made when somebody asks for it.

    That of a sealed file was valid when it was written; others are looked at when they are opened, unless
    verification is not wanted.
    """
    if mapping is None or not contents.frame.nbytes:
        return bool(contents.frame.nbytes)
    sealed = contents.state is State.SEALED and contents.verification == "touch"
    return sealed and says_array(mapping, contents.frame.shape)


def _meta_of(contents: Contents, dparams: Mapping[str, Any], mapping: dict[str, Any] | None) -> Meta:
    """Return the metadata of a frame, with what the frame says of its layout itself."""
    meta = contents.meta(mapping)
    known: dict[str, Any] = {"dparams": dparams}
    if meta._has_array.has_array:
        known["chunk_size"], known["block_size"] = contents.frame.chunks, contents.frame.blocks
        known["cparams"] = meta.blosc2.cparams or contents.frame.compression()
    meta.blosc2._assign(known)
    return meta


def _meta_of_voxels(contents: Contents, dparams: Mapping[str, Any], mapping: dict[str, Any] | None) -> Meta:
    """Return the metadata of a frame whose voxels were taken for granted so far."""
    meta = _meta_of(contents, dparams, mapping)
    if not meta._has_array.has_array:
        raise CorruptError("the metadata say that there are no voxels, and there are", path=contents.path)
    describe(meta, contents.frame.shape)
    return meta


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Return a dtype in native byte order; Python objects are refused."""
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.hasobject:
        raise ArgumentTypeError("voxels can't be Python objects")
    return kind.newbyteorder("=") if kind.names is None else kind


def plain_array(array: Any) -> Array:
    """Return an array of the caller's in native byte order."""
    if not is_array(array):
        raise ArgumentTypeError(f"array must be a NumPy array or a path, not {type(array).__name__}")
    voxels = np.asarray(array)
    normal_shape(voxels.shape)
    return voxels.astype(checked_dtype(voxels.dtype), copy=False)
