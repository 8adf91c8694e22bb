"""Which files hold the voxels, and their bytes."""

from __future__ import annotations

import math
import re
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from mlarray_core.errors import CorruptError, LimitError, UnsupportedError
from mlarray_io.sdk import (
    Bytes,
    JoinedBytes,
    MemoryBytes,
    RawData,
    data_path,
    decode_text,
    located,
    numbered,
)
from mlarray_nrrd.encodings import DTYPES, ENCODINGS, decode_hex

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_io import Context
    from mlarray_io.sdk import Compression
    from mlarray_nrrd.header import Header
    from mlarray_nrrd.lines import Fields

MOST_AXES = 16
"""teem's NRRD_DIM_MAX."""

_PATTERN = re.compile(r"(?P<name>.*%0?\d*[du].*?)\s+(?P<range>-?\d+\s+-?\d+\s+-?\d+)(\s+\d+)?")


def raw_data(fields: Fields, path: Path, context: Context) -> RawData:
    """Return shape and type of the voxels, slowest axis first.

    Parameters
    ----------
    fields
        The fields of the header, by name.
    path
        The file, for errors.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        A field that is needed is missing or makes no sense.
    UnsupportedError
        Voxels are opaque blocks.
    """
    for name in ("dimension", "sizes", "type", "encoding"):
        if name not in fields:
            raise CorruptError("is missing", path=path, field=name)
    sizes, count = fields["sizes"], fields["dimension"]
    if not 1 <= count <= MOST_AXES or len(sizes) != count or any(size < 1 for size in sizes):
        raise CorruptError(f"expected {count} sizes over 0, got {sizes}", path=path, field="sizes")
    name = " ".join(str(fields["type"]).lower().split())
    if name == "block":
        raise UnsupportedError("its voxels are opaque blocks of bytes", path=path, field="type")
    if name not in DTYPES:
        raise CorruptError(f"there is no type {name[:40]!r}", path=path, field="type")
    order = _byte_order(fields, DTYPES[name], path, context)
    return RawData(tuple(reversed(sizes)), DTYPES[name].newbyteorder(order))


def _byte_order(fields: Fields, dtype: np.dtype[Any], path: Path, context: Context) -> Any:
    endian = str(fields.get("endian", "")).lower()
    if endian not in ("", "little", "big"):
        raise CorruptError(f"expected little or big, got {endian[:40]!r}", path=path, field="endian")
    if not endian and dtype.itemsize > 1 and encoding_of(fields, path) != "ascii":
        context.warn(f"{path}: doesn't say its byte order, little is taken")
    return ">" if endian == "big" else "<"


def encoding_of(fields: Fields, path: Path) -> str:
    """Return how the voxels are encoded.

    Raises
    ------
    UnsupportedError
        In a way that isn't known.
    """
    name = str(fields["encoding"]).lower()
    if name not in ENCODINGS:
        raise UnsupportedError(f"the encoding {name[:40]!r} isn't known", path=path, field="encoding")
    return ENCODINGS[name]


def open_data(
    header: Header, raw: RawData, path: Path, start: int, external: bool, context: Context
) -> Bytes:
    """Return the bytes of the voxels; offset 0 is the first voxel's.

    Parameters
    ----------
    header
        The header.
    raw
        What `raw_data` says.
    path
        The header's file.
    start
        Where voxels begin when they are in it.
    external
        Whether files outside its folder are read.
    context
        Sets the limit of memory.

    Raises
    ------
    CorruptError
        The files are too small.
    NotFoundError
        One is missing.
    UnsafeError
        One is where no data file should be.
    """
    fields = header.fields
    encoding = encoding_of(fields, path)
    paths = _paths(header, path, external, raw)
    if paths is None:
        return _open_one(path, start, raw, fields, encoding, context)
    if len(paths) == 1:
        return _open_one(paths[0], 0, raw, fields, encoding, context)
    voxels = math.prod(raw.shape)
    if voxels % len(paths):
        raise CorruptError(
            f"{len(paths)} data files can't share {voxels:,} voxels", path=path, field="data file"
        )
    share = RawData((voxels // len(paths),), raw.dtype)
    if encoding in ("ascii", "hex"):
        return _joined_text(paths, share, raw, fields, encoding, context)
    context.allow(raw.nbytes, path)
    return JoinedBytes([_share(one, 0, share, fields, encoding, context) for one in paths], share.nbytes)


def _open_one(path: Path, start: int, raw: RawData, fields: Fields, encoding: str, context: Context) -> Bytes:
    if encoding in ("ascii", "hex"):
        _check_text(path, raw, encoding, context)
        content = np.empty(math.prod(raw.shape), raw.dtype)
        _decode(path, start, fields, encoding, content)
        return MemoryBytes(path, _view(content))
    return JoinedBytes([_share(path, start, raw, fields, encoding, context)], raw.nbytes)


def _share(
    path: Path, start: int, raw: RawData, fields: Fields, encoding: str, context: Context
) -> tuple[Path, Compression, int, int]:
    """Return where a file's share of the voxels is; -1 means at its end (definition, "byte skip")."""
    skip = int(fields.get("byte skip", 0))
    if skip < -1:
        raise CorruptError(f"expected -1 or more, got {skip}", path=path, field="byte skip")
    start = _after_lines(path, start, fields.get("line skip", 0))
    compression = cast("Compression", "none" if encoding == "raw" else encoding)
    return located(path, raw, compression, start, skip, context)


def _after_lines(path: Path, start: int, count: int) -> int:
    """Return where the data begin after `count` lines."""
    if count < 0:
        raise CorruptError(f"expected 0 or more, got {count}", path=path, field="line skip")
    with path.open("rb") as file:
        file.seek(start)
        for _ in range(count):
            while (piece := file.readline(1 << 16)) and not piece.endswith(b"\n"):
                pass
            if not piece:
                raise CorruptError(
                    f"has fewer than {count} lines before its data", path=path, field="line skip"
                )
        return file.tell()


def _check_text(path: Path, raw: RawData, encoding: str, context: Context) -> None:
    """Refuse a header that describes more numbers than its text can spell."""
    least = 2 * math.prod(raw.shape) - 1 if encoding == "ascii" else 2 * raw.nbytes
    size = path.stat().st_size
    if least > size:
        raise CorruptError(
            f"its header describes {least:,} or more bytes of text, it has {size:,}", path=path
        )
    context.allow(raw.nbytes, path)


def _decode(path: Path, start: int, fields: Fields, encoding: str, out: np.ndarray[Any, Any]) -> None:
    """Fill `out` with what a text spells: hexadecimal digits the bytes, numbers the values."""
    with path.open("rb") as file:
        file.seek(_after_lines(path, start, fields.get("line skip", 0)) + max(fields.get("byte skip", 0), 0))
        if encoding == "hex":
            decode_hex(file, _view(out), path)
        else:
            decode_text(cast("IO[bytes]", file), out, path, commas=True)


def _view(array: np.ndarray[Any, Any]) -> memoryview:
    return memoryview(cast("Buffer", array.view(np.uint8)))


def _joined_text(
    paths: list[Path], share: RawData, raw: RawData, fields: Fields, encoding: str, context: Context
) -> MemoryBytes:
    for path in paths:
        _check_text(path, share, encoding, context)
    content = np.empty(math.prod(raw.shape), raw.dtype)
    step = share.shape[0]
    for number, path in enumerate(paths):
        _decode(path, 0, fields, encoding, content[number * step : (number + 1) * step])
    return MemoryBytes(paths[0], _view(content))


def _paths(header: Header, path: Path, external: bool, raw: RawData) -> list[Path] | None:
    """Return the data files, None when the voxels follow the header."""
    fields = header.fields
    if "data file" not in fields:
        return None
    text = str(fields["data file"])
    names = header.files if text.split()[:1] == ["LIST"] else _pattern(text, path) or [text]
    if not names or len(names) > max(math.prod(raw.shape), 1):
        raise LimitError(f"names {len(names):,} data files", path=path, field="data file")
    return [data_path(path, name, external) for name in names]


def _pattern(text: str, path: Path) -> list[str]:
    """Return the names that ``name%03d.raw min max step`` stands for, none when it is no pattern."""
    found = _PATTERN.fullmatch(text)
    if found is None:
        return []
    first, last, step = map(int, found["range"].split())
    numbers = numbered(first, last, step, path)
    place = re.search(r"%(0?)(\d{0,3})[du]", found["name"])
    if place is None:
        raise CorruptError(f"expected a number such as %03d, got {text!r}", path=path, field="data file")
    before, after = found["name"][: place.start()], found["name"][place.end() :]
    width = f"{place[1]}{place[2]}"
    return [f"{before}{number:{width}d}{after}" for number in numbers]
