"""Opens a MetaImage."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_core.errors import CorruptError, LimitError, UnsupportedError
from mlarray_io.sdk import (
    JoinedBytes,
    MemoryBytes,
    RawData,
    RawReader,
    data_path,
    decode_text,
    located,
    numbered,
)
from mlarray_metaimage.geometry import positions, spatial_of
from mlarray_metaimage.header import LAST, Fields, MetaHeader, read_metaheader, to_source

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_io import Context
    from mlarray_io.sdk import Bytes, Compression
    from mlarray_metaimage.options import MetaImageOptions

DTYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
"""Types by name. A MET_LONG has four bytes in a file (MetaIO, metaTypes.h)."""

MOST_AXES = 10
"""MetaIO's limit."""

_PATTERN = re.compile(r"(\S*%0?\d*d\S*)((?:\s+-?\d+){0,3})")


def open_metaimage(path: Path, options: MetaImageOptions, context: Context) -> RawReader:
    """Open the image whose file or header is `path`.

    Parameters
    ----------
    path
        The file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than its files hold.
    NotFoundError
        A data file is missing.
    UnsafeError
        A data file is outside the header's folder.
    LimitError
        It is larger than the host allows.
    """
    header, start = read_metaheader(path)
    raw = raw_data(header.fields, path)
    spatial, steps = spatial_of(header.fields, path, wanted=options.geometry != "none")
    meta = Meta(source=to_source(header), spatial=spatial)
    Additions(axes=positions(steps, raw.shape, spatial)).store(meta)
    file = _open_data(header, raw, path, start, options.allow_external, context)
    return RawReader(file, raw, meta, plane=3 if "components" in (spatial.axis_labels or ()) else 2)


def raw_data(fields: Fields, path: Path) -> RawData:
    """Return shape and type of the voxels, slowest axis first, channels last.

    Raises
    ------
    CorruptError
        A field that is needed is missing or makes no sense.
    UnsupportedError
        The type isn't known.
    """
    for name in ("NDims", "DimSize", "ElementType"):
        if name not in fields:
            raise CorruptError("is missing", path=path, field=name)
    count, sizes, channels = fields["NDims"], fields["DimSize"], fields.get("ElementNumberOfChannels", 1)
    if not 1 <= count <= MOST_AXES or len(sizes) != count or any(size < 1 for size in sizes):
        raise CorruptError(f"expected {count} sizes over 0, got {sizes}", path=path, field="DimSize")
    if channels < 1:
        raise CorruptError(f"expected 1 or more, got {channels}", path=path, field="ElementNumberOfChannels")
    name = str(fields["ElementType"]).removesuffix("_ARRAY")
    if name not in DTYPES:
        raise UnsupportedError(f"the type {name[:40]!r} isn't known", path=path, field="ElementType")
    shape = (*reversed(sizes), *((channels,) if channels > 1 else ()))
    return RawData(shape, np.dtype(DTYPES[name]).newbyteorder(">" if big_endian(fields) else "<"))


def big_endian(fields: Fields) -> bool:
    """Say whether the most significant byte comes first."""
    return _true(fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")))


def is_compressed(fields: Fields) -> bool:
    """Say whether the voxels are compressed."""
    return _true(fields.get("CompressedData", "False"))


def _true(text: Any) -> bool:
    return str(text).strip().lower() in ("true", "t", "1", "yes")


def _open_data(
    header: MetaHeader, raw: RawData, path: Path, start: int, external: bool, context: Context
) -> Bytes:
    """Return the bytes of the voxels; offset 0 is the first voxel's."""
    fields, text = header.fields, str(header.fields[LAST])
    local = text.upper() == "LOCAL"
    paths = [path] if local else [data_path(path, name, external) for name in _names(header, raw, path)]
    start = start if local else 0
    voxels = math.prod(raw.shape)
    if voxels % len(paths):
        raise CorruptError(f"{len(paths)} data files can't share {voxels:,} voxels", path=path, field=LAST)
    share = RawData((voxels // len(paths),), raw.dtype)
    if not _true(fields.get("BinaryData", "True")):
        return _text(paths, start, share, raw, context)
    context.allow(raw.nbytes, path)
    compression: Compression = "zlib" if is_compressed(fields) else "none"
    files = [_share(one, start, compression, share, fields, context) for one in paths]
    return JoinedBytes(files, share.nbytes)


def _share(
    path: Path, start: int, compression: Compression, share: RawData, fields: Fields, context: Context
) -> tuple[Path, Compression, int, int]:
    """Return where a file's share of the voxels is; a HeaderSize of -1 means at its end."""
    skip = fields.get("HeaderSize", 0)
    if skip < -1:
        raise CorruptError(f"expected -1 or more, got {skip}", path=path, field="HeaderSize")
    return located(path, share, compression, start, skip, context)


def _names(header: MetaHeader, raw: RawData, path: Path) -> list[str]:
    """Return the names of the data files: one, a list, or numbered ones (MetaIO, "ElementDataFile")."""
    text = str(header.fields[LAST])
    if text.split()[:1] == ["LIST"]:
        names = header.files
    elif found := _PATTERN.fullmatch(text):
        given = [int(word) for word in found[2].split()]
        first, last, step = (*given, *(1, raw.shape[0], 1)[len(given) :])
        before, width, after = re.split(r"%(0?\d{0,3})d", found[1], maxsplit=1)
        names = [f"{before}{number:{width}d}{after}" for number in numbered(first, last, step, path)]
    else:
        names = [text]
    if not names or len(names) > math.prod(raw.shape):
        raise LimitError(f"names {len(names):,} data files", path=path, field=LAST)
    return names


def _text(paths: list[Path], start: int, share: RawData, raw: RawData, context: Context) -> MemoryBytes:
    """Decode voxels that are written as numbers."""
    context.allow(raw.nbytes, paths[0])
    for path in paths:
        if 2 * share.shape[0] - 1 > path.stat().st_size:
            raise CorruptError(f"is too small for the {share.shape[0]:,} numbers of its header", path=path)
    content = np.empty(math.prod(raw.shape), raw.dtype)
    for number, path in enumerate(paths):
        with path.open("rb") as file:
            file.seek(start)
            decode_text(file, content[number * share.shape[0] : (number + 1) * share.shape[0]], path)
    return MemoryBytes(paths[0], memoryview(cast("Buffer", content.view(np.uint8))))
