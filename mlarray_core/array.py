"""MLArray: an image with its metadata, in memory or in a `.mla` file."""

from __future__ import annotations

import io
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

import numpy as np

from mlarray_core import codec, generations, indexing, layout
from mlarray_core.array_creation import ArrayCreation
from mlarray_core.array_geometry import ArrayGeometry
from mlarray_core.codec import Grid
from mlarray_core.container import SUFFIX, Contents, FrameWriter, map_file, open_binary
from mlarray_core.errors import (
    ArgumentError,
    ArgumentTypeError,
    MetadataError,
    ModeError,
    NotFoundError,
    ReadError,
)
from mlarray_core.layout import DEFAULT_PATCH_SIZE, Layout
from mlarray_core.meta import Meta, MetaBlosc2
from mlarray_core.meta.base import meta_writable
from mlarray_core.meta.labels import is_spatial
from mlarray_core.planning import is_default, normal_shape, note_layout, plan_layout
from mlarray_core.publish import atomic
from mlarray_core.sessions import FileSession, compression_of, settle
from mlarray_core.storage import FrameStorage, PlainStorage, Storage, edited_copy

Array = np.ndarray[Any, Any]
PathLike = str | os.PathLike[str]
Sizes = int | Sequence[int] | Array | None

MLARRAY_DEFAULT_PATCH_SIZE = DEFAULT_PATCH_SIZE
VERSION = "v0"
VERIFY = ("none", "touch", "full")
PARALLEL_BYTES = 4 << 20
"""Arrays of at least so many bytes are compressed on all cores."""


class MLArray(ArrayGeometry, ArrayCreation):
    """An N-dimensional image with its metadata.

    Parameters
    ----------
    array
        Voxels, slowest axis first, or the path of a ``.mla`` file to load, or None for metadata only.
    spacing
        Distance of neighbouring voxels along each spatial axis, in array order.
    origin
        World position (x, y, z) of the centre of the first voxel.
    direction
        Matrix whose column i is the world direction of spatial axis i.
    affine
        Homogeneous matrix from voxel indices to world x, y, z; instead of the three above.
    meta
        All metadata, or a dict that becomes ``meta.source``. Copied.
    axis_labels
        What each axis is; None when all are spatial.
    copy
        An image whose metadata fills whatever is not given.
    patch_size
        Patch that the layout is made for, for each spatial axis; ``"default"`` takes that of `copy` or `meta`,
        else 192; None lets Blosc2 choose.
    chunk_size, block_size
        Blosc2's two levels given explicitly, for each axis; instead of `patch_size`.
    cparams, dparams
        Blosc2's compression and decompression parameters.
    compressed
        Keep the voxels compressed in memory.
    profile
        What the compression favours: ``"default"``, ``"fast"`` or ``"small"``.

    Raises
    ------
    MetadataError
        The metadata contradict one another or the array (a ValueError).
    ModeError
        Other arguments are given with a path, or the file has another suffix (a RuntimeError).
    """

    _storage: Storage | None
    _session: FileSession | None

    def __init__(
        self,
        array: Array | PathLike | None = None,
        spacing: Any = None,
        origin: Any = None,
        direction: Any = None,
        affine: Any = None,
        meta: Mapping[str, Any] | Meta | None = None,
        axis_labels: Sequence[str] | None = None,
        copy: MLArray | None = None,
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: Any = None,
        dparams: Any = None,
        compressed: bool = True,
        *,
        profile: str = "default",
    ) -> None:
        self._clear()
        given = (spacing, origin, direction, affine, meta, axis_labels, copy, chunk_size, block_size, cparams, dparams)
        if isinstance(array, (str, os.PathLike)):
            if any(value is not None for value in given) or not is_default(patch_size):
                raise ModeError("a path can't be combined with metadata or layout: the file has its own", path=array)
            self._load(array, None, compressed=compressed, verify="touch")
            return
        geometry = {"spacing": spacing, "origin": origin, "direction": direction, "affine": affine}
        self._meta = _merged(_as_meta(meta), geometry, axis_labels, copy)
        if array is not None:
            self._adopt(
                _plain_array(array), patch_size, chunk_size, block_size, cparams, dparams, compressed, profile
            )
        self._describe()
        self.meta.validate(shape=self.shape)

    def _clear(self) -> None:
        self._storage = self._session = self._meta = None
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self.filepath: str | None = None
        self.mode: str | None = None
        self.mmap_mode: str | None = None

    # -- opening and saving ---------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        filepath: PathLike,
        mode: str = "r",
        mmap_mode: str | None = "r",
        dparams: Any = None,
        *,
        verify: str = "touch",
    ) -> Self:
        """Open a file; voxels are read when they are asked for.

        Parameters
        ----------
        filepath
            Ends in ``.mla``. A URL (``s3://``, ``https://``) opens through fsspec.
        mode
            ``"r"``, or ``"a"`` to edit the file in place; only looked at when `mmap_mode` is None.
        mmap_mode
            ``"r"``, ``"r+"`` to edit the file in place, ``"c"`` to edit in memory only, or None.
        dparams
            Blosc2's decompression parameters; one thread unless told otherwise.
        verify
            ``"touch"`` checks each chunk's checksum when it is first read, ``"full"`` all at once, ``"none"``
            none.

        Raises
        ------
        ModeError
            Wrong suffix or mode (a RuntimeError), or there is no such file (`NotFoundError`).
        CorruptError
            The file is damaged.
        """
        _check_choice(mode, ("r", "a"), "mode")
        _check_choice(mmap_mode, ("r", "r+", "c", None), "mmap_mode")
        image = cls.__new__(cls)
        image._clear()
        if "://" in os.fspath(filepath):
            image._open_remote(os.fspath(filepath), dparams)
            return image
        path = _checked_path(filepath, must_exist=True)
        writes = mmap_mode == "r+" or (mmap_mode is None and mode == "a")
        settle(path, take_over=writes)
        stored = image._attach(Contents(map_file(path), path, _checked_verify(verify)), dparams)
        image.filepath, image.mode, image.mmap_mode = path, mode, mmap_mode
        if writes:
            session = FileSession.edit(Path(path), image.meta, stored, compression_of(stored.contents), verify)
            image._write_to(session)
        return image

    @classmethod
    def load(
        cls, filepath: PathLike, dparams: Any = None, compressed: bool = True, *, verify: str = "touch"
    ) -> Self:
        """Load a whole file into memory.

        Parameters
        ----------
        filepath
            Ends in ``.mla``.
        dparams
            Blosc2's decompression parameters.
        compressed
            Keep the voxels compressed in memory.
        verify
            As `open` takes it.
        """
        image = cls.__new__(cls)
        image._clear()
        image._load(filepath, dparams, compressed=compressed, verify=verify)
        return image

    @classmethod
    def create(
        cls,
        filepath: PathLike,
        shape: Sequence[int] | Array,
        dtype: Any,
        meta: Mapping[str, Any] | Meta | None = None,
        mode: str = "w",
        mmap_mode: str | None = "w+",
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: Any = None,
        dparams: Any = None,
        *,
        profile: str = "default",
    ) -> Self:
        """Begin a new file that is filled by assignment.

        It appears, whole, when the image is closed, flushed, forgotten or opened again by this process, at the
        end of a ``with`` block and when the interpreter ends; not when the block raised.

        Parameters
        ----------
        filepath
            Ends in ``.mla``. An existing file stays as it is until the new one appears.
        shape, dtype
            Of the array.
        meta
            All metadata, or a dict that becomes ``meta.source``. Copied.
        mode, mmap_mode
            ``"w"``, and ``"w+"`` or None.
        patch_size, chunk_size, block_size, cparams, dparams, profile
            As the constructor takes them.

        Raises
        ------
        ModeError
            Wrong suffix or mode (a RuntimeError).
        """
        _check_choice(mode, ("w",), "mode")
        _check_choice(mmap_mode, ("w+", None), "mmap_mode")
        path = _checked_path(filepath, must_exist=False)
        image = cls.__new__(cls)
        image._clear()
        image._meta = _as_meta(meta)
        sizes, kind = normal_shape(shape), _checked_dtype(dtype)
        plan = plan_layout(image.meta, sizes, kind, patch_size, chunk_size, block_size, cparams, profile)
        grid = Grid(sizes, plan.chunks, plan.blocks, kind)
        note_layout(image.meta, plan, dparams)
        image._write_to(
            FileSession.create(Path(path), grid, image.meta, plan.cparams, image._dparams()), has_array=True
        )
        image.filepath, image.mode, image.mmap_mode = path, mode, mmap_mode
        return image

    def save(self, filepath: PathLike, *, verify: str = "touch") -> None:
        """Save the image. The file appears whole or not at all, and may be the one that is open.

        Parameters
        ----------
        filepath
            Ends in ``.mla``. An existing file is replaced.
        verify
            ``"none"`` copies stored chunks without checking them.

        Raises
        ------
        ModeError
            Wrong suffix (a RuntimeError).
        MetadataError
            The metadata are not valid (a ValueError).
        WriteError
            The disk is full, the folder is missing or read-only; an existing file stays as it is.
        """
        path = _checked_path(filepath, must_exist=False)
        self._check_open()
        storage = self._stored_for_saving()
        self._describe()
        metadata = self._encoded_meta()
        with atomic(path, overwrite=True) as temporary, open(temporary, "w+b") as file:
            self._write_frame(file, storage, metadata)

    def _write_frame(self, file: Any, storage: Storage | None, metadata: bytes) -> None:
        grid = storage.grid if storage is not None and storage.grid is not None else _no_array()
        writer = FrameWriter(file, grid, self.meta.blosc2.cparams or layout.compression(8))
        if storage is not None:
            for number in range(grid.nchunks if np.prod(grid.shape, dtype=object) else 0):
                writer.append(number, storage.chunk(number))
        writer.finish(metadata)

    def flush(self) -> None:
        """Write everything that was changed to the file that is open for writing."""
        if self._session is not None:
            self._describe()
            self._validate()
            self._session.commit()

    def close(self) -> None:
        """Write what was changed and let go of the file and the array. Closing twice is harmless."""
        session, finalizer = self._session, self._finalizer
        try:
            if session is not None and self._meta is not None:
                self._describe()
                self._validate()
                session.close()
        finally:
            self._let_go(session, finalizer)

    def _let_go(self, session: FileSession | None, finalizer: weakref.finalize[Any, Any] | None) -> None:
        if finalizer is not None:
            finalizer.detach()
        if session is not None:
            session.abort()
        if self._storage is not None:
            self._storage.close()
        self._clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._let_go(self._session, self._finalizer)

    def verify(self) -> str:
        """Check every checksum of the file.

        Returns
        -------
        str
            ``"sealed"`` when everything agrees, ``"unsealed"`` when there are no checksums to compare with.

        Raises
        ------
        CorruptError
            Something disagrees, or the file was edited by another program since it was sealed.
        """
        storage = self._current()
        if not isinstance(storage, FrameStorage):
            raise ArgumentTypeError("only an image that is stored in a file has checksums")
        storage.contents.verify_all()
        return storage.contents.state.value

    # -- voxels ---------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        """Return voxels, as NumPy's indexing does."""
        return self.read(key)

    def read(self, key: Any = ..., *, out: Array | None = None) -> Any:
        """Return voxels.

        Parameters
        ----------
        key
            Whatever NumPy's indexing takes.
        out
            Buffer for the result: C-contiguous, of the right shape and dtype. Needs a key of plain slices.
        """
        storage = self._need()
        box, rest = indexing.split(key, storage.shape)
        if out is not None:
            _check_out(out, box, rest, storage.dtype)
            return storage.read(box, out)
        voxels = storage.read(box)
        return voxels if rest is None else voxels[rest]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Assign voxels, as NumPy's indexing does."""
        storage = self._writable()
        box, rest = indexing.split(key, storage.shape)
        shape = tuple(part.stop - part.start for part in box)
        if rest is None:
            storage.write(box, np.broadcast_to(np.asarray(value, storage.dtype), shape))
            return
        voxels = np.array(storage.read(box))
        voxels[rest] = value
        storage.write(box, voxels)

    def to_numpy(self, *, out: Array | None = None) -> Array:
        """Return all voxels as a NumPy array.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        voxels: Array = self.read(..., out=out)
        return voxels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return all voxels, for `numpy.asarray`."""
        voxels = self.to_numpy()
        if copy is False and not isinstance(self._storage, PlainStorage):
            raise ArgumentError("compressed voxels can't be seen without a copy")
        if dtype is not None and np.dtype(dtype) != voxels.dtype:
            if copy is False:
                raise ArgumentError("another dtype needs a copy")
            return voxels.astype(dtype)
        return np.array(voxels) if copy and isinstance(self._storage, PlainStorage) else voxels

    def __iter__(self) -> Iterator[Any]:
        if not self._need().shape:
            raise ArgumentTypeError("iteration over a 0-d array")
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        storage = self._current() if self._has_array() else None
        if storage is None:
            return 0
        if not storage.shape:
            raise ArgumentTypeError("a 0-d array has no length")
        return storage.shape[0]

    def __bool__(self) -> bool:
        return True

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

    # -- layout and memory ----------------------------------------------------------------------------------

    def compress(
        self,
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: Any = None,
        dparams: Any = None,
        *,
        profile: str = "default",
    ) -> None:
        """Compress the image in memory, with a new layout, and detach it from any file.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        voxels, meta = self._detached()
        with meta_writable():
            meta.blosc2 = MetaBlosc2()
        self._meta = meta
        self._adopt(voxels, patch_size, chunk_size, block_size, cparams, dparams, True, profile)
        self._describe()

    def decompress(self) -> None:
        """Keep the voxels as a plain NumPy array, detach it from any file, and forget the layout.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        voxels, meta = self._detached()
        with meta_writable():
            meta.blosc2 = MetaBlosc2()
        self._meta, self._storage = meta, PlainStorage(np.array(voxels))

    def _detached(self) -> tuple[Array, Meta]:
        voxels, meta = self.to_numpy(), deepcopy(self.meta)
        self.close()
        return voxels, meta

    @classmethod
    def comp_blosc2_params(
        cls,
        image_size: Sequence[int],
        patch_size: Sequence[int],
        spatial_axis_mask: list[bool] | None = None,
        bytes_per_pixel: int = 4,
        l1_cache_size_per_core_in_bytes: int = 32768,
        l3_cache_size_per_core_in_bytes: int = 1441792,
        safety_factor: float = 0.8,
    ) -> tuple[list[int], list[int]]:
        """Return the chunk and block size that `patch_size="..."` leads to.

        Parameters
        ----------
        image_size
            Shape of the array.
        patch_size
            For each spatial axis.
        spatial_axis_mask
            For each axis, whether it is spatial; None when all are.
        bytes_per_pixel
            Of one item.
        l1_cache_size_per_core_in_bytes, l3_cache_size_per_core_in_bytes, safety_factor
            Taken for compatibility. Sizes are chosen by measurement, see docs/benchmarks.md.
        """
        mask = [True] * len(image_size) if spatial_axis_mask is None else list(spatial_axis_mask)
        if len(mask) != len(image_size) or len(patch_size) != sum(mask):
            raise ArgumentError("patch_size needs one number for each spatial axis")
        chunks, blocks = layout.partition(normal_shape(image_size), bytes_per_pixel, mask, normal_shape(patch_size))
        return list(chunks), list(blocks)

    # -- Python's protocols -----------------------------------------------------------------------------------

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
            yield "coord_system", str(getattr(self.meta.spatial.coord_system, "value", self.meta.spatial.coord_system))
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
            twin._storage = FrameStorage(Contents(self._frame_bytes(), self.filepath, "none"), self._dparams())
        return twin

    def _frame_bytes(self) -> bytes:
        buffer = io.BytesIO()
        self._write_frame(buffer, self._stored_for_saving(), self._encoded_meta())
        return buffer.getvalue()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.filepath is not None and self.mode is not None and "w" not in self.mode:
            where = os.stat(self.filepath)
            state = (self.filepath, self.mode, self.mmap_mode, self._dparams(), where.st_ino, where.st_mtime_ns)
            return _reopen, (type(self), *state)
        storage = self._current()
        if isinstance(storage, PlainStorage):
            return _rebuild_plain, (type(self), storage.array, self._meta)
        return _rebuild, (type(self), None if self._meta is None else self._frame_bytes())

    # -- internals --------------------------------------------------------------------------------------------

    def _has_array(self) -> bool:
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
        if isinstance(storage, FrameStorage):
            if self.filepath is not None and self.mmap_mode != "c" and self.mode is not None:
                raise ModeError("the image is open for reading only", path=self.filepath, hint="Open it with mmap_mode='r+'")
            storage = self._storage = edited_copy(storage, self.meta.blosc2.cparams or {})
        return storage

    def _write_to(self, session: FileSession, *, has_array: bool | None = None) -> None:
        self._session, self._storage = session, None
        self._describe(has_array)
        with suppress(MetadataError):
            self._finalizer = weakref.finalize(self, session.finish)
        self.meta.validate(shape=self.shape)

    def _load(self, filepath: PathLike, dparams: Any, *, compressed: bool, verify: str) -> None:
        path = _checked_path(filepath, must_exist=True)
        settle(path)
        with open_binary(path) as file:
            data = file.read()
        stored = self._attach(Contents(data, path, _checked_verify(verify)), dparams)
        self.filepath = path
        if not compressed and self._has_array():
            self._storage = PlainStorage(stored.read(tuple(slice(0, size) for size in stored.shape)))

    def _attach(self, contents: Contents, dparams: Any) -> FrameStorage:
        """Take metadata and voxels from an open frame."""
        self._meta = contents.meta()
        with meta_writable():
            self._meta.blosc2.dparams = {"nthreads": 1, **codec.plain_params(dparams)}
            if self._has_array():
                self._meta.blosc2.chunk_size = list(contents.frame.chunks)
                self._meta.blosc2.block_size = list(contents.frame.blocks)
                self._meta.blosc2.cparams = self._meta.blosc2.cparams or compression_of(contents)
        stored = FrameStorage(contents, self._dparams())
        self._storage = stored
        self._describe()
        if contents.state.value == "edited elsewhere":
            _warn_edited(contents.path)
        return stored

    def _open_remote(self, url: str, dparams: Any) -> None:
        from mlarray_core.remote import open_remote

        self._meta, self._storage = open_remote(url, codec.plain_params(dparams))
        self.filepath, self.mode, self.mmap_mode = url, "r", "r"

    def _adopt(
        self, array: Array, patch: Any, chunk: Any, block: Any, cparams: Any, dparams: Any, compressed: bool, profile: str
    ) -> None:
        with meta_writable():
            self.meta._has_array.has_array = True
        plan = plan_layout(self.meta, array.shape, array.dtype, patch, chunk, block, cparams, profile)
        note_layout(self.meta, plan, dparams)
        if not compressed:
            self._storage = PlainStorage(np.ascontiguousarray(array).reshape(array.shape))
            return
        self._storage = self._compressed(array, plan)

    def _compressed(self, array: Array, plan: Layout) -> FrameStorage:
        buffer = io.BytesIO()
        grid = Grid(array.shape, plan.chunks, plan.blocks, array.dtype)
        writer = FrameWriter(buffer, grid, plan.cparams)
        if array.size:
            threads = (os.cpu_count() or 1) if array.nbytes >= PARALLEL_BYTES else 1
            writer.put_all(((n, array[grid.box(n)]) for n in range(grid.nchunks)), threads)
        writer.finish(b"")
        return FrameStorage(Contents(buffer.getvalue(), None, "none"), self._dparams())

    def _dparams(self) -> dict[str, Any]:
        return dict(self.meta.blosc2.dparams or {})

    def _describe(self, has_array: bool | None = None) -> None:
        """Write what only the library knows into the metadata."""
        with meta_writable():
            if has_array is not None:
                self.meta._has_array.has_array = has_array
            self.meta._mlarray_version = VERSION
            self.meta.spatial.shape = None if self.shape is None else list(self.shape)

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
        patch = None if stored.chunk_size is not None and stored.patch_size is None else "default"
        chunk, block = (stored.chunk_size, stored.block_size) if patch is None else (None, None)
        plan = plan_layout(self.meta, storage.shape, storage.dtype, patch, chunk, block, stored.cparams, "default")
        note_layout(self.meta, plan, stored.dparams)
        return self._compressed(storage.array, plan)


def open_any(path: PathLike, verify: str = "touch") -> MLArray:
    """Open a frame for reading whatever its name: `.mla`, its predecessors, bare Blosc2 arrays."""
    name = os.fspath(path)
    settle(name)
    image = MLArray.__new__(MLArray)
    image._clear()
    image._attach(Contents(map_file(name), name, _checked_verify(verify)), None)
    image.filepath = name
    image.mode = image.mmap_mode = "r"
    return image


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind.hasobject:
        raise ArgumentTypeError("voxels can't be Python objects")
    return kind.newbyteorder("=") if kind.names is None else kind


def _plain_array(array: Any) -> Array:
    """Return an array of the caller's in native byte order."""
    if not hasattr(array, "__array__") and not hasattr(array, "__array_interface__"):
        raise ArgumentTypeError(f"array must be a NumPy array or a path, not {type(array).__name__}")
    voxels = np.asarray(array)
    normal_shape(voxels.shape)
    return voxels.astype(_checked_dtype(voxels.dtype), copy=False)


def _as_meta(meta: Mapping[str, Any] | Meta | None) -> Meta:
    if meta is None:
        return Meta()
    if isinstance(meta, Meta):
        return deepcopy(meta)
    if isinstance(meta, Mapping):
        return Meta(source=meta)
    raise MetadataError(f"meta must be None, a dict or a Meta, not {type(meta).__name__}")


def _merged(meta: Meta, geometry: dict[str, Any], axis_labels: Any, copy: MLArray | None) -> Meta:
    """Put explicit arguments into the metadata, and fill what is unset from another image."""
    if geometry["affine"] is not None and any(geometry[name] is not None for name in ("spacing", "origin", "direction")):
        raise MetadataError("give either affine or spacing, origin and direction, not both", field="spatial.affine")
    explicit = {name: value for name, value in geometry.items() if value is not None}
    for name, value in explicit.items():
        setattr(meta.spatial, name, value)
    if axis_labels is not None:
        meta.spatial.axis_labels = axis_labels
    if copy is not None:
        if not isinstance(copy, MLArray):
            raise ArgumentTypeError(f"copy must be an MLArray, not {type(copy).__name__}")
        _fill(meta, deepcopy(copy.meta), replaced=bool(explicit))
    return meta


def _fill(meta: Meta, other: Meta, *, replaced: bool) -> None:
    with meta_writable():
        other.spatial.shape = None
        if replaced and meta.spatial.affine is not None:
            for name in ("spacing", "origin", "direction"):
                setattr(other.spatial, name, None)
        elif replaced and other.spatial.affine is not None:
            other.spatial.affine = None
        has_array = meta._has_array.has_array
        meta.copy_from(other)
        meta._has_array.has_array = has_array


def _check_choice(value: Any, choices: tuple[Any, ...], name: str) -> None:
    if value not in choices:
        raise ModeError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")


def _checked_verify(verify: str) -> str:
    if verify not in VERIFY:
        raise ArgumentError(f"verify must be one of {', '.join(map(repr, VERIFY))}, not {verify!r}")
    return verify


def _checked_path(filepath: PathLike, *, must_exist: bool) -> str:
    path = os.fspath(filepath)
    if not path.lower().endswith(SUFFIX):
        raise ModeError(f"the name of an MLArray file ends in {SUFFIX}", path=path)
    if must_exist and not os.path.exists(path):
        settle(path)
        if not os.path.exists(path):
            raise _MissingFileError("there is no such file", path=path)
    return path


class _MissingFileError(NotFoundError, RuntimeError):
    """A missing file, which the reference reports as a RuntimeError."""


def _check_out(out: Array, box: indexing.Box, rest: Any, dtype: np.dtype[Any]) -> None:
    shape = tuple(part.stop - part.start for part in box)
    if rest is not None:
        raise ArgumentError("out= needs a key of plain slices")
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(f"out must be a writable, C-contiguous array of shape {shape} and dtype {dtype}")


def _no_array() -> Grid:
    return Grid((0,), (0,), (0,), np.dtype(np.float64))


def _warn_edited(path: str | None) -> None:
    import warnings

    warnings.warn(
        f"{path}: edited by another program since it was sealed, or damaged; its voxels are not verified. "
        "Accept it as it is with: mlarray verify --reseal",
        stacklevel=4,
    )


def _reopen(
    cls: type[MLArray], path: str, mode: str, mmap_mode: str | None, dparams: dict[str, Any], inode: int, mtime: int
) -> MLArray:
    """Open a pickled image's file again, if it is still the same file."""
    where = os.stat(path) if os.path.exists(path) else None
    if where is None or (where.st_ino, where.st_mtime_ns) != (inode, mtime):
        raise ReadError("the file was changed or removed since the image was pickled", path=path)
    return cls.open(path, mode, mmap_mode, dparams)


def _rebuild_plain(cls: type[MLArray], array: Array, meta: Meta) -> MLArray:
    image = cls.__new__(cls)
    image._clear()
    image._meta, image._storage = meta, PlainStorage(array)
    return image


def _rebuild(cls: type[MLArray], frame: bytes | None) -> MLArray:
    image = cls.__new__(cls)
    image._clear()
    if frame is not None:
        image._attach(Contents(frame), None)
    return image


__all__ = ["MLARRAY_DEFAULT_PATCH_SIZE", "MLArray", "open_any"]
