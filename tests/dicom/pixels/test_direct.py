"""Frames that imagecodecs decodes straight are those that pydicom's decoders give."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_files
from pydicom.encaps import encapsulate, generate_frames

from mlarray_dicom.instance import read_instance
from mlarray_dicom.pixels import direct, frame_pixels
from mlarray_dicom.pixels.frame_pixels import FramePixels
from mlarray_dicom.pixels.layout import layout_of
from mlarray_dicom.syntaxes import JPEG2000, JPEG_LS, RLE
from tests.dicom.written import dataset as described
from tests.dicom.written import write

imagecodecs = pytest.importorskip("imagecodecs")
pytestmark = pytest.mark.filterwarnings("ignore")


def files():
    """Return the bundled files of single samples in the three compressions."""
    found = {}
    for path in filter(os.path.isfile, map(str, get_testdata_files())):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
            syntax = str(dataset.file_meta.TransferSyntaxUID)
            if (
                syntax in {RLE, *JPEG_LS, *JPEG2000}
                and dataset.get("SamplesPerPixel") == 1
                and "embedded" not in path
            ):
                found[path.rpartition("/")[2]] = path
        except (AttributeError, pydicom.errors.InvalidDicomError):
            continue
    return found


@pytest.mark.parametrize("path", files().values(), ids=files())
def test_straight_and_by_pydicom_are_the_same(path, monkeypatch):
    instance = read_instance(Path(path))
    pixels = FramePixels(instance, layout_of(instance))
    for number in range(pixels.layout.frames):
        straight = pixels[number]
        with monkeypatch.context() as patch:
            patch.setattr(frame_pixels, "decoded", lambda *_: None)
            assert np.array_equal(straight, pixels[number])
            assert straight.dtype == pixels[number].dtype


def frame_of(name):
    path = pydicom.data.get_testdata_file(name, download=False)
    dataset = pydicom.dcmread(path)
    data = next(generate_frames(dataset.PixelData, number_of_frames=1))
    return data, str(dataset.file_meta.TransferSyntaxUID), layout_of(read_instance(Path(path))), dataset


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"]
)
def test_it_is_the_straight_way_that_usual_frames_take(name):
    data, syntax, layout, dataset = frame_of(name)
    values = direct.decoded(data, syntax, layout)
    assert values is not None
    assert np.array_equal(values, dataset.pixel_array)


@pytest.mark.parametrize("signed", [False, True])
def test_jpeg_ls_of_more_bits_than_are_stored_is_as_pydicom_gives_it(tmp_path, monkeypatch, signed):
    """Encoders that know the type of the samples alone say 16 bits where 12 are used."""
    plane = np.random.default_rng(4).integers(-2048 if signed else 0, 2048, (32, 48)).astype(np.int16)
    made = described(plane.view(np.uint16), BitsStored=12, HighBit=11, PixelRepresentation=int(signed))
    made.file_meta.TransferSyntaxUID = min(JPEG_LS)
    made.PixelData = encapsulate([imagecodecs.jpegls_encode(plane.view(np.uint16))])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    instance = read_instance(write(made, tmp_path / "one.dcm"))
    pixels = FramePixels(instance, layout_of(instance))
    straight = pixels[0]
    assert np.array_equal(straight, plane)
    data = next(generate_frames(made.PixelData, number_of_frames=1))
    assert direct.decoded(data, min(JPEG_LS), pixels.layout) is not None
    monkeypatch.setattr(frame_pixels, "decoded", lambda *_: None)
    assert np.array_equal(straight, pixels[0])


@pytest.mark.parametrize("cut", [70, 500, -8])
def test_a_frame_of_rle_that_is_cut_short_goes_to_pydicom(cut):
    data, syntax, layout, _ = frame_of("MR_small_RLE.dcm")
    assert direct.decoded(data[:cut], syntax, layout) is None


def test_a_sign_or_bits_that_the_header_denies_go_to_pydicom():
    data, syntax, layout, _ = frame_of("MR_small_jp2klossless.dcm")
    at = data.index(b"\xff\x4f\xff\x51") + 42
    other = data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]
    assert direct.decoded(other, syntax, layout) is None
