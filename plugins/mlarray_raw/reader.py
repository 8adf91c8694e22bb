"""Opens voxels that a header in text describes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mlarray_core import Meta
from mlarray_core.errors import LimitError, NotFoundError
from mlarray_io.sdk import RawReader, check_beside, check_size, data_path, open_bytes, tell_rest
from mlarray_raw.beside import data_beside, header_beside, is_header
from mlarray_raw.described import LARGEST

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context, Source
    from mlarray_raw import DescribedFormat
    from mlarray_raw.described import Described
    from mlarray_raw.options import DescribedOptions


def open_described(
    format: DescribedFormat, source: Source, options: DescribedOptions, context: Context
) -> RawReader:
    """Open an image by its header or by its data file.

    Parameters
    ----------
    format
        Of the header.
    source
        Either file.
    options
        Whether the data file may be elsewhere.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the data file holds.
    NotFoundError
        The other file is missing.
    UnsafeError
        The data file is outside the header's folder.
    UnsupportedError
        It holds no image.
    LimitError
        It is larger than the host allows.
    """
    path = source.path
    name = format.name
    header = path if is_header(name, source.head) else header_beside(name, path, format.headers, format.data)
    if header is None:
        raise NotFoundError("its header is missing", path=path, hint=f"Put its {format.headers[0]} beside it")
    check_beside(path, header)
    with header.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise LimitError(f"its header is over {LARGEST:,} bytes long", path=header)
    described: Described = import_module(f"mlarray_raw.{name}").parse(content, header)
    data = _data_file(format, described, header, path, options)
    for note in described.notes:
        context.warn(note)
    opened = open_bytes(data, described.compression)
    try:
        check_size(described.raw, opened, context)
        tell_rest(opened, described.raw, context, "its header describes")
        meta = Meta(source=described.source, spatial=described.spatial, is_seg=described.is_seg)
        if described.additions is not None:
            described.additions.store(meta)
        return RawReader(opened, described.raw, meta)
    except BaseException:
        opened.close()
        raise


def _data_file(
    format: DescribedFormat, described: Described, header: Path, given: Path, options: DescribedOptions
) -> Path:
    if described.file is not None:
        return data_path(header, described.file, options.allow_external)
    if given != header:
        return given
    found = data_beside(header, format.data)
    if found is None:
        raise NotFoundError("its voxels are in another file, which is missing", path=header)
    check_beside(header, found)
    return found
