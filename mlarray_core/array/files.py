"""Images from files and into files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mlarray_core.array.state import ImageState, checked_dtype
from mlarray_core.array.writing.sessions import FileSession, settle
from mlarray_core.container.contents import SUFFIX, Contents
from mlarray_core.container.image_writer import plan_image
from mlarray_core.container.open import load_contents, open_contents
from mlarray_core.container.storage import FrameStorage, PlainStorage
from mlarray_core.disk import home_hint
from mlarray_core.errors import ArgumentError, MissingFileError, ModeError
from mlarray_core.layout.plan import normal_shape
from mlarray_core.levels import store as stored_levels
from mlarray_core.memory import check_size
from mlarray_core.processors import available_threads
from mlarray_core.publish import atomic
from mlarray_core.statistics.census import Census
from mlarray_core.url_text import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from mlarray_core.chunks.grid import Box
    from mlarray_core.container.storage import Storage
    from mlarray_core.layout.request import DParams, LayoutRequest
    from mlarray_core.meta import Meta

PathLike = str | os.PathLike[str]
Levels = str | int | None
"""``"auto"``, ``"none"``, ``"keep"`` or how many."""
VERIFY = ("none", "touch", "full")


def open_file(
    path: str,
    mode: str = "r",
    mmap_mode: str | None = "r",
    dparams: DParams = None,
    verify: str = "touch",
) -> ImageState:
    """Return the image in a file of any name, or at a URL, whose voxels are read when they are asked for.

    Parameters
    ----------
    path
        Of the file.
    mode, mmap_mode, dparams, verify
        As `MLArray.open` takes them.

    Raises
    ------
    ModeError
        A URL is to be edited (a RuntimeError).
    CorruptError
        The file is damaged.
    LockedError
        Another writer has it.
    """
    writes = mmap_mode == "r+" or (mmap_mode is None and mode == "a")
    if is_url(path):
        state = _open_remote(path, dparams, verify, writes=writes)
    else:
        settle(path, take_over=writes)
        contents = open_contents(path, checked_verify(verify))
        state = ImageState.of_frame(contents, dparams)
        if writes:
            stored = state.storage
            assert isinstance(stored, FrameStorage)
            state.write_to(FileSession.edit(path, state.meta, stored))
    state.path, state.mode, state.mmap_mode = path, mode, mmap_mode
    return state


def _open_remote(url: str, dparams: DParams, verify: str, *, writes: bool) -> ImageState:
    from mlarray_core.container.remote import RemoteStorage, open_remote

    if writes:
        raise ModeError("files at a URL can't be edited in place", path=url, hint="Use mmap_mode='r'")
    return ImageState.of_frame(open_remote(url, checked_verify(verify)), dparams, RemoteStorage)


def load_file(
    filepath: PathLike,
    dparams: DParams = None,
    *,
    compressed: bool = True,
    verify: str = "touch",
    max_bytes: int | None = None,
) -> ImageState:
    """Return the image in a file, all of which is in memory.

    Parameters
    ----------
    filepath, dparams, compressed, verify, max_bytes
        As `MLArray.load` takes them.

    Raises
    ------
    ModeError
        Wrong suffix, or no such file (a RuntimeError).
    CorruptError
        The file is damaged.
    LimitError
        The voxels need more memory than `max_bytes`.
    """
    path, contents = _whole(filepath, checked_verify(verify))
    state = ImageState.of_frame(contents, dparams)
    state.path = path
    stored = state.storage
    assert stored is not None
    if max_bytes is not None:
        check_size(stored.shape, stored.dtype, max_bytes, path)
    if not compressed and state.has_array:
        state.storage = PlainStorage(stored.read(tuple(slice(0, size) for size in stored.shape)))
    return state


def _whole(filepath: PathLike, verify: str) -> tuple[str, Contents]:
    """Return the path and the whole content of a file."""
    if is_url(filepath):
        from mlarray_core.container.remote import fetch

        url = os.fspath(filepath)
        return url, Contents(fetch(url), url, verify)
    path = checked_path(filepath, must_exist=True)
    settle(path)
    return path, load_contents(path, verify)


def create_file(
    path: str,
    shape: Sequence[int] | np.ndarray[Any, Any],
    dtype: object,
    meta: Meta,
    request: LayoutRequest,
    levels: Levels,
) -> ImageState:
    """Begin a new file.

    Parameters
    ----------
    path
        Where it appears when it is finished.
    shape, dtype
        Of the array.
    meta
        Of the image; not copied.
    request
        The layout that is asked for.
    levels
        Coarser versions to build when the file appears.

    Raises
    ------
    MetadataError
        The metadata contradict the shape (a ValueError).
    WriteError
        The folder is missing or read-only.
    """
    plan = plan_image(meta, normal_shape(shape), checked_dtype(dtype), request)
    state = ImageState(meta)
    state.write_to(FileSession.create(path, plan, meta, state.dparams(), levels), has_array=True)
    state.path = path
    return state


def save_file(state: ImageState, path: str, levels: Levels, *, stats: bool = False) -> None:
    """Write an image to a file, which appears whole or not at all.

    Parameters
    ----------
    state
        The image.
    path
        Of the file, which may be the one that is open.
    levels, stats
        As `MLArray.save` takes them.

    Raises
    ------
    MetadataError
        The metadata are not valid (a ValueError).
    WriteError
        The disk is full, the folder is missing or read-only.
    """
    if state.session is not None and state.session.is_at(path):
        flush(state)
        if stats:
            _note_census(state)
        if levels != "keep":
            state.session.put_levels(levels)
        return
    storage = state.stored()
    census = _census(state, storage) if stats and storage is not None else None
    state.describe()
    metadata = state.encoded_meta()
    with atomic(path, overwrite=True) as temporary:
        with open(temporary, "w+b") as file:
            state.write_frame(file, storage, metadata, census)
        _write_levels(temporary, levels, storage, state.meta)


def _census(state: ImageState, storage: Storage) -> Census:
    """Count all voxels of an image."""
    census = Census(storage.shape, storage.dtype, is_seg=state.meta.is_seg.value)
    for box in boxes_of(storage):
        census.add(box, storage.read(box))
    return census


def boxes_of(storage: Storage) -> Iterator[Box]:
    """Yield boxes that voxels are best read by when all are wanted: chunks, where there are any."""
    if not all(storage.shape):
        return
    if storage.grid is None:
        yield tuple(slice(0, size) for size in storage.shape)
    else:
        yield from map(storage.grid.box, range(storage.grid.nchunks))


def _note_census(state: ImageState) -> None:
    """Count the voxels of an image in the file that it is written to, and note what was found there."""
    assert state.session is not None
    stored = state.session.readable
    if state.has_array and isinstance(stored, FrameStorage):
        census = _census(state, stored)
        voxels = stored.contents.voxels_sum
        census.note(state.meta, voxels or "")
        flush(state)


def _write_levels(path: Path, levels: Levels, source: Storage | None, meta: Meta) -> None:
    """Put levels into a file that was just written; ``"keep"`` copies those of a source that has any."""
    if levels != "keep":
        stored_levels.build(path, levels, threads=available_threads(), meta=meta)
    elif isinstance(source, FrameStorage):
        stored_levels.copy(source.contents, path)


def flush(state: ImageState) -> None:
    """Write everything that was changed to the file that is open for writing."""
    if state.session is not None:
        state.describe()
        state.validate()
        state.session.commit()


def close(state: ImageState) -> None:
    """Write what was changed, and release file and array whatever happens."""
    try:
        if state.session is not None and state.is_open:
            state.describe()
            state.validate()
            state.session.close()
    finally:
        state.release()


def check_choice(value: str | None, choices: tuple[str | None, ...], name: str) -> None:
    """Refuse a mode that isn't among the choices.

    Parameters
    ----------
    value
        The mode.
    choices
        What it may be.
    name
        Of the argument.

    Raises
    ------
    ModeError
        It isn't (a RuntimeError).
    """
    if value not in choices:
        raise ModeError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")


def checked_verify(verify: str) -> str:
    """Return `verify` if it is one of the ways to verify.

    Raises
    ------
    ArgumentError
        It isn't (a ValueError).
    """
    if verify not in VERIFY:
        raise ArgumentError(f"verify must be one of {', '.join(map(repr, VERIFY))}, not {verify!r}")
    return verify


def checked_path(filepath: PathLike, *, must_exist: bool) -> str:
    """Return the path of a ``.mla`` file.

    Raises
    ------
    ModeError
        It is a URL, has another suffix, or doesn't exist (a RuntimeError).
    """
    path = os.fspath(filepath)
    if is_url(path):
        raise ModeError("this can't write to a URL", path=path, hint="Use mlarray.write")
    if not path.lower().endswith(SUFFIX):
        other = "mlarray.read reads" if must_exist else "mlarray.write writes"
        raise ModeError(
            f"the name of an MLArray file ends in {SUFFIX}",
            path=path,
            hint=f"{other} other formats",
        )
    if must_exist and not os.path.exists(path):
        settle(path)
        if not os.path.exists(path):
            raise MissingFileError("there is no such file", path=path, hint=home_hint(path))
    return path
