"""Turns whatever a plugin raises into an error that names the file, the format and what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlarray_core.disk import write_error
from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MissingDependencyError,
    MLArrayError,
    NotFoundError,
    PluginError,
    ReadError,
    UnsupportedError,
)
from mlarray_io.sdk.format import Box, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np

    from mlarray_io.sdk.source import Source


@contextmanager
def reading(source: Source, format: str) -> Iterator[None]:
    """Guard code of the format called `format` that reads `source`.

    Raises
    ------
    MLArrayError
        For whatever the code raises: the same error with the file's name, or what the error means.
    """
    try:
        yield
    except MLArrayError as error:
        error.name_path(str(source.where))
        _name_url(error, source)
        raise
    except OSError as error:
        raise _name_url(_read_error(error, source.where, format), source) from _cause(error, source)
    except Exception as error:
        raise _name_url(_explained(error, source.where, format), source) from _cause(error, source)
    except BaseException as error:
        if (
            type(error).__name__ != "PanicException"
        ):  # a codec written in Rust gave up: no Exception, by PyO3's rule
            raise
        panic = RuntimeError(str(error))
        raise _name_url(_damaged(panic, source.where), source) from _cause(panic, source)


def _cause(error: Exception, source: Source) -> Exception | None:
    """Return an error for a traceback, None where it may hold the secrets of a URL."""
    return error if source.url is None else None


def _name_url(error: MLArrayError, source: Source) -> MLArrayError:
    """Name the URL that a source was fetched from, instead of the copy."""
    if source.where == source.path or source.url is not None:
        return error
    copy, url = str(source.path), str(source.where)
    if isinstance(error, NotFoundError):
        error.hint = "Only this file was fetched, and those named after it: give the URL of the folder"
    for name in ("message", "path", "field", "hint"):
        text = getattr(error, name)
        setattr(error, name, text and text.replace(copy, url).replace(str(source.path.parent), _above(url)))
    error.args = (error.message,)
    return error


def _above(url: str) -> str:
    return url.rstrip("/").rpartition("/")[0]


@contextmanager
def writing(path: Path | str, format: str) -> Iterator[None]:
    """Guard code of the format called `format` that writes what will be `path`, which it doesn't touch.

    Raises
    ------
    MLArrayError
        For whatever the code raises: the same error with the file's name, or what the error means.
    """
    try:
        yield
    except MLArrayError as error:
        error.name_path(path)
        raise
    except OSError as error:
        if error.errno is None:
            raise _unexplained(error, path, format) from error
        raise write_error(error, path, unchanged=True) from error
    except Exception as error:
        if _is_damage(error):
            raise _unexplained(error, path, format) from error
        raise _explained(error, path, format) from error


class GuardedReader(Reader):
    """A reader of a plugin, checked: its errors are explained, and it returns what it promised.

    Parameters
    ----------
    reader
        The plugin's.
    source
        What it reads.
    format
        Name of the format.
    on_read
        Called with the number of bytes of each box that was read.

    Raises
    ------
    PluginError
        The plugin promised one thing and gave another: chunks, a shape or a type.
    """

    def __init__(
        self, reader: Reader, source: Source, format: str, on_read: Callable[[int], None] | None = None
    ) -> None:
        self._reader, self._source, self._format, self._on_read = reader, source, format, on_read
        self.shape, self.dtype = tuple(int(size) for size in reader.shape), reader.dtype
        self.meta, self.chunks, self.stored = reader.meta, reader.chunks, reader.stored
        self.levels = [GuardedReader(level, source, format) for level in reader.levels]
        if self.chunks is not None and len(self.chunks) != len(self.shape):
            what = f"the format {format} gave chunks {self.chunks} for {self.shape}"
            raise PluginError(what, path=source.where)

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        with reading(self._source, self._format):
            voxels = self._reader[box]
        expected = tuple(one.stop - one.start for one in box)
        if voxels.shape != expected or voxels.dtype != self.dtype:
            raise PluginError(
                f"the format {self._format} returned {voxels.shape} {voxels.dtype} "
                f"where {expected} {self.dtype} was asked for",
                path=self._source.where,
            )
        if self._on_read is not None:
            self._on_read(voxels.nbytes)
        return voxels

    def close(self) -> None:
        """Close the plugin's reader."""
        with reading(self._source, self._format):
            self._reader.close()


def _read_error(error: OSError, path: Path | str, format: str) -> MLArrayError:
    if isinstance(error, FileNotFoundError):
        lost = error.filename or path
        return NotFoundError("a file that belongs to it is missing", path=path, field=str(lost))
    if error.errno is None:  # libraries use OSError for damaged content too
        return _damaged(error, path)
    return ReadError(f"can't be read: {error.strerror or error}", path=path)


def _explained(error: Exception, path: Path | str, format: str) -> MLArrayError:
    if isinstance(error, MemoryError):
        return LimitError("there is not enough memory for it", path=path, hint=_brief(error) or None)
    if isinstance(error, ImportError):
        return MissingDependencyError(
            f"the format {format} can't load its library: {_brief(error)}", path=path
        )
    if isinstance(error, NotImplementedError):
        return UnsupportedError(f"the format {format} can't do this: {_brief(error)}", path=path)
    if isinstance(error, RecursionError):
        return CorruptError("its content is nested too deeply", path=path)
    if _is_damage(error):
        return _damaged(error, path)
    return _unexplained(error, path, format)


def _is_damage(error: Exception) -> bool:
    import lzma
    import struct
    import zipfile
    import zlib

    packed = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
    return isinstance(error, (*packed, struct.error, UnicodeError, RecursionError))


def _damaged(error: Exception, path: Path | str) -> CorruptError:
    return CorruptError(
        f"the file is damaged or cut short ({type(error).__name__}: {_brief(error)})",
        path=path,
        hint="Fetch or export it again",
    )


def _unexplained(error: Exception, path: Path | str, format: str) -> PluginError:
    return PluginError(
        f"the format {format} failed ({type(error).__name__}: {_brief(error)})",
        path=path,
        hint="The file breaks the format's rules, or the plugin has a bug ('mlarray formats' names it)",
    )


def _brief(error: Exception) -> str:
    """One line of at most 200 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:199]}…"
