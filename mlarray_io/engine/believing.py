"""How large an image may be for its files: what was never written takes no room, and can say any size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlarray_core.errors import LimitError

if TYPE_CHECKING:
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Format, Reader
    from mlarray_io.sdk.source import Source

FREE = 64 << 30
"""Bytes of voxels that any file may stand for: an empty mask of a whole slide has some 10 GB."""
MOST_RATIO = 20_000
"""Bytes of voxels for a byte of file, above that. Deflate reaches 1,032, sparse slides some 10,000."""


def check_size(reader: Reader, source: Source, format: Format, context: Context) -> None:
    """Refuse an image that is far larger than its files explain, before all of it is read.

    Parameters
    ----------
    reader
        The image, open.
    source, format
        Where it lies, and in which format.
    context
        Has the user's limit, which takes the place of this one.

    Raises
    ------
    LimitError
        It has over 64 GiB, and 20,000 times the size of its files.
    """
    nbytes = reader.nbytes
    if not format.sparse or context.max_bytes is not None or nbytes <= FREE:
        return
    stored = reader.stored if reader.stored is not None else _stored(source, nbytes // MOST_RATIO + 1)
    if stored is not None and nbytes > MOST_RATIO * stored:
        raise LimitError(
            f"describes {nbytes:,} bytes of voxels, and has {stored:,} bytes of its own",
            path=source.where,
            hint="Allow it with --max-bytes (max_bytes=) if the file is to be trusted",
        )


def _stored(source: Source, enough: int) -> int | None:
    """Return the bytes of a file, or of the files of a folder up to where there are enough."""
    if not source.is_dir:
        return source.size
    if source.url is not None:  # listing it all would take longer than finding out
        return None
    total = 0
    for folder, _, names in os.walk(source.path):
        for name in names:
            total += os.lstat(os.path.join(folder, name)).st_size
            if total >= enough:
                return total
    return total
