"""Files that are read beside images: lists of sources, journals, tables. Regular ones only, up to a size."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO, cast

from mlarray_core.errors import LimitError, ReadError

if TYPE_CHECKING:
    from pathlib import Path


def open_regular(path: Path, flags: int = os.O_RDONLY, *, follow: bool = True) -> BinaryIO:
    """Open a regular file, without waiting for the other end of anything that isn't one.

    Parameters
    ----------
    path
        The file.
    flags
        As for `os.open`; ``os.O_RDWR | os.O_CREAT | os.O_APPEND`` opens a journal.
    follow
        Follow a link in its last part.

    Returns
    -------
    file
        Unbuffered and binary.

    Raises
    ------
    ReadError
        It is a folder, a pipe, a device, or a link that isn't followed or leads nowhere.
    OSError
        The operating system refuses otherwise.
    """
    if path.is_symlink() and (not follow or not path.exists()):
        what = "is a link that leads nowhere" if not path.exists() else "is a link"
        raise ReadError(what, path=path, hint="Remove it, or put a file in its place")
    if path.is_dir():
        raise ReadError("is a folder, expected a file", path=path, hint="Remove it, or name a file")
    more = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    more |= 0 if follow else getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags | more, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ReadError("is no regular file", path=path, hint="Remove it, or name a file")
    return cast("BinaryIO", os.fdopen(handle, "ab+" if flags & os.O_APPEND else "rb", buffering=0))


def read_text(path: Path, most: int) -> str:
    """Return the text of a file, UTF-8.

    Parameters
    ----------
    path
        The file.
    most
        Bytes that it may have.

    Raises
    ------
    ReadError
        It is no regular file, can't be read, or isn't text.
    LimitError
        It is larger.
    """
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > most:
                raise LimitError(f"has over {most:,} bytes, too many for such a file", path=path)
            return file.read(most + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError("is no text in UTF-8", path=path) from error
    except OSError as error:
        raise ReadError(f"can't be read: {error.strerror or error}", path=path) from error
