"""A decoder plugin for pydicom: JPEG, lossless too, and JPEG-LS, by imagecodecs (BSD licensed).

pydicom asks its own decoders first. Without this, 12-bit JPEG would need a library under the GPL, and
JPEG-LS streams with a padding byte before their end would be refused.
The names of the functions are those that pydicom expects of a decoder plugin.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING

from mlarray_dicom.syntaxes import JPEG_LS

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

LABEL = "imagecodecs"
SYNTAXES = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81))
DECODER_DEPENDENCIES = {syntax: ("numpy", "imagecodecs") for syntax in SYNTAXES}


def is_available(uid: str) -> bool:
    """Say whether imagecodecs is there."""
    return uid in SYNTAXES and find_spec("imagecodecs") is not None


def _decode_frame(src: bytes, runner: DecodeRunner) -> bytearray:
    """Decode one frame; colours come out as RGB."""
    import imagecodecs
    from pydicom.pixels.common import PhotometricInterpretation

    if runner.transfer_syntax in JPEG_LS:
        array = imagecodecs.jpegls_decode(src)
        runner.set_option("planar_configuration", 0)
    elif runner.samples_per_pixel == 1:
        array = imagecodecs.jpeg_decode(src)
    else:
        stored = "RGB" if runner.photometric_interpretation == PhotometricInterpretation.RGB else "YCBCR"
        array = imagecodecs.jpeg_decode(src, colorspace=stored, outcolorspace="RGB")
        runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
        runner.set_option("planar_configuration", 0)
    runner.set_option("bits_allocated", array.dtype.itemsize * 8)
    return bytearray(array.tobytes())


def register() -> None:
    """Add this plugin to pydicom's decoders, once; safe to call from several threads."""
    with _LOCK:
        _register()


_LOCK = Lock()


@cache
def _register() -> None:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    for syntax in SYNTAXES:
        decoder = get_decoder(UID(syntax))
        if is_available(syntax) and LABEL not in decoder.available_plugins:
            decoder.add_plugin(LABEL, (__name__, "_decode_frame"))
