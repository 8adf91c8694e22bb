"""Lists and opens arrays: mapped where they are stored plain, inflated whole where they are compressed."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, SelectionError
from mlarray_io import Box, Context, ImageRef, Reader
from mlarray_io.sdk import bare_meta
from mlarray_mat.layout import Variable, imaginary, variables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_core import Meta
    from mlarray_mat.options import MatOptions


class MatReader(Reader):
    """An array, in the order of memory: MATLAB's last index first.

    Parameters
    ----------
    path
        Of the file.
    variable
        Where in it.
    meta
        The metadata.
    inflated
        The element, where it was compressed.
    """

    def __init__(self, path: Path, variable: Variable, meta: Meta, inflated: bytes | None) -> None:
        self._path, self._variable, self._inflated = path, variable, inflated
        self.shape, self.dtype, self.meta = variable.shape[::-1], np.dtype(variable.type), meta

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if len(self._variable.parts) == 2:
            out.real, out.imag = (self._part(number)[box] for number in range(2))
        else:
            out[...] = self._part(0)[box]
        return out

    def close(self) -> None:
        """Free the memory."""
        self._inflated = None

    def _part(self, number: int) -> np.ndarray[Any, Any]:
        part = self._variable.parts[number]
        if self._inflated is None:
            # mapped anew each time: pages of a mapping that stays count as this process's memory
            return np.memmap(self._path, part.type, "r", part.at, self.shape)
        count = int(np.prod(self.shape))
        return np.frombuffer(self._inflated, part.type, count, part.at).reshape(self.shape)


def list_arrays(path: Path, context: Context) -> Sequence[ImageRef]:
    """List the numeric arrays; of equal names the last holds.

    Raises
    ------
    CorruptError
        The file is damaged.
    """
    found: dict[str, ImageRef] = {}
    with path.open("rb") as file:
        for item in variables(file, path.stat().st_size, path):
            if isinstance(item, Variable) and item.name:
                facts = {"shape": list(item.shape[::-1]), "dtype": np.dtype(item.type).name}
                found[item.name] = ImageRef(key=item.name, facts=facts)
            elif not isinstance(item, Variable):
                context.skip(*item)
    return list(found.values())


def open_array(path: Path, key: str, options: MatOptions, context: Context) -> MatReader:
    """Open the array called `key`.

    Parameters
    ----------
    path
        The file.
    key
        Name of the image in the file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        It is damaged.
    LimitError
        It is larger than the host allows.
    """
    with path.open("rb") as file:
        items = [item for item in variables(file, path.stat().st_size, path) if isinstance(item, Variable)]
    chosen = next((item for item in reversed(items) if item.name == key), None)
    if chosen is None:
        raise SelectionError(f"holds no array {key}", path=path)
    count = float(np.prod(chosen.shape, dtype=np.float64))
    context.allow(int(count) * np.dtype(chosen.type).itemsize, path)
    try:
        variable, inflated = _complete(chosen, path)
    except (zlib.error, ValueError) as error:
        raise CorruptError(f"{key} is damaged ({error})", path=path) from error
    meta = bare_meta(options, len(chosen.shape), source={"variable": key, "class": chosen.kind})
    return MatReader(path, variable, meta, inflated)


def _complete(variable: Variable, path: Path) -> tuple[Variable, bytes | None]:
    """Inflate what is compressed, and find the imaginary part."""
    real, size = variable.parts[0], path.stat().st_size
    end = real.at + (real.nbytes + 7) // 8 * 8
    missing = len(variable.parts) == 2 and variable.parts[1].at < 0
    if variable.packed is None:
        inflated = None
        with path.open("rb") as file:
            file.seek(end)
            tag = file.read(8)
    else:
        inflated = _inflate(path, *variable.packed, most=(end + 8) * (2 if len(variable.parts) == 2 else 1))
        size, tag = len(inflated), inflated[end : end + 8]
        if real.at + real.nbytes > size:
            raise ValueError("it ends early")
    if missing:
        if len(tag) < 8:
            raise ValueError("it ends early")
        variable = replace(variable, parts=(real, imaginary(real, tag, 0, size)))
    return variable, inflated


def _inflate(path: Path, at: int, nbytes: int, most: int) -> bytes:
    """Return a decompressed element, checked by its checksum, of no more than `most` bytes and a little."""
    with path.open("rb") as file:
        file.seek(at)
        content = file.read(nbytes)
    stream = zlib.decompressobj()
    inflated = stream.decompress(content, most + 4096)
    if not stream.eof and stream.decompress(stream.unconsumed_tail, 1):
        raise ValueError("it is longer than it says")
    if not stream.eof:
        raise ValueError("it ends early")
    return inflated
