"""Decodes one picture into an array of the shape and type that its header promised."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_pictures import bmp, jpeg, png

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_pictures.header import Header


def decode(path: Path, header: Header, *, colours: bool) -> np.ndarray[Any, Any]:
    """Return the pixels.

    Parameters
    ----------
    path
        Of the file.
    header
        What it said before.
    colours
        Whether a palette's colours are wanted instead of its indices.

    Raises
    ------
    CorruptError
        The file is damaged or cut short.
    """
    import imagecodecs

    content = path.read_bytes()
    try:
        if header.kind == "png":
            pixels = _png(content, header, colours)
        elif header.kind == "jpeg":
            end = jpeg.end_of(content)
            if end is None:  # the decoder would fill what is missing with grey
                raise CorruptError("is cut short: a JPEG ends with a marker, this one doesn't", path=path)
            pixels = imagecodecs.jpeg_decode(content[:end])
        elif header.kind == "bmp":
            pixels = bmp.decode(content)
        elif header.kind == "webp":
            pixels = imagecodecs.webp_decode(content, hasalpha=header.shape[2] == 4)
        else:
            pixels = imagecodecs.jpeg2k_decode(content)
    except (CorruptError, MemoryError, OSError):
        raise
    except Exception as error:  # each codec has its own kinds
        text = " ".join(f"{error}".split())[:120]
        raise CorruptError(f"can't be decoded ({text})", path=path) from error
    if pixels.shape != header.shape or pixels.dtype != header.dtype:
        raise CorruptError(
            f"its header says {header}, its content is {pixels.shape} {pixels.dtype}", path=path
        )
    return np.ascontiguousarray(pixels)


def palette_of(content: bytes) -> list[list[int]] | None:
    """Return the colours of a PNG's palette, with alpha where it has some; None without a palette."""
    if png.parse_ihdr(content).colour != png.PALETTE:
        return None
    chunks = png.split(content)
    colours, alpha = chunks.get(b"PLTE", b""), chunks.get(b"tRNS", b"")
    entries = [list(colours[at : at + 3]) for at in range(0, len(colours) - 2, 3)]
    return [[*rgb, *alpha[n : n + 1]] if alpha[n : n + 1] else rgb for n, rgb in enumerate(entries)]


def _png(content: bytes, header: Header, colours: bool) -> np.ndarray[Any, Any]:
    """Decode what the specification calls critical; samples keep their bits unscaled.

    A palette's indices are decoded as greys, which differ from them in the header alone.
    """
    import imagecodecs

    ihdr, chunks = png.parse_ihdr(content), png.split(content)
    if b"IDAT" not in chunks:
        raise CorruptError("its PNG has no pixels")
    needed = [(name, chunks[name]) for name in (b"PLTE", b"IDAT") if name in chunks]
    if ihdr.colour == png.PALETTE and not colours:
        ihdr, needed = replace(ihdr, colour=png.GREY), needed[-1:]
    pixels: np.ndarray[Any, Any] = imagecodecs.png_decode(png.join(ihdr, *needed))
    if ihdr.colour == png.GREY and ihdr.depth < 8:  # the decoder stretches them to 0..255
        pixels = pixels // (255 // ((1 << ihdr.depth) - 1))
    return pixels.astype(header.dtype, copy=False)
