"""Opens one picture, or the slices of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_core.errors import LimitError, UnsupportedError
from mlarray_io import Box, Context, ImageRef, Reader, Source
from mlarray_io.sdk import bare_meta
from mlarray_pictures.decoding import decode, palette_of
from mlarray_pictures.header import PREMULTIPLIED, Header, read_header
from mlarray_pictures.signature import are_numbered, pictures_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_pictures.options import PictureOptions

LARGEST = 2 << 30
"""Most bytes of one picture, unless the host gives a limit of its own: it is decoded whole."""


_METHODS = {"jpeg": "JPEG", "webp": "WebP", "jpeg2000": "JPEG 2000"}


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


VOLUME = "0"
"""Key of a single picture, and of the one volume of a folder."""


def list_pictures(
    source: Source, suffixes: tuple[str, ...], options: PictureOptions, context: Context
) -> list[ImageRef]:
    """List what a picture or a folder holds: a volume if it says so, else each picture by its name.

    Parameters
    ----------
    source
        A picture, or a folder.
    suffixes
        Of pictures.
    options
        What the user says of it.
    context
        Is told of the option that makes a volume of pictures.
    """
    paths = pictures_in(source.path, suffixes)[0] if source.is_dir else []
    stacked = options.stack == "yes" or source.path.name.lower().endswith(".pngs")
    if not paths or stacked or (options.stack == "auto" and are_numbered([path.name for path in paths])):
        return [ImageRef(key=VOLUME, primary=True)]
    context.warn("its pictures are images of their own; -o stack=yes reads them as one volume")
    return [ImageRef(key=path.name, name=path.stem, primary=len(paths) == 1) for path in paths]


def open_pictures(
    source: Source, key: str, suffixes: tuple[str, ...], options: PictureOptions, context: Context
) -> PictureReader:
    """Open a picture, one of a folder, or all of it.

    Parameters
    ----------
    source
        A picture, or a folder.
    key
        As listed.
    suffixes
        Of pictures.
    options
        What the user says of it.
    context
        Has the limit, and is told what isn't read.

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
        found, _ = pictures_in(source.path, suffixes)
        paths = found if key == VOLUME else [path for path in found if path.name == key]
        if not paths:
            raise UnsupportedError("is a folder without such pictures", path=source.path)
    headers = [read_header(path, colours=colours) for path in paths]
    _check_equal(paths, headers, source)
    header = headers[0]
    nbytes = int(np.prod(header.shape, dtype=np.float64)) * np.dtype(header.dtype).itemsize
    if nbytes > (context.max_bytes or LARGEST):
        raise LimitError(
            f"a picture of {header} needs {nbytes:,} bytes", path=paths[0], hint="Raise --max-bytes"
        )
    context.allow(nbytes * len(paths), source.path)
    _tell(headers, context)
    stacked = source.is_dir and key == VOLUME
    meta = _meta(paths, header, options, stacked=stacked)
    return PictureReader(paths, header, meta, stacked=stacked, colours=colours)


def _tell(headers: Sequence[Header], context: Context) -> None:
    """Refuse films; name pictures that aren't read and colours that aren't what they look like.

    Raises
    ------
    UnsupportedError
        A PNG has several frames (APNG), as a WebP that has is refused too.
    """
    for header in headers:
        if header.source.get("frames", 1) > 1:
            raise UnsupportedError(f"is an animated PNG of {header.source['frames']} frames")
        if "others" in header.source:
            context.warn(f"only the first picture is read: {header.source['others']}")
        if "transparent" in header.source:
            context.warn("the colour that its PNG shows as transparent is kept in the source only")
        if header.source.get("alpha") == PREMULTIPLIED:
            context.warn("its colours are multiplied by their alpha, and stay so")
        if header.source.get("colour_model") == "CMYK":
            inverted = ", stored inverted: 255 is no ink" if header.source["inverted_inks"] else ""
            context.warn(f"its four components are inks (CMYK{inverted})")


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
        hint="A volume needs equal slices; a folder for target takes each picture as an image of its own",
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
    if header.source.get("lossless") is False:
        Additions(lossy={"method": _METHODS.get(header.kind, header.kind)}).store(meta)
    return meta
