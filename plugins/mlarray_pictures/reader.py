"""Opens one picture, or the slices of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_core.errors import LimitError, UnsupportedError
from mlarray_io import Box, Context, Reader, Source
from mlarray_io.sdk import bare_meta
from mlarray_pictures.decoding import decode, palette_of
from mlarray_pictures.header import Header, read_header
from mlarray_pictures.signature import pictures_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_pictures.options import PictureOptions

LARGEST = 2 << 30
"""Most bytes of one picture, unless the host gives a limit of its own: it is decoded whole."""


class PictureReader(Reader):
    """One picture, or several of the same size as a volume. The last one decoded is kept.

    Parameters
    ----------
    paths
        Of the pictures.
    header
        Of each of them.
    meta
        The metadata.
    stacked
        Whether there is an axis for the pictures, even of one.
    colours
        Whether palettes are read as colours.
    """

    def __init__(
        self, paths: Sequence[Path], header: Header, meta: Meta, *, stacked: bool, colours: bool
    ) -> None:
        self._paths, self._header, self._stacked, self._colours = paths, header, stacked, colours
        self._kept: tuple[int, Any] = (-1, None)
        self.shape = (len(paths), *header.shape) if stacked else header.shape
        self.dtype, self.meta = np.dtype(header.dtype), meta
        self.chunks = (1, *header.shape) if stacked else header.shape

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        if not self._stacked:
            return np.ascontiguousarray(self._picture(0)[box])
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            for at, number in enumerate(range(box[0].start, box[0].stop)):
                out[at] = self._picture(number)[box[1:]]
        return out

    def close(self) -> None:
        """Forget the last picture."""
        self._kept = (-1, None)

    def _picture(self, number: int) -> np.ndarray[Any, Any]:
        if self._kept[0] != number:
            self._kept = (number, decode(self._paths[number], self._header_of(number), colours=self._colours))
        pixels: np.ndarray[Any, Any] = self._kept[1]
        return pixels

    def _header_of(self, number: int) -> Header:
        from dataclasses import replace

        if number == 0:
            return self._header
        own = read_header(self._paths[number], colours=self._colours)
        return replace(self._header, kind=own.kind)


def open_pictures(
    source: Source, suffixes: tuple[str, ...], options: PictureOptions, context: Context
) -> PictureReader:
    """Open a picture or a folder.

    Parameters
    ----------
    source
        A picture or a folder.
    suffixes
        Of the pictures in a folder.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    UnsupportedError
        The pictures of a folder differ in size or type; it lists them.
    LimitError
        A picture is too large to be decoded whole.
    CorruptError
        A header makes no sense.
    """
    colours = options.palette == "colour"
    paths = [source.path]
    if source.is_dir:
        paths, _ = pictures_in(source.path, suffixes)
        if not paths:
            raise UnsupportedError("is a folder without pictures", path=source.path)
    headers = [read_header(path, colours=colours) for path in paths]
    _check_equal(paths, headers, source)
    header = headers[0]
    nbytes = int(np.prod(header.shape, dtype=np.float64)) * np.dtype(header.dtype).itemsize
    if nbytes > (context.max_bytes or LARGEST):
        raise LimitError(
            f"a picture of {header} needs {nbytes:,} bytes", path=paths[0], hint="Raise --max-bytes"
        )
    context.allow(nbytes * len(paths), source.path)
    meta = _meta(paths, header, options, stacked=source.is_dir)
    return PictureReader(paths, header, meta, stacked=source.is_dir, colours=colours)


def _check_equal(paths: Sequence[Path], headers: Sequence[Header], source: Source) -> None:
    groups: dict[str, list[str]] = {}
    for path, header in zip(paths, headers, strict=True):
        groups.setdefault(str(header), []).append(path.name)
    if len(groups) == 1:
        return
    listed = [
        f"{what} ({names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''})"
        for what, names in sorted(groups.items(), key=lambda group: -len(group[1]))[:10]
    ]
    raise UnsupportedError(
        f"its pictures differ in size or type: {', '.join(listed)}",
        path=source.path,
        hint="A volume needs equal slices: move the others elsewhere",
    )


def _meta(paths: Sequence[Path], header: Header, options: PictureOptions, *, stacked: bool) -> Meta:
    labels = ["spatial_z"] * stacked + ["spatial_y", "spatial_x"] + ["components"] * (len(header.shape) - 2)
    source: dict[str, Any] = {"kind": header.kind, **header.source}
    if stacked:
        source["files"] = [path.name for path in paths]
    if header.kind == "png" and options.palette == "index":
        palette = palette_of(paths[0].read_bytes())
        source |= {} if palette is None else {"palette": palette}
    meta = bare_meta(options, len(labels), labels=labels, source=source)
    if header.kind == "jpeg" or header.source.get("lossless") is False:
        Additions(lossy={"method": "JPEG" if header.kind == "jpeg" else "WebP"}).store(meta)
    return meta
