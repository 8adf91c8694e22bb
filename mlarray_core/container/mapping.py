"""Files opened for reading: regular ones only, mapped so that they stay what they were."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import sys
import time
from typing import BinaryIO

from mlarray_core.container import frame as frames
from mlarray_core.errors import CorruptError, NotFoundError, ReadError

try:
    import fcntl
except ImportError:  # Windows has no advisory locks of this kind
    fcntl = None  # type: ignore[assignment]

_NORESERVE = 0x4000 if sys.platform == "linux" else 0  # asm-generic/mman.h; in `mmap` from Python 3.13 on


def open_binary(path: str, mode: str = "rb", buffering: int = -1) -> BinaryIO:
    """Open a regular file, with errors that say what is wrong.

    Parameters
    ----------
    path
        Of the file.
    mode, buffering
        As `open` takes them.

    Raises
    ------
    NotFoundError
        There is no such file.
    ReadError
        It is no regular file, or the system refuses.
    """
    try:
        kind = os.stat(path).st_mode
        if not stat.S_ISREG(kind):
            what = "a folder" if stat.S_ISDIR(kind) else "a pipe or a device"
            raise ReadError(f"this is {what}, not a file", path=path)
        return open(path, mode, buffering)  # type: ignore[return-value]
    except FileNotFoundError as error:
        raise NotFoundError("there is no such file", path=path) from error
    except ReadError:
        raise
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise _too_many(path) from error
        cause = getattr(error, "strerror", None) or error
        raise ReadError(f"it can't be opened: {cause}", path=path) from error


Identity = tuple[int, int, int, int, int]
"""Device, inode, size and the times of the last write and change, which nobody can set back."""

_SETTLED = 2_000_000_000
"""Nanoseconds after which a file that is written to again shows another time, on every file system."""


def map_file(path: str) -> tuple[bytes | mmap.mmap, Identity | None]:
    """Return the bytes of a file as a memory map that keeps the header that it has now, and what it is.

    The latter is the same as long as the file is; None for one that was written to just now, whose time might
    not tell.

    An edit in place only appends, and then changes the header. The pages of the header are this map's own, so
    Blosc2, which reads them again and again, goes on seeing the frame that was checked.

    Raises
    ------
    CorruptError
        The file is empty.
    ReadError
        It can't be opened or mapped.
    """
    with open_binary(path, buffering=0) as file:
        known = os.fstat(file.fileno())
        if known.st_size == 0:
            raise CorruptError("the file is empty", path=path)
        content = _private_map(file)
        if content is None:
            try:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), None
            except (OSError, ValueError) as error:
                raise ReadError("it can't be mapped into memory", path=path) from error
    size = min(max(0, frames.claimed_header(content)), frames.MAX_HEADER, len(content))
    content[:size] = content[:size]
    if time.time_ns() - max(known.st_mtime_ns, known.st_ctime_ns) < _SETTLED:
        return content, None
    return content, (known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns)


def _private_map(file: BinaryIO) -> mmap.mmap | None:
    """Return a map whose pages can be made its own, None where the system has none or no room for it."""
    if os.name != "posix":
        return None
    flags, access = mmap.MAP_PRIVATE | _NORESERVE, mmap.PROT_READ | mmap.PROT_WRITE
    try:
        return mmap.mmap(file.fileno(), 0, flags, access)
    except (
        OSError,
        ValueError,
    ) as error:  # where no more memory is promised than there is
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise _too_many(file.name) from error
        return None


def _too_many(path: str) -> ReadError:
    return ReadError(
        "it can't be opened: too many files are open", path=path,
        hint="Close images that aren't needed any more, or raise the limit (ulimit -n)",
    )  # fmt: skip


def forget_pages(content: bytes | memoryview | mmap.mmap) -> None:
    """Take the pages of a map that were read out of this process's memory; reading again brings them back.

    They would count as its memory until the system wants them back. The header's pages, which are the map's
    own, stay.
    """
    if isinstance(content, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        start = -(-frames.MAX_HEADER // mmap.PAGESIZE) * mmap.PAGESIZE
        if start < len(content):
            content.madvise(mmap.MADV_DONTNEED, start)


def lock(file: BinaryIO) -> bool:
    """Take the advisory lock of a file's writer, kept until the file is closed; False when another has it."""
    if fcntl is None:
        return True
    for wait in (0.01, 0.02, 0):  # a reader may be asking just now whether anybody writes
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(wait)
        else:
            return True
    return False


def being_written(path: str) -> bool:
    """Whether an image somewhere has the file open for editing in place."""
    if fcntl is None:
        return False
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
