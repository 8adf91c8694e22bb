"""Formats whose library runs in other processes: what it lists, and readers whose boxes come from there.

The functions of a plugin that list and open images run in the other process as they would in this one. What
they return comes here as JSON: shapes, types, metadata and reports; voxels come as bytes, box by box.
"""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Meta
from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_io.sdk.context import Context
from mlarray_io.sdk.files.child_process import ChildProcess, metadata_seconds
from mlarray_io.sdk.format import ImageRef, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlarray_io.sdk.format import Box

_SERVING = "mlarray_io.sdk.files.serving"
CHUNKS_A_SECOND = 20_000
"""What the slowest library manages, for the time limit of many small chunks."""


def served_images(function: str, path: Path, context: Context, *arguments: object) -> list[ImageRef]:
    """List the images of a file by a function that runs in another process.

    Parameters
    ----------
    function
        ``package.module:name`` of a function of a path, a context and `arguments` that returns what
        `Format.images` does. An image's payload stays in the other process.
    path
        The file.
    context
        Limits, and where what is skipped is reported.
    *arguments
        What else the function is given.

    Raises
    ------
    MLArrayError
        What the function raised, or that its library crashed or didn't end.
    """
    process = ChildProcess(path, [function.partition(":")[0]])
    try:
        said = process.ask(
            f"{_SERVING}:list_images", function, *_given(path, context), arguments,
            seconds=metadata_seconds(path),
        )  # fmt: skip
    finally:
        process.close()
    with _sense(path):
        _report(said["report"], context)
        return [ImageRef(**{**image, "aliases": tuple(image["aliases"])}) for image in said["images"]]


class ServedReader(Reader):
    """An image that another process holds open. It is opened again where that is gone, or after a fork.

    Parameters
    ----------
    source
        The process; the finest level ends it.
    level
        Which of the image's levels this is, 0 for the image itself.
    said
        What the other process says of it.

    Raises
    ------
    ValueError
        It makes no sense.
    """

    def __init__(self, source: _OpenElsewhere, level: int, said: Mapping[str, Any]) -> None:
        self._source, self._level = source, level
        self.shape = tuple(int(size) for size in said["shape"])
        self.dtype = _voxel_type(said["dtype"])
        self.meta = Meta.from_mapping(said["meta"])
        self.chunks = None if said["chunks"] is None else tuple(int(size) for size in said["chunks"])
        self.stored = None if said["stored"] is None else int(said["stored"])
        if min(self.shape, default=1) < 0 or (self.chunks and min(self.chunks) < 1):
            raise ValueError(said["shape"], said["chunks"])

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            reached, chunks = self._reach(box)
            bounds = [(int(part.start), int(part.stop)) for part in box]
            self._source.fill(out, self._level, bounds, nbytes=reached, seconds=chunks // CHUNKS_A_SECOND)
        return out

    def _reach(self, box: Box) -> tuple[int, int]:
        """Return the bytes that are unpacked for a box, and in how many chunks."""
        sizes, count = [], 1
        for part, chunk in zip(box, self.chunks or [1] * len(box), strict=True):
            chunks = -(-part.stop // chunk) - part.start // chunk
            count *= chunks
            sizes.append(chunks * chunk)
        return math.prod(sizes) * self.dtype.itemsize, count if self.chunks else 1

    def close(self) -> None:
        """End the process."""
        if not self._level:
            self._source.close()


def served_reader(function: str, path: Path, context: Context, *arguments: object) -> ServedReader:
    """Open an image by a function that runs in another process, and so does what it returns.

    Parameters
    ----------
    function
        ``package.module:name`` of a function of a path, a context and `arguments` that returns a `Reader`.
    path
        The file.
    context
        Limits, and where losses and warnings are reported.
    *arguments
        What else the function is given.

    Raises
    ------
    MLArrayError
        What the function raised, or that its library crashed or didn't end.
    """
    source = _OpenElsewhere(function, path, context, arguments)
    try:
        said = source.open()
        with _sense(path):
            _report(said["report"], context)
            reader, *levels = (
                ServedReader(source, number, level) for number, level in enumerate(said["levels"])
            )
            reader.levels = levels
    except BaseException:
        source.close()
        raise
    return reader


class _OpenElsewhere:
    """An image that is open in another process, and can be opened there again.

    Parameters
    ----------
    function, path, context, arguments
        See `served_reader`.
    """

    def __init__(self, function: str, path: Path, context: Context, arguments: tuple[object, ...]) -> None:
        self._function, self._path, self._arguments = function, path, arguments
        self._given = _given(path, context)
        self._process: ChildProcess | None = None
        self._lock, self._owner = threading.Lock(), os.getpid()

    def open(self) -> dict[str, Any]:
        """Open it, and return what there is to say of it."""
        self.close()
        self._process = ChildProcess(self._path, [self._function.partition(":")[0]])
        return self._process.ask(
            f"{_SERVING}:open_reader", self._function, *self._given, self._arguments,
            seconds=metadata_seconds(self._path),
        )  # fmt: skip

    def fill(
        self,
        out: np.ndarray[Any, Any],
        level: int,
        bounds: Sequence[tuple[int, int]],
        *,
        nbytes: int,
        seconds: int,
    ) -> None:
        """Fill an array with the voxels of a box.

        Parameters
        ----------
        out
            Of the box's size.
        level
            Whose voxels.
        bounds
            Start and stop along each axis.
        nbytes
            How many bytes the library unpacks for it.
        seconds
            What it may need besides what that explains.

        Raises
        ------
        CorruptError
            There are fewer voxels, or more.
        """
        plain: memoryview = out.reshape(-1).view(np.uint8).data
        filled = 0

        def take(fill: Callable[[memoryview], None], size: int) -> None:
            nonlocal filled
            if filled + size > len(plain):
                raise CorruptError("its library hands back more voxels than were asked for", path=self._path)
            fill(plain[filled : filled + size])
            filled += size

        with self._held():
            if self._process is None or not self._process.alive:
                self.open()
            assert self._process is not None
            self._process.ask(
                f"{_SERVING}:read_box", level, bounds, nbytes=nbytes, seconds=seconds, take=take
            )
        if filled != len(plain):
            raise CorruptError("its library hands back too few voxels", path=self._path)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _held(self) -> threading.Lock:
        """Return the lock; after a fork another one, as the parent's threads may have held it."""
        if self._owner != os.getpid():
            self._lock, self._owner = threading.Lock(), os.getpid()
        return self._lock


def _given(path: Path, context: Context) -> tuple[Path, Context]:
    """Return path and context as the other process is given them: it has another current folder."""
    plain = Context(threads=context.threads, max_bytes=context.max_bytes, raw=context.raw)
    return Path(os.path.abspath(path)), plain


def _report(said: Mapping[str, Any], context: Context) -> None:
    for what, why in said["losses"]:
        context.loss(str(what), str(why))
    for text in said["warnings"]:
        context.warn(str(text))
    for what, why, lost in said["skipped"]:
        context.skip(str(what), str(why), lost=bool(lost))


def _voxel_type(name: str) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(name)
    if dtype.kind not in "biufc":
        raise TypeError(name)
    return dtype


class _sense:  # noqa: N801 - used like a function
    """A ``with`` block in which an answer that makes no sense is the file's damage."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, KeyError | TypeError | ValueError) and not isinstance(error, MLArrayError):
            raise CorruptError("its library's answer makes no sense", path=self._path) from error
