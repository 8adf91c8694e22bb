"""JPEG XL, JPEG XR and QOI. Runs in the other process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import imagecodecs

from mlarray_core.errors import CorruptError
from mlarray_frames.reader import FrameReader, Frames, Pixels, explained, picture

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_frames.options import FrameOptions
    from mlarray_io import Context

_PERHAPS = {"jpegxl": "JPEG XL", "jpegxr": "JPEG XR"}
"""Codecs that lose something or don't, which the decoder doesn't tell."""
_LEAST = {"jpegxl": 12, "jpegxr": 32, "qoi": 22}
"""Bytes that the smallest file has."""


def open_picture(path: Path, context: Context, kind: str, key: str, options: FrameOptions) -> FrameReader:
    """Open a picture; its pixels say what they are.

    Parameters
    ----------
    path
        The file.
    context
        Has the limit.
    kind
        Which codec.
    key
        Of the only picture.
    options
        What the user says of it.

    Raises
    ------
    CorruptError
        It is damaged.
    """
    content = path.read_bytes()
    if len(content) < _LEAST[kind]:
        raise CorruptError("is too short for a picture", path=path)
    if kind == "qoi":
        _check_qoi(content, path, context)
    with explained(path):
        pixels = _decoded(kind, content)
    moves = kind == "jpegxl" and _moves(content)
    several = pixels if moves and pixels.ndim > 2 else pixels[None]
    # the decoder gives no durations
    durations = None
    frames = Frames(
        several.shape[1:],
        pixels.dtype,
        lambda number: several[number],
        durations,
        lossy={"method": _PERHAPS[kind], "certain": False} if kind in _PERHAPS else {},
    )
    if len(several) > 1:
        return _film(path, several, frames, kind, options, context)
    return picture(path, frames, kind, options, context)


def _film(
    path: Path, pixels: Pixels, frames: Frames, kind: str, options: FrameOptions, context: Context
) -> FrameReader:
    """Return all frames of an animated picture, whose durations the decoder keeps to itself."""
    frames.durations = [0.0] * len(pixels)
    frames.notes = ("how long each frame is shown is not read",)
    reader = picture(path, frames, kind, options, context)
    reader.meta.source.pop("durations")
    reader.meta.extra["mlarray"].pop("axes", None)
    return reader


def _decoded(kind: str, content: bytes) -> Pixels:
    if kind == "qoi":
        pixels: Pixels = imagecodecs.qoi_decode(content)
    else:
        pixels = (imagecodecs.jpegxl_decode if kind == "jpegxl" else imagecodecs.jpegxr_decode)(content)
    return pixels


def _check_qoi(content: bytes, path: Path, context: Context) -> None:
    """Compare the size in the header with the file: a byte stands for 62 pixels at most (QOI 1.0, OP_RUN)."""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (4, 8))
    count = width * height
    if not count or count > 62 * len(content):
        raise CorruptError(
            f"its header says {height} x {width}, which {len(content):,} bytes can't hold", path=path
        )
    context.allow(count * content[12], path)
    if content[-8:] != b"\0\0\0\0\0\0\0\1":
        raise CorruptError("is cut short: its end is missing", path=path, hint="Was it copied whole?")


def _moves(content: bytes) -> bool:
    """Say whether a JPEG XL was decoded to several frames."""
    first: Pixels = imagecodecs.jpegxl_decode(content, index=0)
    every: Pixels = imagecodecs.jpegxl_decode(content)
    return every.ndim == first.ndim + 1 and math.prod(every.shape) != math.prod(first.shape)
