"""Images at a URL, read lazily through Blosc2's own fsspec support."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import codec
from mlarray_core import frame as frames
from mlarray_core.container import read_metadata
from mlarray_core.errors import CorruptError, MissingDependencyError, MLArrayError, ReadError
from mlarray_core.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_core.indexing import Box
    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]


class RemoteStorage(Storage):
    """Voxels of a frame at a URL; each read fetches the chunks that it needs.

    Parameters
    ----------
    url
        Where it is.
    frame
        What its header and trailer say, checked.
    """

    def __init__(self, url: str, frame: frames.Frame) -> None:
        self.url = url
        dtype = codec.dtype_of(frame.dtype, frame.typesize)
        self.grid = codec.Grid(frame.shape, frame.chunks, frame.blocks, dtype)
        self.shape, self.dtype = frame.shape, dtype
        self._array = codec.open_remote(url)

    def read(self, box: Box, out: Array | None = None) -> Array:
        """Fetch and return the voxels of `box`."""
        try:
            voxels = np.asarray(self._array[box], self.dtype)
        except (RuntimeError, ValueError, OSError) as error:
            raise ReadError(f"voxels can't be fetched: {error}", path=self.url) from error
        if out is None:
            return voxels
        np.copyto(out, voxels)
        return out

    def chunk(self, number: int) -> bytes | None:
        """Fetch one encoded chunk."""
        try:
            return bytes(self._array.get_chunk(number))
        except (RuntimeError, ValueError, OSError) as error:
            raise ReadError(f"voxels can't be fetched: {error}", path=self.url) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._array = None


def open_remote(url: str) -> tuple[Meta, RemoteStorage]:
    """Open a `.mla` file at a URL: its header and trailer are fetched and checked, voxels when asked for.

    Raises
    ------
    MissingDependencyError
        fsspec, or what it needs for this protocol, is not installed.
    ReadError
        There is nothing at the URL, or it can't be fetched.
    """
    with _opened(url) as file:
        size = file.seek(0, 2)

        def read(at: int, count: int) -> bytes:
            file.seek(at)
            return bytes(file.read(count))

        frame = frames.parse(read, size, url)
        meta = read_metadata(read, frame, url)
        return meta, RemoteStorage(url, frame)


def fetch(url: str) -> bytes:
    """Return all bytes of a file at a URL. Raises as `open_remote` does."""
    with _opened(url) as file:
        return bytes(file.read())


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    """Open a URL, with errors that say what is wrong."""
    try:
        import fsspec
    except ImportError as error:
        raise MissingDependencyError(
            "reading from a URL needs fsspec", path=url, hint="Install it with: pip install 'mlarray[remote]'"
        ) from error
    try:
        with fsspec.open(url, "rb") as file:
            yield file
    except MLArrayError:
        raise
    except ImportError as error:
        raise MissingDependencyError(f"this protocol needs another package: {error}", path=url) from error
    except FileNotFoundError as error:
        raise ReadError("there is nothing at this URL", path=url) from error
    except (OSError, ValueError) as error:
        raise ReadError(f"it can't be opened: {error}", path=url) from error
    except RuntimeError as error:
        raise CorruptError(f"it can't be opened: {error}", path=url) from error
