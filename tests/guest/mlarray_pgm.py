"""Portable graymaps (Netpbm's binary PGM) for mlarray."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core import errors
from mlarray_io import (
    Confidence,
    Context,
    Format,
    ImageRef,
    Options,
    Reader,
    Source,
    boxes_along,
    hookimpl,
    option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from mlarray_io import Box

# [format]
HEADER = re.compile(rb"P5(?:\s|#[^\n]*\n)+(\d+)\s+(\d+)\s+(\d+)\s")


@dataclass(frozen=True, kw_only=True)
class PgmOptions(Options):
    """Settings of the format."""

    maxval: int | None = option(None, "Largest value to declare when writing; the type's largest by default")


class PgmFormat(Format[PgmOptions]):
    """Portable graymap: one plane of 8 or 16 bits, big-endian, no geometry."""

    name = "pgm"
    title = "Portable graymap"
    suffixes = (".pgm",)

    # [sniff]
    def sniff(self, source: Source) -> Confidence:
        """Look for the header in the first bytes."""
        if HEADER.match(source.head):
            return Confidence.PARSED
        return super().sniff(source)

    # [open]
    def open(self, source: Source, image: ImageRef, options: PgmOptions, context: Context) -> Reader:
        """Read the header and check it against the size of the file."""
        header = HEADER.match(source.head)
        if header is None:
            raise errors.CorruptError("has no PGM header", path=source.path)
        width, height, maxval = (int(number) for number in header.groups())
        if not (width and height and 0 < maxval < 65536):
            what = f"describes {width} x {height} voxels up to {maxval}"
            raise errors.CorruptError(what, path=source.path)
        nbytes = width * height * (1 if maxval < 256 else 2)
        context.allow(nbytes, source.path)
        if source.size < header.end() + nbytes:
            raise errors.CorruptError(f"ends before its {nbytes:,} bytes of voxels", path=source.path)
        return PgmReader(source.path, header.end(), (height, width), maxval)

    # [write]
    def write(self, reader: Reader, target: Path, options: PgmOptions, context: Context) -> None:
        """Write one plane, row by row."""
        if len(reader.shape) != 2 or str(reader.dtype) not in ("uint8", "uint16"):
            raise errors.UnsupportedError(
                f"PGM holds one plane of uint8 or uint16, not {reader.shape} of {reader.dtype}",
                hint="Write a .nrrd or .mla instead",
            )
        if reader.meta.spatial.spacing is not None or reader.meta.spatial.affine is not None:
            context.loss("spacing and position", "PGM has no geometry")
        maxval = options.maxval or int(reader.meta.source.get("maxval", 256**reader.dtype.itemsize - 1))
        with target.open("wb") as file:
            file.write(b"P5\n%d %d\n%d\n" % (reader.shape[1], reader.shape[0], maxval))
            for box in boxes_along(reader.shape, 1024):
                rows = reader[box]
                file.write(rows.astype(rows.dtype.newbyteorder(">")).tobytes())
                context.progress(rows.nbytes)


# [reader]
class PgmReader(Reader):
    """One open PGM: voxels are mapped into memory and copied box by box."""

    def __init__(self, path: Path, offset: int, shape: tuple[int, int], maxval: int) -> None:
        import numpy as np

        from mlarray_core import Meta, geometry

        stored = np.dtype("u1" if maxval < 256 else ">u2")
        self.shape, self.dtype = shape, stored.newbyteorder("=")
        self.meta = Meta(
            source={"maxval": maxval},
            spatial=geometry.spatial_meta(None, axis_labels=["spatial_y", "spatial_x"]),
        )
        self._voxels = np.memmap(path, stored, "r", offset, shape)

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        return self._voxels[box].astype(self.dtype)


# [hook]
@hookimpl
def mlarray_formats() -> Sequence[Format]:
    """Tell mlarray what this package adds."""
    return [PgmFormat()]
