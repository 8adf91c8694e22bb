"""GIF, TGA, AVIF, animated PNG and WebP. Runs in the other process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from PIL import Image

from mlarray_core.errors import CorruptError, LimitError, UnsupportedError
from mlarray_frames.isobmff import bits_of
from mlarray_frames.reader import FrameReader, Frames, Pixels, explained, picture

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_frames.options import FrameOptions
    from mlarray_io import Context

MOST_FRAMES = 100_000
LARGEST = 2 << 30
"""Most bytes of one frame, unless the host gives a limit of its own."""
_WAY_OUT = "ffmpeg takes its frames out"
_FORMATS = {"gif": "GIF", "tga": "TGA", "avif": "AVIF", "animation": ""}

Image.MAX_IMAGE_PIXELS = None  # sizes are checked below, by the limit that the user knows


def open_picture(path: Path, context: Context, kind: str, key: str, options: FrameOptions) -> FrameReader:
    """Open a picture.

    Parameters
    ----------
    path
        The file.
    context
        Has the limit.
    kind
        Which format.
    key
        Of the only picture.
    options
        What the user says of it.

    Raises
    ------
    CorruptError
        It is damaged.
    LimitError
        A frame is too large.
    UnsupportedError
        It has more bits than Pillow decodes.
    """
    with explained(path):
        content = path.read_bytes() if kind == "avif" else b""
        if kind == "avif" and bits_of(content) > 8:
            return _deep(path, content, options, context)
        if kind == "animation" and _is_deep_png(path):
            raise UnsupportedError("is an animated PNG of 16 bits", hint=_WAY_OUT)
        formats = [_FORMATS[kind]] if _FORMATS[kind] else ["PNG", "WEBP"]
        image = Image.open(path, formats=formats)
        try:
            width, height = image.size
            if width * height * 4 > (context.max_bytes or LARGEST):
                raise LimitError(f"a frame of {height} x {width} is too large", hint="Raise --max-bytes")
            return picture(path, _frames(image, kind, options, context), kind, options, context)
        except BaseException:
            image.close()
            raise


def _is_deep_png(path: Path) -> bool:
    """Say whether a PNG has 16 bits a sample (PNG, 11.2.1), of which Pillow keeps 8 of colours in silence."""
    with path.open("rb") as file:
        head = file.read(25)
    return head.startswith(b"\x89PNG") and head[24:] == b"\x10"


def _deep(path: Path, content: bytes, options: FrameOptions, context: Context) -> FrameReader:
    """Return an AVIF of 10 or 12 bits, which Pillow cuts to 8."""
    if content[8:12] == b"avis":
        raise UnsupportedError("is an animated AVIF of more than 8 bits", hint=_WAY_OUT)
    pixels: Pixels = imagecodecs.avif_decode(content, index=0)
    frames = Frames(pixels.shape, pixels.dtype, lambda _: pixels, lossy=_lossy("avif"))
    return picture(path, frames, "avif", options, context)


def _lossy(kind: str) -> dict[str, Any]:
    return {"method": "AVIF", "certain": False} if kind == "avif" else {}


def _frames(image: Any, kind: str, options: FrameOptions, context: Context) -> Frames:
    first = int(getattr(image, "default_image", None) is True)
    if first:  # PNG, 3rd edition, 4.8: without a chunk fcTL before it, it is no part of the animation
        context.skip("the picture for those who show no animations", "it is no frame of this one")
    count = int(getattr(image, "n_frames", 1)) - first
    if count > MOST_FRAMES:
        raise UnsupportedError(f"has {count:,} frames")
    if count == 1:
        return _single(image, kind, options, first)
    durations, clear = [], False
    for number in range(first, first + count):
        image.seek(number)
        durations.append(float(image.info.get("duration", 0) or 0))
        clear = clear or "transparency" in image.info or "A" in image.mode
    mode = "RGBA" if clear else "RGB"

    def decode(number: int) -> Pixels:
        image.seek(first + number)
        return np.asarray(image.convert(mode))

    source = {"loop": int(image.info["loop"])} if isinstance(image.info.get("loop"), int) else {}
    shape = (image.height, image.width, len(mode))
    return Frames(shape, np.dtype("u1"), decode, durations, source, _lossy(kind), close=image.close)


_MODES = {"1": 1, "L": 1, "LA": 2, "P": 1, "RGB": 3, "RGBA": 4}


def _single(image: Any, kind: str, options: FrameOptions, first: int) -> Frames:
    image.seek(first)
    source: dict[str, Any] = {}
    mode = image.mode
    if mode == "P":
        if options.palette == "colour":
            mode = "RGBA" if "transparency" in image.info else "RGB"
        else:
            source["palette"] = np.array(image.getpalette() or []).reshape(-1, 3).tolist()
            clear = image.info.get("transparency")
            source |= {"transparent": [clear]} if isinstance(clear, int) else {}
    if mode not in _MODES:
        raise CorruptError(f"has pixels of the kind {mode}")
    samples = _MODES[mode]
    shape = (image.height, image.width, samples) if samples > 1 else (image.height, image.width)

    def decode(_: int) -> Pixels:
        return np.asarray(image if image.mode == mode else image.convert(mode))

    dtype = np.dtype(bool) if mode == "1" else np.dtype("u1")
    return Frames(shape, dtype, decode, None, source, _lossy(kind), close=image.close)
