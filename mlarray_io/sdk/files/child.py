"""Reads with a library that a hostile file can crash or hang: in a process of its own, with limits.

The process calls one function and hands back a dict and, if wanted, the bytes of voxels, which are kept in a
file without a name that vanishes with the last process that has it open. Whatever the library prints goes
nowhere.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, LimitError, MLArrayError
from mlarray_io.sdk.context import Context
from mlarray_io.sdk.files.child_process import ChildProcess, function_named, metadata_seconds
from mlarray_io.sdk.files.explained import explained
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from mlarray_core import Meta
    from mlarray_io.sdk.files.raw_data import RawData
    from mlarray_io.sdk.format import Box

_PIECE = 1 << 20
_MORE = 64 << 20
"""Bytes that a function may hand back beyond what was expected, before it is stopped."""


class ChildBytes:
    """What a process handed back: `header`, and bytes to be read by offset.

    Parameters
    ----------
    path
        What it read, for errors.
    file
        Holds the bytes.
    header
        The dict that it answered with.
    """

    forward = False

    def __init__(self, path: Path, file: IO[bytes], header: dict[str, Any]) -> None:
        self.path, self._file, self.header = path, file, header
        self.limit = file.seek(0, os.SEEK_END)

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on."""
        self._file.seek(offset)
        return self._file.read(count)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on.

        Raises
        ------
        CorruptError
            There are fewer bytes than the header promised.
        """
        self._file.seek(offset)
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
    suffix, libraries
        See `call_child`.
    """

    def __init__(
        self,
        path: Path,
        function: str,
        raw: RawData,
        meta: Meta,
        suffix: str = "",
        libraries: Sequence[str] = (),
    ) -> None:
        self._path, self._function, self._raw, self._suffix = path, function, raw, suffix
        self._libraries = libraries
        self.shape, self.dtype, self.meta = raw.shape, raw.dtype, meta
        self._file: ChildBytes | None = None

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        from mlarray_io.sdk.files.raw_data import check_size, read_box

        if self._file is None:
            self._file = call_child(
                self._function, self._path, self._raw.nbytes, self._suffix, self._libraries
            )
            check_size(self._raw, self._file, Context())
        return read_box(self._file, self._raw, box)

    def close(self) -> None:
        """Forget the voxels."""
        if self._file is not None:
            self._file.close()
            self._file = None


def ask_child(function: str, path: Path, suffix: str = "", libraries: Sequence[str] = ()) -> dict[str, Any]:
    """Return the dict that a function makes of a file, in another process; see `call_child`.

    Parameters
    ----------
    function
        ``module:name``, which yields one dict.
    path
        The file, its only argument.
    suffix
        What the name of the file has to end in for the library.
    libraries
        Modules that the function needs.
    """
    answer = call_child(function, path, suffix=suffix, libraries=libraries)
    answer.close()
    return answer.header


def call_child(
    function: str, path: Path, nbytes: int = 0, suffix: str = "", libraries: Sequence[str] = ()
) -> ChildBytes:
    """Call a function of a module on a file, in another process.

    Parameters
    ----------
    function
        ``package.module:function``, a generator: it is given the path as text, and yields a dict that JSON
        can hold, then buffers.
    path
        The file to read.
    nbytes
        How many bytes of voxels are expected; sets the limits of memory, time and size.
    suffix
        What the library knows the format by; a file whose name ends otherwise is given it as a link.
    libraries
        Modules that the function needs, loaded once for many files.

    Raises
    ------
    CorruptError
        The library refused the file, crashed or didn't end in time.
    LimitError
        It needed more memory than the image explains.
    """
    out = tempfile.TemporaryFile()  # noqa: SIM115  closed by ChildBytes
    process = ChildProcess(path, [function.partition(":")[0], *libraries])

    def take(fill: Callable[[memoryview], None], size: int) -> None:
        if out.tell() + size > nbytes + _MORE:
            raise LimitError("its library hands back more voxels than its header describes", path=path)
        buffer = memoryview(bytearray(min(size, _PIECE)))
        while size:
            part = buffer[: min(size, len(buffer))]
            fill(part)
            out.write(part)
            size -= len(part)

    try:
        with _named(path, suffix) as named:
            header = process.ask(
                "mlarray_io.sdk.files.child:answer", function, os.path.abspath(named),
                nbytes=nbytes, seconds=metadata_seconds(path), take=take,
            )  # fmt: skip
        return ChildBytes(path, out, header)
    except BaseException:
        out.close()
        raise
    finally:
        process.close()


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


def answer(function: str, path: str) -> Iterator[Any]:
    """Yield what a function yields, with its library's errors explained. Runs in the other process.

    Parameters
    ----------
    function
        ``module:name``.
    path
        Its argument.

    Raises
    ------
    MLArrayError
        Whatever the library raises.
    """
    try:
        with explained():
            yield from function_named(function)(path)
    except MLArrayError as error:
        error.path = None  # it may be a link's, made for the library
        raise
