"""Reads with a library that a hostile file can crash or hang: in a process of its own, with limits.

The process calls one function and hands back a dict and, if wanted, the bytes of voxels, by a file without a
name that vanishes with the last process that has it open. Whatever the library prints goes nowhere.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MissingDependencyError,
    MLArrayError,
    UnsupportedError,
)
from mlarray_io.sdk.context import Context
from mlarray_io.sdk.files.python_process import python_command, python_environment
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mlarray_core import Meta
    from mlarray_io.sdk.files.raw_data import RawData
    from mlarray_io.sdk.format import Box

BASE_MEMORY = 4 << 30
"""Bytes of address space that a library may take besides the voxels; most of it is never touched."""

SECONDS = 60
BYTES_A_SECOND = 20 << 20
"""What the slowest reader manages, for the time limit of large images."""

_LENGTH = struct.Struct("<Q")
_ERRORS = {"limit": LimitError, "missing": MissingDependencyError, "unsupported": UnsupportedError}


_CUT = re.compile(r"(?i)\b(eof|end|ends|short|shorter|truncated?|enough|missing|bytes|buffer|size)\b")
"""What a library says of a file that may have been cut short; only then asking for a whole copy helps."""


class ChildBytes:
    """What a process handed back: `header`, and bytes to be read by offset."""

    forward = False

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self._file = path, file
        file.seek(0)
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        self.header: dict[str, Any] = json.loads(file.read(length))
        self._start = _LENGTH.size + length
        self.limit = file.seek(0, os.SEEK_END) - self._start

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on."""
        self._file.seek(self._start + offset)
        return self._file.read(count)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on.

        Raises
        ------
        CorruptError
            There are fewer bytes than the header promised.
        """
        self._file.seek(self._start + offset)
        if self._file.readinto(target) != len(target):  # type: ignore[attr-defined]
            raise CorruptError("holds fewer voxels than its header describes", path=self.path)

    def finish(self) -> None:
        """Do nothing: the library has read it all."""

    def close(self) -> None:
        """Let the file vanish."""
        self._file.close()


class ChildReader(Reader):
    """One open image. Another process reads it whole, into a nameless file, when the first box is asked for.

    Parameters
    ----------
    path
        The file.
    function
        Hands back the voxels, slowest axis first; see `call_child`.
    raw
        How they will lie.
    meta
        The metadata.
    suffix
        See `call_child`.
    """

    def __init__(self, path: Path, function: str, raw: RawData, meta: Meta, suffix: str = "") -> None:
        self._path, self._function, self._raw, self._suffix = path, function, raw, suffix
        self.shape, self.dtype, self.meta = raw.shape, raw.dtype, meta
        self._file: ChildBytes | None = None

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        from mlarray_io.sdk.files.raw_data import check_size, read_box

        if self._file is None:
            self._file = call_child(self._function, self._path, self._raw.nbytes, self._suffix)
            check_size(self._raw, self._file, Context())
        return read_box(self._file, self._raw, box)

    def close(self) -> None:
        """Forget the voxels."""
        if self._file is not None:
            self._file.close()
            self._file = None


def ask_child(function: str, path: Path, suffix: str = "") -> dict[str, Any]:
    """Return the dict that a function makes of a file, in another process; see `call_child`.

    Parameters
    ----------
    function
        ``module:name``, which yields one dict.
    path
        The file, its only argument.
    suffix
        What the name of the file has to end in for the library.
    """
    answer = call_child(function, path, suffix=suffix)
    answer.close()
    return answer.header


def call_child(function: str, path: Path, nbytes: int = 0, suffix: str = "") -> ChildBytes:
    """Call a function of a module on a file, in another process.

    Parameters
    ----------
    function
        ``package.module:function``. It is given the path as text and a function to write bytes with, which it
        may call after it has returned its dict; so it is a generator that yields the dict first.
    path
        The file to read.
    nbytes
        How many bytes of voxels are expected; sets the limits of memory, time and size.
    suffix
        What the library knows the format by; a file whose name ends otherwise is given it as a link.

    Raises
    ------
    CorruptError
        The library refused the file, crashed or didn't end in time.
    LimitError
        It needed more memory than the image explains.
    """
    out = tempfile.TemporaryFile()  # noqa: SIM115  closed by ChildBytes
    seconds = SECONDS + nbytes // BYTES_A_SECOND
    try:
        with _named(path, suffix) as named:
            code = _run([function, os.fspath(named), str(nbytes), str(seconds)], path, out, seconds + 10)
        if code:
            raise _crash(code, path)
        answer = ChildBytes(path, out)
    except subprocess.TimeoutExpired as error:
        out.close()
        raise CorruptError(f"reading it didn't end within {seconds} seconds", path=path) from error
    except BaseException:
        out.close()
        raise
    said = answer.header.get("error")
    if said is None:
        return answer
    answer.close()
    kind = _ERRORS.get(answer.header["kind"], CorruptError)
    cut = kind is CorruptError and _CUT.search(said)
    raise kind(said, path=path, hint="Was it copied whole?" if cut else None)


@contextmanager
def _named(path: Path, suffix: str) -> Iterator[Path]:
    """Yield a name of the file that ends in `suffix`: its own, or that of a link in a folder of its own."""
    if path.name.endswith(suffix):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"image{suffix}"
        link.symlink_to(path.resolve())
        yield link


def _run(arguments: list[str], path: Path, out: IO[bytes], seconds: int) -> int:
    return subprocess.run(
        python_command("mlarray_io.sdk.files.child", arguments, [os.path.realpath(path)]),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.DEVNULL,
        env=python_environment(),
        timeout=seconds,
        check=False,
    ).returncode


def _crash(code: int, path: Path) -> CorruptError:
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
    return CorruptError(
        f"the library that reads it crashed on it ({name})", path=path, hint="The file is damaged or hostile"
    )


def _limit(nbytes: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    memory = BASE_MEMORY + 4 * nbytes
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, nbytes + (64 << 20)),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _answer(function: str, path: str, out: IO[bytes]) -> None:
    """Call the function and write what it yields: a dict, then pieces of bytes."""
    module, _, name = function.partition(":")
    pieces = iter(getattr(importlib.import_module(module), name)(path))
    _put_header(out, next(pieces))
    for piece in pieces:
        out.write(piece)


def _put_header(out: IO[bytes], header: dict[str, Any]) -> None:
    content = json.dumps(header).encode()
    out.seek(0)
    out.truncate()
    out.write(_LENGTH.pack(len(content)) + content)


def _kind(error: Exception) -> str:
    if isinstance(error, MemoryError) or "bad_alloc" in str(error) or "allocate" in str(error).lower():
        return "limit"
    if isinstance(error, UnsupportedError):
        return "unsupported"
    return "missing" if isinstance(error, ImportError) else "corrupt"


def main(function: str, path: str, nbytes: str, seconds: str) -> None:
    """Run in the child; what the library prints goes to standard error, as standard output is for the answer.

    Parameters
    ----------
    function
        ``module:name`` of what is called.
    path
        The file.
    nbytes
        Memory that the process may use for the answer.
    seconds
        Processor time that it may use.
    """
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(int(nbytes), int(seconds))
    try:
        _answer(function, path, out)
    except Exception as error:
        text = " ".join(str(error).split())
        said = f"its library can't read it: {text[-300:] or type(error).__name__}"
        if isinstance(error, MLArrayError):
            said = error.message
        _put_header(out, {"error": said, "kind": _kind(error)})
    out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
