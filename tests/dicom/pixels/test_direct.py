"""Frames that imagecodecs decodes straight are those that pydicom's decoders give."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_files
from pydicom.encaps import generate_frames

from mlarray_dicom.instance import read_instance
from mlarray_dicom.pixels import direct, frame_pixels
from mlarray_dicom.pixels.frame_pixels import FramePixels
from mlarray_dicom.pixels.layout import layout_of
from mlarray_dicom.syntaxes import JPEG2000, JPEG_LS, RLE

pytest.importorskip("imagecodecs")
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


@pytest.mark.parametrize("cut", [70, 500, -8])
def test_a_frame_of_rle_that_is_cut_short_goes_to_pydicom(cut):
    data, syntax, layout, _ = frame_of("MR_small_RLE.dcm")
    assert direct.decoded(data[:cut], syntax, layout) is None


def test_a_sign_or_bits_that_the_header_denies_go_to_pydicom():
    data, syntax, layout, _ = frame_of("MR_small_jp2klossless.dcm")
    at = data.index(b"\xff\x4f\xff\x51") + 42
    other = data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]
    assert direct.decoded(other, syntax, layout) is None
