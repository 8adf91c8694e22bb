"""A process in which a library reads a file that may crash it, hang it or make it fill the memory.

It is asked one question after the other: the name of a function and its arguments go to it as a pickle, and
a dict of JSON and bytes come back, never a pickle. Each question has a limit of processor time, of memory and
of time on the clock; a process that breaks one is gone, and what it was asked ends in an error that says so.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import pickle
import signal
import struct
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlarray_core import errors
from mlarray_core.errors import CorruptError, LimitError, MLArrayError
from mlarray_io.sdk.files.child_start import start_child

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import IO

SECONDS = 8
"""Processor time for what needs no voxels, in a small file: what takes longer there doesn't end."""
BYTES_A_SECOND = 20 << 20
"""What the slowest reader manages, for the time limits of large images."""
METADATA_A_SECOND = 1 << 20
"""Bytes of file for which a second more is given to read metadata, up to `LONGEST`."""
LONGEST = 600
WAITING = 60
"""Seconds on the clock that a process may wait, for a disk or a busy machine, before it counts as hung."""
LARGEST_HEADER = 64 << 20
"""Bytes of JSON that an answer may have."""

LENGTH = struct.Struct("<Q")
"""Comes before every piece of what goes either way. An answer is a header, pieces of bytes, an empty piece,
and a second header that says how it ended."""

_CPU = getattr(signal, "SIGXCPU", None)


def function_named(function: str) -> Callable[..., Any]:
    """Return the function that is called ``package.module:name``."""
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


class ChildProcess:
    """A process that answers questions about one file, until it is closed.

    Parameters
    ----------
    path
        The file: named in errors, and the folder that the process imports nothing from.
    libraries
        Modules that the functions need, loaded once for all processes.
    """

    def __init__(self, path: Path, libraries: Sequence[str] = ()) -> None:
        self.path = path
        self._started = start_child(os.path.realpath(path), libraries)
        self._expired = False
        self._finalizer = weakref.finalize(self, self._started.end)

    @property
    def alive(self) -> bool:
        """Whether it can be asked: not after `close` or an error, and only by the process that started it."""
        return self._finalizer.alive and self._started.owner == os.getpid()

    def ask(
        self,
        function: str,
        *arguments: object,
        nbytes: int = 0,
        seconds: int = 0,
        take: Callable[[Callable[[memoryview], None], int], None] | None = None,
    ) -> dict[str, Any]:
        """Have a function called, and return the dict that it answers with.

        Parameters
        ----------
        function
            ``package.module:name``; see `mlarray_io.sdk.files.child_loop`.
        *arguments
            What it is given.
        nbytes
            Bytes of voxels that it needs or answers with; sets the limits of memory and time.
        seconds
            Processor time beyond what that allows.
        take
            Called for each piece of bytes with a function that fills a buffer of its size, and that size.

        Raises
        ------
        MLArrayError
            What the function raised.
        CorruptError
            It crashed or didn't end in time.
        LimitError
            It needed more memory than the image explains.
        """
        allowed = SECONDS + seconds + nbytes // BYTES_A_SECOND
        question = pickle.dumps((function, arguments, allowed, nbytes))
        timer = threading.Timer(WAITING + 2 * allowed, self._expire)
        timer.daemon = True
        timer.start()
        try:
            self._write(LENGTH.pack(len(question)) + question)
            header = self._header()
            for size in iter(self._size, 0):
                self._piece(size, take)
            status = self._header()
        except (EOFError, BrokenPipeError, ConnectionError):
            raise self._death(allowed) from None
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
        for said in (header, status):
            if "error" in said:
                raise _raised(said["error"], self.path)
        return header

    def close(self) -> None:
        """End the process. Twice is harmless."""
        self._finalizer()

    def _expire(self) -> None:
        self._expired = True
        self._started.kill()

    def _death(self, allowed: int) -> MLArrayError:
        """Return what to say of a process that is gone."""
        code = self._finalizer()
        if self._expired or (_CPU is not None and code == -_CPU):
            return CorruptError(
                f"reading it didn't end within {allowed} seconds of processor time",
                path=self.path,
                hint="The file is damaged or hostile, or the machine overloaded",
            )
        name = f"exit code {code}"
        if code is not None and code < 0:
            with suppress(ValueError):
                name = signal.Signals(-code).name
        return CorruptError(
            f"the library that reads it crashed on it ({name})",
            path=self.path,
            hint="The file is damaged or hostile",
        )

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            left = left[self._started.questions.write(left) :]

    def _fill(self, target: memoryview) -> None:
        fill(self._started.answers, target)

    def _size(self) -> int:
        head = bytearray(LENGTH.size)
        self._fill(memoryview(head))
        return int(LENGTH.unpack(head)[0])

    def _header(self) -> dict[str, Any]:
        size = self._size()
        if size > LARGEST_HEADER:
            raise LimitError(f"its metadata take {size:,} bytes", path=self.path)
        content = bytearray(size)
        self._fill(memoryview(content))
        header = json.loads(bytes(content))
        if not isinstance(header, dict):
            raise CorruptError("its library's answer makes no sense", path=self.path)
        return header

    def _piece(self, size: int, take: Callable[[Callable[[memoryview], None], int], None] | None) -> None:
        if take is None:
            raise CorruptError("its library answers with voxels that nobody asked for", path=self.path)
        take(self._fill, size)


def metadata_seconds(path: Path) -> int:
    """Return the processor time that a large file's metadata may take, beyond that of a small one's."""
    try:
        size = path.stat().st_size
    except OSError:
        return 0
    return min(LONGEST, size // METADATA_A_SECOND)


def fill(stream: IO[bytes], target: memoryview) -> None:
    """Fill a buffer from an unbuffered stream.

    Raises
    ------
    EOFError
        The other side is gone.
    """
    while target:
        count = stream.readinto(target)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        target = target[count:]


def error_text(error: Exception) -> dict[str, Any]:
    """Return what is told of an error to the process that asked; `_raised` makes an error of it again."""
    said: dict[str, Any] = {"kind": type(error).__name__, "text": " ".join(str(error).split())[-300:]}
    if isinstance(error, MLArrayError):
        said |= {"text": error.message, "path": error.path, "field": error.field, "hint": error.hint}
    elif isinstance(error, OSError) and error.errno is not None:
        said |= {"errno": error.errno, "strerror": error.strerror, "filename": str(error.filename or "")}
    return said


def _raised(said: dict[str, Any], path: Path) -> Exception:
    """Return the error that a function raised in the other process."""
    kind, text = str(said.get("kind")), str(said.get("text"))
    ours = getattr(errors, kind, None)
    if isinstance(ours, type) and issubclass(ours, MLArrayError):
        where = said.get("path") or path
        if where == os.path.abspath(path):
            where = path
        return ours(text, path=where, field=said.get("field"), hint=said.get("hint"))
    if "errno" in said:
        return OSError(said["errno"], said["strerror"], said["filename"] or None)
    known = getattr(builtins, kind, None)
    if isinstance(known, type) and issubclass(known, Exception) and not issubclass(known, UnicodeError):
        return known(text)
    return RuntimeError(f"{kind}: {text}")
