"""Writes PNG: one picture, or a folder of slices."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import default_labels, tell_losses
from mlarray_pictures import png
from mlarray_pictures.header import PREMULTIPLIED

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_pictures.options import PictureOptions

_NO_RGB, _YCBCR, _JPEGS = (5, 8, 9, 10), 6, (6, 7, 33003, 33004, 33005, 33007, 34892)
"""TIFF's PhotometricInterpretation of inks, CIELab, ICCLab and ITULab; its codecs that decode to RGB."""
_ASSOCIATED = 1
"""TIFF's ExtraSamples of an alpha that colours are multiplied by."""
_COLOURS = {1: png.GREY, 2: png.GREY_ALPHA, 3: png.RGB, 4: png.RGBA}


def write_pictures(reader: Reader, target: Path, options: PictureOptions, context: Context) -> None:
    """Write an image of bool, uint8 or uint16.

    Parameters
    ----------
    reader
        The image: two axes, or three of which the first is that of slices, and one more of up to 4 colours.
    target
        A ``.png``, or a ``.pngs`` for a folder.
    options
        Compression.
    context
        Where to report what PNG can't hold.

    Raises
    ------
    UnsupportedError
        PNG has no such type, or it isn't a picture.
    """
    if not target.name.lower().endswith((".png", ".pngs")):
        raise UnsupportedError(
            "only PNG is written", path=target, hint="End it in .png, or .pngs for a folder of slices"
        )
    if reader.dtype.name not in ("bool", "uint8", "uint16"):
        raise UnsupportedError(
            f"PNG holds bool, uint8 and uint16, the image is {reader.dtype.name}",
            path=target,
            hint="Convert the values first, or write another format",
        )
    if _coloured(reader) and _is_no_rgb(reader):
        raise UnsupportedError(
            "PNG has grey, RGB and alpha, the image has other colours (CMYK, Lab or YCbCr)",
            path=target,
            hint="Convert its colours first, or write .mla or TIFF",
        )
    if _coloured(reader) and _is_premultiplied(reader):
        raise UnsupportedError(
            "the colours of the image are multiplied by their alpha, those of a PNG aren't",
            path=target,
            hint="Divide them by it first, or write .mla or TIFF",
        )
    coloured = _coloured(reader)
    count = len(reader.shape) - coloured
    folder = target.name.lower().endswith(".pngs")
    if count not in (2, 3) or 0 in reader.shape or (not folder and count == 3 and reader.shape[0] > 1):
        raise UnsupportedError(
            f"an image of shape {reader.shape} is no picture",
            path=target,
            hint="Write NAME.pngs, a folder of slices" if count == 3 else None,
        )
    tell_losses(reader, context, "PNG")
    if folder:
        target.mkdir()
    _write_slices(reader, target, count, folder, options, context)


def _write_slices(
    reader: Reader, target: Path, count: int, folder: bool, options: PictureOptions, context: Context
) -> None:
    slices = reader.shape[0] if count == 3 else 1
    digits = max(4, len(str(slices - 1)))
    for number in range(slices):
        box = tuple(slice(0, size) for size in reader.shape)
        if count == 3:
            box = (slice(number, number + 1), *box[1:])
        pixels = reader[box]
        path = target / f"{number:0{digits}}.png" if folder else target
        path.write_bytes(encode(pixels[0] if count == 3 else pixels, _palette(reader), options.clevel))
        context.progress(pixels.nbytes)


def _coloured(reader: Reader) -> bool:
    labels = reader.meta.spatial.axis_labels or default_labels(len(reader.shape))
    return labels[-1] in ("components", "channel") and reader.shape[-1] <= 4


def _is_no_rgb(reader: Reader) -> bool:
    """Say whether the source says that samples are inks, Lab or YCbCr: as RGB they'd be other colours."""
    source = reader.meta.source
    tag = source.get("tags", {}).get("PhotometricInterpretation") if source.get("format") == "tiff" else None
    if source.get("colour_model") == "CMYK":
        return True
    if tag == _YCBCR:  # what JPEG holds so is decoded to RGB
        return source.get("tags", {}).get("Compression") not in _JPEGS
    return tag in _NO_RGB


def _is_premultiplied(reader: Reader) -> bool:
    """Say whether colours are multiplied by alpha: JPEG 2000's opacity, or "associated" in TIFF 6.0."""
    source = reader.meta.source
    tag = source.get("tags", {}).get("ExtraSamples") if source.get("format") == "tiff" else None
    return source.get("alpha") == PREMULTIPLIED or _ASSOCIATED in (tag if isinstance(tag, list) else [tag])


def _palette(reader: Reader) -> list[list[int]] | None:
    """Return the palette of the PNG that the image came from, if it is of indices still."""
    palette = reader.meta.source.get("palette")
    own = reader.meta._image_meta_format.value in (None, "pictures") and reader.dtype == np.uint8
    if not own or not isinstance(palette, list) or not 0 < len(palette) <= 256 or _coloured(reader):
        return None
    entries = all(isinstance(e, list) and len(e) in (3, 4) and all(_is_byte(v) for v in e) for e in palette)
    return palette if entries else None


def _is_byte(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 255


def encode(pixels: np.ndarray[Any, Any], palette: list[list[int]] | None, clevel: int) -> bytes:
    """Return a PNG of a picture of bool (one bit), uint8 or uint16, as indices where there is a palette.

    Parameters
    ----------
    pixels
        Rows, columns, and perhaps colours.
    palette
        Colours by index; None for none.
    clevel
        Effort of deflate, 0 to 9.
    """
    if pixels.dtype == bool:
        return _bits(pixels, clevel)
    import imagecodecs

    if palette is not None and int(pixels.max(initial=0)) >= len(palette):
        palette = None
    content = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels), level=clevel))
    if palette is None:
        return content
    ihdr = png.Ihdr(pixels.shape[1], pixels.shape[0], 8, png.PALETTE, 0)
    colours = bytes(value for entry in palette for value in entry[:3])
    alpha = bytes(entry[3] if len(entry) > 3 else 255 for entry in palette)
    shown = [(b"tRNS", alpha)] if any(len(entry) > 3 for entry in palette) else []
    return png.join(ihdr, (b"PLTE", colours), *shown, (b"IDAT", png.split(content)[b"IDAT"]))


def _bits(pixels: np.ndarray[Any, Any], clevel: int) -> bytes:
    """Return a PNG of one bit a pixel, or of 0 and 1 in bytes where there are several samples."""
    if pixels.ndim == 3:
        return encode(pixels.astype(np.uint8), None, clevel)
    rows = np.packbits(pixels, axis=1)
    filtered = np.zeros((rows.shape[0], rows.shape[1] + 1), np.uint8)  # each row begins with its filter, none
    filtered[:, 1:] = rows
    ihdr = png.Ihdr(pixels.shape[1], pixels.shape[0], 1, png.GREY, 0)
    return png.join(ihdr, (b"IDAT", zlib.compress(filtered.tobytes(), clevel)))
