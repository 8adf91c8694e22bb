"""Opens voxels without a header, as the user says that they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import OptionError, UnsupportedError
from mlarray_io.sdk import (
    RawData,
    RawReader,
    bare_meta,
    check_size,
    last_bytes,
    open_bytes,
    tell_rest,
    voxel_dtype,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context
    from mlarray_raw.options import RawOptions

WAY_OUT = (
    "Say how it lies: --from raw -o shape=120,512,512 -o dtype=uint16, with -o order=F for x,y,z,"
    " -o byte_order=big, -o offset=BYTES, -o spacing=2,0.5,0.5 as needed"
)


def open_raw(path: Path, options: RawOptions, context: Context) -> RawReader:
    """Open a file of voxels.

    Parameters
    ----------
    path
        The file.
    options
        What the user says of it.
    context
        Limits to keep, and where warnings go.

    Raises
    ------
    UnsupportedError
        The user doesn't say shape and type.
    CorruptError
        The file holds fewer voxels.
    LimitError
        It is larger than the host allows.
    OptionError
        The type is none.
    """
    if options.shape is None or options.dtype is None:
        raise UnsupportedError("is a volume without a header", path=path, hint=WAY_OUT)
    shape = options.shape if options.order == "C" else options.shape[::-1]
    raw = RawData(shape, _dtype(options, path), max(options.offset, 0))
    meta = bare_meta(options, len(shape))
    file = open_bytes(path, "none")
    try:
        if options.offset == -1:
            raw = RawData(shape, raw.dtype, last_bytes(file, raw.nbytes))
        check_size(raw, file, context)
        tell_rest(file, raw, context, "shape and dtype tell of")
        return RawReader(file, raw, meta)
    except BaseException:
        file.close()
        raise


def _dtype(options: RawOptions, path: Path) -> np.dtype[Any]:
    try:
        dtype = np.dtype(options.dtype)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{options.dtype!r} is no type of NumPy", field="dtype") from error
    voxel_dtype(dtype, path)
    told = (options.dtype or "")[:1] in "<>"
    return dtype if told else dtype.newbyteorder("<" if options.byte_order == "little" else ">")
