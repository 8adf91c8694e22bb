"""Opening files: a path or a URL becomes the checked `Contents` of a frame, or only its metadata."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, TypeVar

from mlarray_core.container import frame as frames
from mlarray_core.container import seal
from mlarray_core.container.chunk_index import ChunkIndex
from mlarray_core.container.contents import Contents, warn_edited
from mlarray_core.container.mapping import map_file, open_binary
from mlarray_core.container.stored_meta import meta_of, read_mapping, stored_metadata
from mlarray_core.errors import CorruptError, about
from mlarray_core.url_text import is_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlarray_core.meta import Meta

    _State = tuple[bytes, int]
    """The first bytes of a file, and how many it has: a commit changes the latter, then the former."""
    _Seen = Callable[[_State], None]

_Result = TypeVar("_Result")


def open_contents(path: str, verify: str = "touch") -> Contents:
    """Return a file's frame in a memory map, as it is now: later edits in place don't show.

    Of a URL only header and trailer are fetched, and chunks when they are read.

    Raises
    ------
    CorruptError
        It is damaged.
    ReadError
        It can't be opened, or is no regular file.
    """
    if is_url(path):
        from mlarray_core.container.remote import open_remote

        return open_remote(path, verify)

    def mapped(seen: _Seen) -> Contents:
        content, identity = map_file(path)
        seen((content[: frames.MIN_HEADER], len(content)))
        return Contents(content, path, verify, identity)

    return _settled(path, mapped)


def load_contents(path: str, verify: str = "touch") -> Contents:
    """Return a file's frame in memory. Errors are those of `open_contents`."""

    def load(seen: _Seen) -> Contents:
        with open_binary(path) as file:
            content = file.read()
        seen((content[: frames.MIN_HEADER], len(content)))
        return Contents(content, path, verify)

    return _settled(path, load)


def _settled(path: str, attempt: Callable[[_Seen], _Result]) -> _Result:
    """Try again when a failed attempt may have met another process in the moment of a commit.

    Parameters
    ----------
    path
        Of the file.
    attempt
        What is tried; it gives what it sees of the file to the function that it is given.
    """
    for _ in range(5):
        seen: list[_State] = []
        try:
            return attempt(seen.append)
        except CorruptError:
            if not seen or _state_of(path) == seen[0]:
                raise
    return attempt(seen.append)


def glance(path: str, word: bytes) -> tuple[tuple[int, ...], bool]:
    """Return the shape of the array in a file, and whether its metadata hold a word. Little is checked.

    Parameters
    ----------
    path
        Of the file.
    word
        Looked for in the first MB of the metadata, as they are stored.

    Raises
    ------
    CorruptError
        It is no frame, or one cut short.
    ReadError
        It can't be opened.
    """
    with open_binary(path, buffering=0) as file:

        def read(at: int, count: int) -> bytes:
            return os.pread(file.fileno(), count, at)

        frame = frames.parse(read, os.fstat(file.fileno()).st_size, path)
        with about(path):
            stored = stored_metadata(read, frame)
    if not isinstance(stored, bytes):
        return frame.shape, False
    try:
        text = zlib.decompressobj(31).decompress(stored, 1 << 20)
    except zlib.error:
        return frame.shape, False
    return frame.shape, word in text


def _state_of(path: str) -> _State:
    with open_binary(path) as file:
        return file.read(frames.MIN_HEADER), os.fstat(file.fileno()).st_size


def read_meta(path: str | os.PathLike[str]) -> tuple[Meta, tuple[int, ...], str]:
    """Return metadata, shape and dtype of a `.mla` file from its header and trailer, checked by its seal.

    Neither Blosc2 nor voxels are touched.
    """
    name = os.fspath(path)
    return _settled(name, lambda seen: _read_meta(name, seen))


def _read_meta(path: str, seen: _Seen) -> tuple[Meta, tuple[int, ...], str]:
    with open_binary(path) as file:

        def read(at: int, count: int) -> bytes:
            file.seek(at)
            return file.read(count)

        size = os.fstat(file.fileno()).st_size
        seen((read(0, frames.MIN_HEADER), size))
        frame = frames.parse(read, size, path)
        with about(path):
            ChunkIndex(read, frame, path)
            state, _ = seal.read_seal(read, frame)
        if state is seal.State.EDITED:
            warn_edited(path)
        return meta_of(read_mapping(read, frame, path), frame.shape, path), frame.shape, frame.dtype
