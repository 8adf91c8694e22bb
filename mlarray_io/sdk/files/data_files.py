"""Data files that a header names: only where they may be, numbered names, and voxels written as text."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, LimitError, NotFoundError, UnsafeError
from mlarray_io.sdk.files.raw_data import RawData, check_size
from mlarray_io.sdk.files.streams import Bytes, Compression, PackedBytes, open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io.sdk.context import Context

MOST_FILES = 100_000

_PIECE = 1 << 20


def data_path(header: Path, name: str, external: bool) -> Path:
    """Return where a data file is that a header names.

    Parameters
    ----------
    header
        The header's file.
    name
        What it says.
    external
        Whether the file may be outside the header's folder.

    Raises
    ------
    NotFoundError
        It isn't there.
    UnsafeError
        It is no regular file, or outside the header's folder and not allowed to be there.
    """
    folder = header.parent.resolve()
    try:
        resolved = (header.parent / name).resolve()
        if not external and not resolved.is_relative_to(folder):
            raise UnsafeError(
                f"names the data file {name!r}, which is outside its folder",
                path=header,
                hint="If you trust it, read it with -o allow_external=true",
            )
        if not resolved.exists():
            raise NotFoundError(
                f"its data file {name!r} is missing", path=header, hint="Put it beside the header"
            )
        if not resolved.is_file():
            raise UnsafeError(f"names the data file {name!r}, which is no regular file", path=header)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, NotFoundError | UnsafeError):
            raise
        raise CorruptError(f"names a data file that can't be: {name[:60]!r}", path=header) from error
    return resolved


def check_beside(path: Path, other: Path) -> None:
    """Refuse a second file of an image that is a link out of the folder of the first.

    Raises
    ------
    UnsafeError
        It leads elsewhere.
    """
    if other != path and other.is_symlink() and not other.resolve().is_relative_to(path.parent.resolve()):
        raise UnsafeError(
            f"belongs together with {other.name}, which is a link out of its folder",
            path=path,
            hint="If you trust it, put the file itself beside it",
        )


def numbered(first: int, last: int, step: int, path: Path) -> range:
    """Return the numbers of data files from `first` to `last`, both included.

    Parameters
    ----------
    first, last
        The first and the last number.
    step
        From one to the next.
    path
        The header, for errors.

    Raises
    ------
    CorruptError
        The step doesn't lead there.
    LimitError
        They are more than are meant.
    """
    if step == 0 or (last - first) * step < 0:
        raise CorruptError(f"its data files can't be numbered {first} to {last} by {step}", path=path)
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > MOST_FILES:
        raise LimitError(f"names {len(numbers):,} data files", path=path)
    return numbers


def last_bytes(file: Bytes, count: int) -> int:
    """Return where the last `count` bytes of a file begin.

    Raises
    ------
    CorruptError
        It has fewer.
    """
    length = file.length(count) if isinstance(file, PackedBytes) else file.limit
    if length < count:
        raise CorruptError(
            f"its header describes {count:,} bytes, it holds {length:,}",
            path=file.path,
            hint="Was it copied whole?",
        )
    return length - count


def located(
    path: Path, raw: RawData, compression: Compression, start: int, skip: int, context: Context
) -> tuple[Path, Compression, int, int]:
    """Return where a data file has its voxels, as `JoinedBytes` takes it; refuse one that can't hold them.

    Parameters
    ----------
    path
        The data file.
    raw
        Shape and type of its voxels.
    compression
        Of everything from `start` on.
    start
        Where in the file the data begin.
    skip
        Bytes, decompressed, before the first voxel; -1 where voxels are the last bytes.
    context
        Sets the limit of memory.

    Raises
    ------
    CorruptError
        The file is too small.
    LimitError
        The image is larger than the host allows.
    """
    file = open_bytes(path, compression, start)
    try:
        offset = last_bytes(file, raw.nbytes) if skip == -1 else skip
        check_size(RawData(raw.shape, raw.dtype, offset), file, context)
    finally:
        file.close()
    return path, compression, start, offset


def decode_text(
    file: IO[bytes],
    out: np.ndarray[Any, Any],
    path: Path,
    *,
    plain_integers: bool = False,
    commas: bool = False,
) -> None:
    """Fill a 1-D array with the numbers of a text, apart by white space.

    Parameters
    ----------
    file
        Open for reading, at the first number.
    out
        Is filled, in order.
    path
        For errors.
    plain_integers
        Whether integers must be spelt as such, not as ``5.0`` or ``-0.0``.
    commas
        Whether commas keep numbers apart too.

    Raises
    ------
    CorruptError
        There are too few, or something else than numbers.
    """
    filled = 0
    for words in _words(file, b"," if commas else b""):
        part = words[: len(out) - filled]
        try:
            out[filled : filled + len(part)] = _numbers(part, out.dtype, plain_integers)
        except (ValueError, OverflowError) as error:
            raise CorruptError(f"holds text that is no {out.dtype.name}", path=path) from error
        filled += len(part)
        if filled == len(out):
            return
    raise CorruptError(f"holds {filled:,} numbers, its header describes {len(out):,}", path=path)


def _words(file: IO[bytes], apart: bytes) -> Iterator[list[bytes]]:
    """Yield the words of a text; white space is between them, or the byte `apart`."""
    rest = b""
    while piece := file.read(_PIECE):
        piece = piece.replace(apart, b" ") if apart else piece
        words = (rest + piece).split()
        rest = words.pop() if words and not piece[-1:].isspace() else b""
        yield words
    yield [rest] if rest else []


def _numbers(words: list[bytes], dtype: np.dtype[Any], plain: bool) -> np.ndarray[Any, Any]:
    if dtype.kind == "f" or not words:
        return np.array(words, "S").astype(dtype)
    info = np.iinfo(dtype)
    values = [_integer(word, plain) for word in words]
    if min(values) < info.min or max(values) > info.max:
        raise OverflowError
    return np.array(values, dtype)


def _integer(word: bytes, plain: bool) -> int:
    if word.lstrip(b"+-").isdigit() and len(word) < 40:
        return int(word)
    value = float(word)
    if plain or not value.is_integer():
        raise ValueError
    return int(value)
