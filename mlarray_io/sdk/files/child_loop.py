"""What runs in the other process: it answers questions until there are no more, each within limits.

A question names a function ``package.module:name`` and its arguments. The function is a generator: it yields
a dict that JSON can hold, then buffers, in any number. What it raises goes back as text.
"""

from __future__ import annotations

import json
import os
import pickle
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from mlarray_core.errors import LimitError
from mlarray_io.sdk.files.child_process import LARGEST_HEADER, LENGTH, error_text, fill, function_named

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE_MEMORY = 768 << 20
"""Bytes that a library may take besides what the voxels explain, and what loading it took."""
BASE_SPACE = 8 << 30
"""Bytes of address space that it may reserve besides; most of it is never touched."""
SHARE = 4
"""How often the voxels of a question may be in memory: stored, unpacked, converted, handed back."""


def answer_all(questions: int, answers: int) -> None:
    """Answer what comes by one pipe on another, until the first is closed.

    Parameters
    ----------
    questions, answers
        File descriptors.
    """
    with open(questions, "rb", 0) as asked, open(answers, "wb", 0) as told:
        _answer_all(asked, told)


def _answer_all(asked: IO[bytes], told: IO[bytes]) -> None:
    size, space = _now("VmData"), _now("VmSize")
    head = bytearray(LENGTH.size)
    while True:
        try:
            fill(asked, memoryview(head))
        except EOFError:
            return
        content = bytearray(LENGTH.unpack(head)[0])
        fill(asked, memoryview(content))
        function, arguments, seconds, nbytes = pickle.loads(content)
        _limit(seconds, size + BASE_MEMORY + SHARE * nbytes, space + BASE_SPACE + SHARE * nbytes)
        try:
            _answer(function, arguments, told)
        except BrokenPipeError:
            return


def _answer(function: str, arguments: tuple[object, ...], told: IO[bytes]) -> None:
    """Call the function and write what it yields; what it raises comes last."""
    header: dict[str, Any] = {}
    status: dict[str, Any] = {}
    pieces: Iterator[Any] = iter(())
    try:
        pieces = iter(function_named(function)(*arguments))
        content = json.dumps(next(pieces)).encode()
        if len(content) > LARGEST_HEADER:
            raise LimitError(f"its metadata take {len(content):,} bytes")
    except Exception as error:
        content, pieces = json.dumps(header).encode(), iter(())
        status = {"error": error_text(error)}
    _write(told, LENGTH.pack(len(content)), content)
    try:
        for piece in pieces:
            plain = memoryview(piece).cast("B")
            if plain:
                _write(told, LENGTH.pack(len(plain)), plain)
    except BrokenPipeError:
        raise
    except Exception as error:
        status = {"error": error_text(error)}
    content = json.dumps(status).encode()
    _write(told, LENGTH.pack(0), LENGTH.pack(len(content)), content)


def _write(stream: IO[bytes], *contents: bytes | memoryview) -> None:
    for content in contents:
        left = memoryview(content)
        while left:
            left = left[stream.write(left) :]


def _limit(seconds: int, memory: int, space: int) -> None:
    """Set the limits of one question; the processor time is counted from now."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    for what, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        with suppress(ValueError, OSError):  # some systems have a limit by name only
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _now(field: str) -> int:
    """Return a size of this process in bytes (proc(5)), 0 where the system doesn't say it."""
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next((int(line.split()[1]) << 10 for line in status if line.startswith(field)), 0)
    except OSError:
        return 0


def _streams() -> tuple[int, int]:
    """Return what were standard input and output; whatever a library prints goes to standard error."""
    streams = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return streams


if __name__ == "__main__":
    answer_all(*_streams())
