"""Frames of one sample decoded straight by imagecodecs, which other threads needn't wait for.

pydicom's way, with an object for each frame and decoders that keep Python to themselves, takes up to three
times as long and uses one processor. What isn't as usual, or fails here, goes that way: it has the last word.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_dicom.parsing import PARSING
from mlarray_dicom.pixels.codestream import frame_size, is_signed
from mlarray_dicom.syntaxes import JPEG2000, JPEG_LS, RLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlarray_dicom.pixels.layout import PixelLayout

Array = np.ndarray[Any, Any]


def decoded(data: bytes, syntax: str, layout: PixelLayout) -> Array | None:
    """Return the stored values of a frame as the decoder gives them; None where pydicom has to decode it.

    Parameters
    ----------
    data
        The frame, whose header was found to describe one of this size.
    syntax
        Its transfer syntax.
    layout
        How samples are stored.
    """
    decode = _decoder(syntax)
    if decode is None or layout.samples != 1 or layout.kind == "float" or layout.allocated not in (8, 16):
        return None
    try:
        values = decode(data, layout)
    except (*PARSING, RuntimeError, OSError):
        return None
    if values is None or values.shape != layout.shape or values.dtype.itemsize != layout.dtype.itemsize:
        return None
    return values.view(layout.dtype)


@cache
def _decoder(syntax: str) -> Callable[[bytes, PixelLayout], Array | None] | None:
    known = {RLE: _rle, **dict.fromkeys(JPEG_LS, _jpeg_ls), **dict.fromkeys(JPEG2000, _jpeg2000)}
    try:
        import imagecodecs
    except ImportError:
        return None
    needed = {_rle: "DICOMRLE", _jpeg_ls: "JPEGLS", _jpeg2000: "JPEG2K"}
    decode = known.get(syntax)
    return decode if decode and getattr(imagecodecs, needed[decode]).available else None


def _rle(data: bytes, layout: PixelLayout) -> Array | None:
    """Decode a frame into memory of its size, which it must fill (PS3.5, annex G)."""
    from imagecodecs import dicomrle_decode

    out, stored = bytearray(layout.bits // 8), layout.dtype.newbyteorder("<")
    filled = dicomrle_decode(data, stored.str, out=out)
    if len(filled) != len(out):
        return None
    return np.frombuffer(out, stored).astype(layout.dtype, copy=False).reshape(layout.shape)


def _jpeg_ls(data: bytes, layout: PixelLayout) -> Array | None:
    """Decode a frame whose samples have no more bits than the layout has room for.

    Encoders that know the type of the samples alone say 16 bits where 12 are used.
    """
    from imagecodecs import jpegls_decode

    size = frame_size(data)
    if size is None or size[3] > layout.allocated:
        return None
    return np.asarray(jpegls_decode(data))


def _jpeg2000(data: bytes, layout: PixelLayout) -> Array | None:
    """Decode a frame whose samples have the bits and the sign that the layout says."""
    from imagecodecs import jpeg2k_decode

    size = frame_size(data)
    if size is None or size[3] != layout.stored or is_signed(data) != layout.signed:
        return None
    return np.asarray(jpeg2k_decode(data, numthreads=1))
