"""The part of `MLArray` that opens, creates, saves and closes files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core.array.levels import ArrayLevels, Levels, write_levels
from mlarray_core.array.sessions import FileSession, settle
from mlarray_core.array.state import checked_dtype
from mlarray_core.container.contents import SUFFIX, Contents
from mlarray_core.container.image_writer import plan_image
from mlarray_core.container.open import load_contents, open_contents
from mlarray_core.container.storage import FrameStorage, PlainStorage, check_size
from mlarray_core.errors import ArgumentError, ArgumentTypeError, MetadataError, ModeError, NotFoundError
from mlarray_core.layout.plan import normal_shape
from mlarray_core.layout.request import LayoutRequest, Sizes
from mlarray_core.meta import Meta
from mlarray_core.publish import atomic
from mlarray_core.url_text import is_url

if TYPE_CHECKING:
    import weakref

Array = np.ndarray[Any, Any]
PathLike = str | os.PathLike[str]
VERIFY = ("none", "touch", "full")


class ArrayFiles(ArrayLevels):
    """Files that an image comes from and goes to."""

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
            none, and it reads metadata only when they are asked for: damaged ones are an error then.

        Raises
        ------
        ModeError
            Wrong suffix or mode (a RuntimeError), or there is no such file (`NotFoundError`).
        CorruptError
            The file is damaged.
        """
        _check_choice(mode, ("r", "a"), "mode")
        _check_choice(mmap_mode, ("r", "r+", "c", None), "mmap_mode")
        remote = is_url(filepath)
        path = os.fspath(filepath) if remote else _checked_path(filepath, must_exist=True)
        return cls._opened(path, mode, mmap_mode, dparams, verify)

    @classmethod
    def _opened(
        cls, path: str, mode: str = "r", mmap_mode: str | None = "r", dparams: Any = None,
        verify: str = "touch",
    ) -> Self:  # fmt: skip
        """Open a frame whatever its name."""
        image = cls.__new__(cls)
        image._clear()
        writes = mmap_mode == "r+" or (mmap_mode is None and mode == "a")
        if is_url(path):
            image._open_remote(path, mode, mmap_mode, dparams, verify, writes=writes)
            return image
        settle(path, take_over=writes)
        stored = image._attach(open_contents(path, checked_verify(verify)), dparams)
        image.filepath, image.mode, image.mmap_mode = path, mode, mmap_mode
        if writes:
            session = FileSession.edit(path, image.meta, stored)
            image._write_to(session)
        return image

    @classmethod
    def load(
        cls,
        filepath: PathLike,
        dparams: Any = None,
        compressed: bool = True,
        *,
        verify: str = "touch",
        max_bytes: int | None = None,
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
        max_bytes
            The most that the voxels may need decompressed; None for the memory that the machine has, when
            they are decompressed.

        Raises
        ------
        LimitError
            They need more: a small file may claim any size.
        """
        image = cls.__new__(cls)
        image._clear()
        image._load(filepath, dparams, compressed=compressed, verify=verify, max_bytes=max_bytes)
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
        levels: Levels = None,
    ) -> Self:
        """Begin a new file that is filled by assignment.

        It appears, whole, when the image is closed, flushed, forgotten or opened again by this process, at
        the end of a ``with`` block and when the interpreter ends; not when the block raised.

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
        levels
            Coarser versions to build when the file appears, as `save` takes them.

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
        image._meta = as_meta(meta)
        sizes, kind = normal_shape(shape), checked_dtype(dtype)
        request = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams, profile)
        plan = plan_image(image.meta, sizes, kind, request)
        image._write_to(FileSession.create(path, plan, image.meta, image._dparams(), levels), has_array=True)
        image.filepath, image.mode, image.mmap_mode = path, mode, mmap_mode
        return image

    def save(self, filepath: PathLike, *, verify: str = "touch", levels: Levels = "keep") -> None:
        """Save the image. The file appears whole or not at all, and may be the one that is open.

        Parameters
        ----------
        filepath
            Ends in ``.mla``. An existing file is replaced.
        verify
            ``"none"`` copies stored chunks without checking them.
        levels
            Coarser versions to store behind the image: ``"auto"`` until the coarsest fits 256 x 256 or
            64 x 64 x 64, how many, ``"none"``, or ``"keep"`` for those that it has, unless it was edited.

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
        if self._session is not None and self._session.is_at(path):
            self.flush()
            if levels != "keep":
                write_levels(Path(path), levels, None, self.meta)
            return
        storage = self._stored_for_saving()
        self._describe()
        metadata = self._encoded_meta()
        with atomic(path, overwrite=True) as temporary:
            with open(temporary, "w+b") as file:
                self._write_frame(file, storage, metadata)
            write_levels(temporary, levels, storage, self.meta)

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

    def _load(
        self, filepath: PathLike, dparams: Any, *, compressed: bool, verify: str, max_bytes: int | None = None
    ) -> None:
        path, contents = _contents(filepath, checked_verify(verify))
        stored = self._attach(contents, dparams)
        self.filepath = path
        if max_bytes is not None:
            check_size(stored.shape, stored.dtype, max_bytes, path)
        if not compressed and self._has_array():
            self._storage = PlainStorage(stored.read(tuple(slice(0, size) for size in stored.shape)))

    def _open_remote(
        self, url: str, mode: str, mmap_mode: str | None, dparams: Any, verify: str, *, writes: bool
    ) -> None:
        from mlarray_core.container.remote import RemoteStorage, open_remote

        if writes:
            raise ModeError("files at a URL can't be edited in place", path=url, hint="Use mmap_mode='r'")
        self._attach(open_remote(url, checked_verify(verify)), dparams, RemoteStorage)
        self.filepath, self.mode, self.mmap_mode = url, mode, mmap_mode


def _contents(filepath: PathLike, verify: str) -> tuple[str, Contents]:
    """Return the path and the whole content of a file."""
    if is_url(filepath):
        from mlarray_core.container.remote import fetch

        url = os.fspath(filepath)
        return url, Contents(fetch(url), url, verify)
    path = _checked_path(filepath, must_exist=True)
    settle(path)
    return path, load_contents(path, verify)


def as_meta(meta: Mapping[str, Any] | Meta | None) -> Meta:
    """Return a copy of metadata, a dict of them being the source's."""
    if meta is None:
        return Meta()
    if isinstance(meta, Meta):
        return deepcopy(meta)
    if isinstance(meta, Mapping):
        return Meta(source=meta)
    raise MetadataError(f"meta must be None, a dict or a Meta, not {type(meta).__name__}")


def _check_choice(value: Any, choices: tuple[Any, ...], name: str) -> None:
    if value not in choices:
        raise ModeError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")


def checked_verify(verify: str) -> str:
    """Return `verify` if it is one of the ways to verify."""
    if verify not in VERIFY:
        raise ArgumentError(f"verify must be one of {', '.join(map(repr, VERIFY))}, not {verify!r}")
    return verify


def _checked_path(filepath: PathLike, *, must_exist: bool) -> str:
    path = os.fspath(filepath)
    if is_url(path):
        raise ModeError("this can't write to a URL", path=path, hint="Use mlarray.write")
    if not path.lower().endswith(SUFFIX):
        raise ModeError(f"the name of an MLArray file ends in {SUFFIX}", path=path)
    if must_exist and not os.path.exists(path):
        settle(path)
        if not os.path.exists(path):
            raise _MissingFileError("there is no such file", path=path)
    return path


class _MissingFileError(NotFoundError, RuntimeError):
    """A missing file, which the reference reports as a RuntimeError."""
