"""Voxels: rescaling, lookup tables, bits, colours, transfer syntaxes, segmentations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless

from mlarray_core import Additions
from mlarray_core.errors import (
    CorruptError,
    LimitError,
    MissingDependencyError,
    MLArrayError,
)
from mlarray_dicom.pixels import decoders
from tests.dicom.written import dataset, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLANE = np.arange(24, dtype=np.uint16).reshape(4, 6)
VOLUME = np.arange(3 * 4 * 6, dtype=np.int16).reshape(3, 4, 6)
AFFINE = np.array([[0, 0, 0.75, -5], [0, 0.5, 0, 6], [2, 0, 0, 7], [0, 0, 0, 1.0]])
SEG = "1.2.840.10008.5.1.4.1.1.66.4"


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [
        ("1", "-1024", "int32"), ("1", "0", "uint16"), ("0.5", "3", "float32"), ("1", "0.5", "float32"),
        (None, None, "uint16"),
    ],
)  # fmt: skip
def test_rescale(load: Callable[..., Any], tmp_path: Path, slope: Any, intercept: Any, dtype: str) -> None:
    path = write(dataset(PLANE, (0, 0, 0), RescaleSlope=slope, RescaleIntercept=intercept), tmp_path / "one")
    image = load(path)
    assert image.array.dtype == dtype
    np.testing.assert_array_equal(image.array[0], PLANE * float(slope or 1) + float(intercept or 0))
    raw = load(path, raw=True)
    np.testing.assert_array_equal(raw.array[0], PLANE)
    if slope is not None and dtype != "uint16":
        assert Additions.of(raw.meta).rescale.applied is False


def test_range_follows_the_bits_that_are_stored(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(PLANE, (0, 0, 0), BitsStored=12, HighBit=11, RescaleSlope=1, RescaleIntercept=-1024)
    assert load(write(made, tmp_path / "one")).array.dtype == np.int16


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(1e-3, 100), st.floats(-100, 100)), min_size=3, max_size=3, unique=True))
def test_slope_of_each_slice(
    load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, scales: list[tuple[float, float]]
) -> None:
    """Slices with their own slope (PET) are rescaled each, to the rounding of float32."""
    texts = [(f"{slope:.8g}", f"{intercept:.8g}") for slope, intercept in scales]
    folder = write_series(
        tmp_path_factory.mktemp("s"), VOLUME, AFFINE,
        RescaleSlope=lambda index: texts[index][0], RescaleIntercept=lambda index: texts[index][1],
    )  # fmt: skip
    image = load(folder)
    if len(set(texts)) < 2:
        return
    wanted = np.stack(
        [VOLUME[i] * float(slope) + float(intercept) for i, (slope, intercept) in enumerate(texts)]
    )
    assert image.array.dtype == np.float32
    np.testing.assert_array_equal(image.array, wanted.astype(np.float32))
    if len({slope for slope, _ in texts}) == 3:
        assert image.meta.source["per_frame"]["00281053"]["Value"] == [float(slope) for slope, _ in texts]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("high", [11, 13])
def test_only_the_bits_that_are_stored(
    load: Callable[..., Any], tmp_path: Path, signed: bool, high: int
) -> None:
    """Overlays and dirt above, and whatever lies below, are no part of the value; the sign is extended."""
    values = (
        np.array([[0, 1, 2047, 2047], [5, 6, 7, 8]]) if not signed else np.array([[-2048, -1, 0, 2047]] * 2)
    )
    shift = high - 11
    stored = (values & 0xFFF) << shift | 0xC000 if high == 13 else (values & 0xFFF) | 0xF000
    stored = stored | (1 if shift else 0)
    made = dataset(
        stored.astype(np.uint16), (0, 0, 0), BitsStored=12, HighBit=high, PixelRepresentation=int(signed)
    )
    np.testing.assert_array_equal(load(write(made, tmp_path / "one")).array[0], values)


def test_big_endian_and_deflated(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(PLANE, (0, 0, 0))
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    np.testing.assert_array_equal(load(write(made, tmp_path / "deflated")).array[0], PLANE)
    made = dataset(PLANE, (0, 0, 0))
    made.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    made.PixelData = PLANE.astype(">u2").tobytes()
    made["PixelData"].VR = "OW"
    made.save_as(tmp_path / "big", implicit_vr=False, little_endian=False, enforce_file_format=True)
    np.testing.assert_array_equal(load(tmp_path / "big").array[0], PLANE)


def test_deflate_bomb(load: Callable[..., Any], tmp_path: Path) -> None:
    """A small file that inflates to gigabytes is not inflated beyond its image."""
    import zlib

    made = dataset(PLANE, (0, 0, 0))
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = write(made, tmp_path / "bomb")
    content = path.read_bytes()
    start = content.index(b"1.2.840.10008.1.2.1.99") + 22
    from mlarray_dicom.instance import _end_of_meta

    start = _end_of_meta(content)
    body = zlib.decompress(content[start:], -15)
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(body) + b"".join(bomb.compress(bytes(1 << 20)) for _ in range(300)) + bomb.flush()
    path.write_bytes(content[:start] + packed)
    np.testing.assert_array_equal(load(path).array[0], PLANE)


def compressed(made: Dataset, frames: list[bytes], syntax: str, **options: Any) -> Dataset:
    made.file_meta.TransferSyntaxUID = syntax
    made.PixelData = encapsulate(frames, **options)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return made


def test_fragments_of_many_frames(load: Callable[..., Any], tmp_path: Path) -> None:
    """Frames in several fragments are found by the offset table, and without one by where streams begin."""
    import imagecodecs

    volume = np.random.default_rng(1).integers(0, 255, (4, 16, 16)).astype(np.uint8)
    streams = [imagecodecs.jpegls_encode(plane) for plane in volume]
    for has_table in (True, False):
        made = dataset(volume, ImageOrientationPatient=None)
        compressed(made, streams, "1.2.840.10008.1.2.4.80", fragments_per_frame=3, has_bot=has_table)
        np.testing.assert_array_equal(load(write(made, tmp_path / "one")).array, volume)


@pytest.mark.parametrize("bits", [8, 12])
def test_jpeg_without_gpl(load: Callable[..., Any], tmp_path: Path, bits: int, monkeypatch: Any) -> None:
    """Lossless JPEG is decoded by imagecodecs alone."""
    import imagecodecs
    from pydicom.pixels import get_decoder

    dtype = np.uint8 if bits == 8 else np.uint16
    plane = np.random.default_rng(1).integers(0, 2**bits, (16, 24)).astype(dtype)
    stream = imagecodecs.ljpeg_encode(plane, bitspersample=bits)
    made = dataset(plane, (0, 0, 0), BitsStored=bits, HighBit=bits - 1)
    path = write(compressed(made, [stream], "1.2.840.10008.1.2.4.70"), tmp_path / "one")
    decoder = decoders.decoder_of("1.2.840.10008.1.2.4.70")
    own = {"imagecodecs": decoder._available["imagecodecs"]}
    monkeypatch.setattr(get_decoder("1.2.840.10008.1.2.4.70"), "_available", own)
    np.testing.assert_array_equal(load(path).array[0], plane)


def test_missing_decoder(load: Callable[..., Any], tmp_path: Path, monkeypatch: Any) -> None:
    made = dataset(PLANE, (0, 0, 0))
    made.compress(RLELossless)
    path = write(made, tmp_path / "one")
    monkeypatch.setattr(decoders.decoder_of(RLELossless), "_available", {})
    with pytest.raises(MissingDependencyError, match="RLE Lossless") as caught:
        load(path)
    assert "pip install 'mlarray[dicom]'" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "attributes", [{"Rows": 60000, "Columns": 60000}, {"Rows": 5}, {"SamplesPerPixel": 3}]
)
def test_compressed_frame_of_another_size(
    load: Callable[..., Any], tmp_path: Path, attributes: dict[str, Any]
) -> None:
    """A header that claims more than the stream holds is refused before memory is taken."""
    import imagecodecs

    plane = PLANE.astype(np.uint8)
    made = dataset(plane, (0, 0, 0))
    compressed(made, [imagecodecs.jpegls_encode(plane)], "1.2.840.10008.1.2.4.80")
    made.update({k: None for k in ()})
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    path = write(made, tmp_path / "one")
    if attributes.get("Rows") == 60000:
        with pytest.raises(LimitError):
            from mlarray_dicom import DicomFormat
            from mlarray_dicom.options import DicomOptions
            from mlarray_io import Context, Source

            context = Context(max_bytes=1 << 28)
            (image,) = DicomFormat().images(Source(path), DicomOptions(), context)
            DicomFormat().open(Source(path), image, DicomOptions(), context)
        return
    with pytest.raises(CorruptError):
        load(path)


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"Rows": 0}, "pixels large"),
        ({"Rows": 60000}, "pixel data are 48 bytes long"),
        ({"Rows": None}, "Rows"),
        ({"BitsAllocated": 12}, "12 bits"),
        ({"BitsStored": 40}, "stores 40 bits"),
        ({"NumberOfFrames": 0}, "frames"),
        ({"NumberOfFrames": 900}, "bytes long"),
        ({"SamplesPerPixel": 2}, "samples per pixel"),
        ({"PhotometricInterpretation": "RGB"}, "one sample"),
    ],
)
def test_senseless_headers(
    load: Callable[..., Any], tmp_path: Path, attributes: dict[str, Any], error: str
) -> None:
    path = write(dataset(PLANE, (0, 0, 0), **attributes), tmp_path / "one")
    with pytest.raises(MLArrayError, match=error):
        load(path)


def test_no_pixels(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(PLANE, (0, 0, 0))
    made.PixelData = b""
    with pytest.raises(CorruptError, match="0 bytes long"):
        load(write(made, tmp_path / "one"))
    del made.PixelData
    with pytest.raises(CorruptError, match="missing"):
        load(write(made, tmp_path / "two"))


def test_modality_lut(load: Callable[..., Any], tmp_path: Path) -> None:
    """A table replaces slope and intercept; values outside it get its ends."""
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4, 2, 16], [10, 20, 30, 40]
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "US"
    made = dataset(PLANE, (0, 0, 0), ModalityLUTSequence=[table])
    image = load(write(made, tmp_path / "one"))
    np.testing.assert_array_equal(image.array[0], np.array([10, 20, 30, 40])[np.clip(PLANE, 2, 5) - 2])


def test_monochrome1(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(PLANE, (0, 0, 0), PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
    path = write(made, tmp_path / "one")
    image = load(path)
    np.testing.assert_array_equal(image.array[0], PLANE)
    assert any("MONOCHROME1" in warning for warning in image.context.report.warnings)
    np.testing.assert_array_equal(load(path, monochrome1="invert").array[0], 4095 - PLANE)


def palette(bits: int) -> dict[str, Any]:
    ramp = np.arange(256, dtype=np.uint16) if bits == 8 else np.arange(256, dtype=np.uint16) * 257
    if bits == 16:
        ramp = ramp + 1
    found: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, factor in (("Red", 1), ("Green", 2), ("Blue", 3)):
        found[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        found[f"{name}PaletteColorLookupTableData"] = (ramp * factor).astype("<u2").tobytes()
    return found


def test_palette(load: Callable[..., Any], tmp_path: Path) -> None:
    made = dataset(PLANE.astype(np.uint8), None, ImageOrientationPatient=None, **palette(16))
    path = write(made, tmp_path / "one")
    image = load(path)
    assert image.spatial.axis_labels == ["spatial_y", "spatial_x", "components"]
    assert image.array.dtype == np.uint16
    np.testing.assert_array_equal(image.array[..., 1], (PLANE * 257 + 1) * 2)
    np.testing.assert_array_equal(load(path, palette="index").array, PLANE)


def segmentation(path: Path, masks: dict[int, np.ndarray], kind: str = "BINARY", **attributes: Any) -> Path:
    """Write a SEG: for each segment slices (z -> plane); slices without a voxel are left out, as usual."""
    frames, groups, segments = [], [], []
    for number, mask in masks.items():
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, f"part {number}"
        segments.append(segment)
        for z, plane in enumerate(mask):
            if not plane.any():
                continue
            place, identity, item = Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = [0, 0, 3.0 * z]
            identity.ReferencedSegmentNumber = number
            item.PlanePositionSequence, item.SegmentIdentificationSequence = [place], [identity]
            groups.append(item)
            frames.append(plane)
    measures, tilt, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.75], 3
    tilt.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [tilt]
    volume = np.stack(frames).astype(np.uint8)
    made = dataset(
        volume, None, ImageOrientationPatient=None, PixelSpacing=None, SOPClassUID=SEG, SegmentationType=kind,
        SegmentSequence=segments, PerFrameFunctionalGroupsSequence=groups,
        SharedFunctionalGroupsSequence=[shared],
        **attributes,
    )  # fmt: skip
    if kind == "BINARY":
        made.BitsAllocated = made.BitsStored = 1
        made.HighBit = 0
        packed = np.packbits(volume.ravel(), bitorder="little").tobytes()
        made.PixelData = packed + b"\0" * (len(packed) % 2)
    return write(made, path)


def masks(*, overlapping: bool) -> dict[int, np.ndarray]:
    first = np.zeros((5, 5, 7), bool)
    second = first.copy()
    first[0:2, 1:3, 1:4], second[3:5, 2:5, 2:6] = True, True
    if overlapping:
        second[1, 2, 3] = True
    return {1: first, 3: second}


@pytest.mark.parametrize("said", [None, "NO", "UNDEFINED"])
def test_segments_become_a_label_map(load: Callable[..., Any], tmp_path: Path, said: str | None) -> None:
    """Frames of single bits needn't begin at a byte; slices without segments are zeros, not missing."""
    image = load(segmentation(tmp_path / "seg", masks(overlapping=False), SegmentsOverlap=said))
    wanted = masks(overlapping=False)[1] + 3 * masks(overlapping=False)[3]
    np.testing.assert_array_equal(image.array, wanted)
    assert image.meta.is_seg == True  # noqa: E712
    assert [part["label"] for part in Additions.of(image.meta).channels] == ["part 1", "part 3"]
    assert image.spatial.spacing == [3, 0.5, 0.75]


@pytest.mark.parametrize("said", [None, "YES"])
def test_overlapping_segments_get_an_axis(load: Callable[..., Any], tmp_path: Path, said: str | None) -> None:
    image = load(segmentation(tmp_path / "seg", masks(overlapping=True), SegmentsOverlap=said))
    np.testing.assert_array_equal(image.array, np.stack(list(masks(overlapping=True).values())))
    assert image.spatial.axis_labels == ["segment", "spatial_z", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes[0].values == [1, 3]


def test_segments_that_lie(load: Callable[..., Any], tmp_path: Path) -> None:
    """Overlap where none was promised is an error, not a loss."""
    with pytest.raises(CorruptError, match="overlap"):
        load(segmentation(tmp_path / "seg", masks(overlapping=True), SegmentsOverlap="NO"))


def test_fractional_segments(load: Callable[..., Any], tmp_path: Path) -> None:
    parts = {number: mask * np.uint8(200) for number, mask in masks(overlapping=True).items()}
    image = load(segmentation(tmp_path / "seg", parts, "FRACTIONAL", MaximumFractionalValue=200))
    np.testing.assert_array_equal(image.array, np.stack(list(parts.values())))
    assert Additions.of(image.meta).rescale.slope == 1 / 200


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.integers(1, 3))
def test_boxes(
    load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, data: Any, threads: int
) -> None:
    """Any box holds what the whole image holds there, whatever the number of threads."""
    from mlarray_dicom import DicomFormat
    from mlarray_dicom.options import DicomOptions
    from mlarray_io import Context, Source

    folder = write_series(tmp_path_factory.mktemp("s"), VOLUME, AFFINE)
    source, context = Source(folder), Context(threads=threads)
    (image,) = DicomFormat().images(source, DicomOptions(), context)
    with DicomFormat().open(source, image, DicomOptions(), context) as reader:
        box = tuple(slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2)))) for n in reader.shape)
        np.testing.assert_array_equal(reader[box], VOLUME[box])
