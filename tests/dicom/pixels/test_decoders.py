"""Transfer syntaxes that pydicom 3.0 has no decoder for, or refuses valid streams of."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from mlarray_core.errors import CorruptError
from mlarray_dicom.pixels.codestream import frame_size
from tests.dicom.written import dataset, segmentation, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

DEFLATED, JPEG_LS = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.4.80"
NOISE = np.random.default_rng(1)


STAND_IN = {22: "1.2.840.10008.1.2.4.50", 24: "1.2.840.10008.1.2.4.100"}
"""Syntaxes that pydicom writes by length: it writes none of those that are tested."""


def save(made: Dataset, frames: list[bytes], syntax: str, path: Path) -> Path:
    """Write compressed frames with a transfer syntax that pydicom doesn't know."""
    stand_in = STAND_IN[len(syntax) + len(syntax) % 2]
    made.file_meta.TransferSyntaxUID = stand_in
    made.PixelData = encapsulate(frames)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    content = write(made, path).read_bytes()
    size = len(stand_in) + len(stand_in) % 2
    assert content.count(stand_in.encode()) == 1
    path.write_bytes(
        content.replace(stand_in.encode().ljust(size, b"\0"), syntax.encode().ljust(size, b"\0"))
    )
    return path


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) % 2)


@pytest.mark.parametrize("syntax", [f"1.2.840.10008.1.2.4.{number}" for number in (110, 112)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(3, 16, 24), (2, 200, 133), (1, 600, 600)])
def test_jpeg_xl(
    load: Callable[..., Any], tmp_path: Path, syntax: str, dtype: Any, shape: tuple[int, int, int]
) -> None:
    """Streams of libjxl, lossless."""
    imagecodecs = pytest.importorskip("imagecodecs")
    volume = NOISE.integers(0, 200, shape).astype(dtype)
    streams = [imagecodecs.jpegxl_encode(plane, lossless=True) for plane in volume]
    assert frame_size(streams[0])[:2] == shape[1:]
    made = dataset(volume if shape[0] > 1 else volume[0], None, ImageOrientationPatient=None)
    image = load(save(made, streams, syntax, tmp_path / "one"))
    np.testing.assert_array_equal(image.array, volume if shape[0] > 1 else volume[0])


def test_jpeg_xl_in_colour_and_in_a_container(load: Callable[..., Any], tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    plane = NOISE.integers(0, 255, (40, 30, 3)).astype(np.uint8)
    stream = imagecodecs.jpegxl_encode(plane, lossless=True, usecontainer=True)
    made = dataset(plane[..., 0], None, ImageOrientationPatient=None, SamplesPerPixel=3)
    made.PhotometricInterpretation, made.PlanarConfiguration = "RGB", 0
    path = save(made, [stream], "1.2.840.10008.1.2.4.110", tmp_path / "one")
    np.testing.assert_array_equal(load(path).array, plane)


def test_jpeg_xl_of_another_size(load: Callable[..., Any], tmp_path: Path) -> None:
    """The size is compared with the header's before anything is decoded."""
    imagecodecs = pytest.importorskip("imagecodecs")
    stream = imagecodecs.jpegxl_encode(np.zeros((64, 64), np.uint8), lossless=True)
    made = dataset(np.zeros((16, 16), np.uint8))
    path = save(made, [stream], "1.2.840.10008.1.2.4.110", tmp_path / "one")
    with pytest.raises(CorruptError, match="its pixel data hold 64 x 64 pixels"):
        load(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_deflated_frames(load: Callable[..., Any], tmp_path: Path, dtype: Any) -> None:
    """Each frame deflated on its own (PS3.5, A.4.13), signed ones too."""
    volume = NOISE.integers(-100 if dtype is np.int16 else 0, 100, (3, 5, 7)).astype(dtype)
    made = dataset(volume, None, ImageOrientationPatient=None)
    path = save(made, [deflate(plane.tobytes()) for plane in volume], DEFLATED, tmp_path / "one")
    np.testing.assert_array_equal(load(path).array, volume)


def test_deflated_bits(load: Callable[..., Any], tmp_path: Path) -> None:
    """Frames of single bits begin at a byte each."""
    planes = NOISE.integers(0, 2, (3, 5, 7)).astype(np.uint8)
    planes[:, 0, 0] = 1
    made = segmentation("BINARY", [(2.5 * z, 1) for z in range(3)], planes)
    packed = [deflate(np.packbits(plane.ravel(), bitorder="little").tobytes()) for plane in planes]
    np.testing.assert_array_equal(load(save(made, packed, DEFLATED, tmp_path / "s")).array, planes)


def test_deflate_bomb_in_a_frame(load: Callable[..., Any], tmp_path: Path) -> None:
    """A frame inflates to no more than its size."""
    plane = np.arange(35, dtype=np.uint16).reshape(5, 7)
    frame = deflate(plane.tobytes() + bytes(200 << 20))
    path = save(dataset(plane, None, ImageOrientationPatient=None), [frame], DEFLATED, tmp_path / "one")
    np.testing.assert_array_equal(load(path).array, plane)
    short = save(dataset(plane), [deflate(plane.tobytes()[:-4])], DEFLATED, tmp_path / "two")
    with pytest.raises(CorruptError, match="a deflated frame of 66 bytes, not 70"):
        load(short)


def test_jpeg_ls_with_padding(load: Callable[..., Any], tmp_path: Path) -> None:
    """A 00 before the end marker, which GDCM and pylibjpeg accept and pyjpegls refuses."""
    imagecodecs = pytest.importorskip("imagecodecs")
    plane = (np.add.outer(np.arange(64), np.arange(64)) * 8).astype(np.uint16)
    stream = imagecodecs.jpegls_encode(plane)
    stream = stream[:-2] + b"\0" + stream[-2:]
    path = save(dataset(plane, (0, 0, 0)), [stream + b"\0" * (len(stream) % 2)], JPEG_LS, tmp_path / "one")
    np.testing.assert_array_equal(load(path).array[0], plane)


@pytest.mark.parametrize("frames", [1 << 28, 1 << 30])
def test_more_frames_than_bytes(load: Callable[..., Any], tmp_path: Path, frames: int) -> None:
    made = dataset(np.zeros((4, 6), np.uint16), NumberOfFrames=frames)
    path = save(made, [b"\xff\xd8\xff\0"], JPEG_LS, tmp_path / "one")
    with pytest.raises(CorruptError, match="frames in"):
        load(path)
