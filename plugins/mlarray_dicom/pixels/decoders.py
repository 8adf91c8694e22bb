"""Decoders by transfer syntax: pydicom's plugins, and what pydicom 3.0 knows none for."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import MissingDependencyError, UnsupportedError
from mlarray_dicom.syntaxes import DEFLATED_FRAMES, JPEG_XL, NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.pixels.decoders.base import Decoder

    from mlarray_dicom.pixels.layout import PixelLayout

    Array = np.ndarray[Any, Any]
    Own = Callable[[bytes, PixelLayout], Array]

_INSTALL = "Install one with: pip install 'mlarray[dicom]'"


def own_decoder_of(syntax: str, path: Path | None = None) -> Own | None:
    """Return a decoder for what pydicom has none, None for every other transfer syntax.

    Raises
    ------
    MissingDependencyError
        It needs a library that isn't installed; the hint says which.
    """
    if syntax == DEFLATED_FRAMES:
        return _deflated
    if syntax not in JPEG_XL:
        return None
    if not _knows_jpeg_xl():
        raise MissingDependencyError(
            f"no decoder for its transfer syntax, {NAMES[syntax]}, is installed", path=path, hint=_INSTALL
        )
    return _jpeg_xl


def _knows_jpeg_xl() -> bool:
    try:
        from imagecodecs import JPEGXL
    except ImportError:
        return False
    return bool(JPEGXL.available)


def _deflated(data: bytes, layout: PixelLayout) -> Array:
    """Inflate a frame, which is stored as native ones are, but begins at a byte (PS3.5, A.4.13)."""
    size = -(-layout.bits // 8)
    content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size)
    if len(content) < size:
        raise ValueError(f"a deflated frame of {len(content)} bytes, not {size}")
    if layout.allocated == 1:
        return np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")[: layout.bits].reshape(
            layout.shape
        )
    values = np.frombuffer(content, layout.dtype.newbyteorder("<"))
    if layout.planar and layout.samples > 1:
        values = values.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0)
    return values.reshape(layout.shape)


def _jpeg_xl(data: bytes, layout: PixelLayout) -> Array:
    """Decode a frame; its size was compared with the header's before."""
    from imagecodecs import jpegxl_decode

    return np.asarray(jpegxl_decode(data)).reshape(layout.shape)


def decoder_of(syntax: str, path: Path | None = None) -> Decoder:
    """Return pydicom's decoder for a transfer syntax.

    Raises
    ------
    UnsupportedError
        There is none.
    MissingDependencyError
        It needs a library that isn't installed; the hint says which.
    """
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    from mlarray_dicom.pixels import imagecodecs_decoder

    imagecodecs_decoder.register()
    uid = UID(syntax)
    name = uid.name if uid.is_transfer_syntax else syntax
    try:
        decoder = get_decoder(uid)
    except NotImplementedError as error:
        raise UnsupportedError(
            f"there is no decoder for its transfer syntax, {name}",
            path=path,
            hint="Recompress it with the program that wrote it",
        ) from error
    if not decoder.is_available:
        raise MissingDependencyError(
            f"no decoder for its transfer syntax, {name}, is installed", path=path, hint=_INSTALL
        )
    return decoder
