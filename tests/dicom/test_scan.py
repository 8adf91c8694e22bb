"""What is an image and what isn't, in folders as scanners, archives and discs make them."""

from __future__ import annotations

import gc
import struct
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io.commands.main import main
from tests.dicom.written import MR, dataset, write, write_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RAW, SPECTRUM = "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.4.2"
PRESENTATION, REPORT = "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.88.11"
VOLUME = np.arange(3 * 4 * 6, dtype=np.uint16).reshape(3, 4, 6)
AFFINE = np.array([[0, 0, 0.75, -5], [0, 0.5, 0, 6], [2, 0, 0, 7], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (RAW, "Raw Data"),
        (SPECTRUM, "MR Spectroscopy"),
        (PRESENTATION, "Grayscale Softcopy Presentation State"),
        (REPORT, "Basic Text SR"),
        ("1.3.46.670589.11.0.0.12.2", "1.3.46.670589.11.0.0.12.2"),
    ],
)
def test_objects_without_pixels(load: Callable[..., Any], tmp_path: Path, kind: str, name: str) -> None:
    """Philips puts raw data with Rows and Columns into the series of its images: no slice is damaged."""
    folder = write_series(tmp_path / "s", VOLUME, AFFINE, SOPClassUID=MR, Modality="MR")
    other = dataset(VOLUME[0], SOPClassUID=kind, Modality="MR", BitsAllocated=None)
    other.PhotometricInterpretation = None
    del other.PixelData
    write(other, folder / "XX_0009")
    image = load(folder)
    np.testing.assert_array_equal(image.array, VOLUME)
    (skipped,) = image.context.report.skipped
    assert str(skipped) == f"XX_0009: no image in it: {name}"
    with pytest.raises(UnsupportedError, match="no image in it"):
        load(folder / "XX_0009")


def test_pixels_that_are_gone(load: Callable[..., Any], tmp_path: Path) -> None:
    """An image object that describes its pixels (Type 1 of C.7.6.3) and has none is damaged."""
    folder = write_series(tmp_path / "s", VOLUME, AFFINE)
    lost = dataset(VOLUME[0], (0, 0, 100))
    del lost.PixelData
    write(lost, folder / "lost")
    with pytest.raises(CorruptError, match="its pixel data are missing"):
        load(folder)


def behind_tiff(path: Path) -> Path:
    """Write the header of a TIFF into the preamble, as PS3.10, 7.1 allows, its page behind the data set."""
    content = bytearray(path.read_bytes())
    at = len(content) - 48
    tags = {256: 6, 257: 4, 258: 16, 259: 1, 262: 1, 273: at, 277: 1, 278: 4, 279: 48}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    page = struct.pack("<H", len(tags)) + entries + bytes(4)
    padding = struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, len(page) + len(page) % 2)
    at = len(content) + len(padding)
    content += padding + page + b"\0" * (len(page) % 2)
    content[:8] = b"II*\0" + struct.pack("<I", at)
    path.write_bytes(content)
    return path


def test_a_file_that_is_tiff_too(tmp_path: Path) -> None:
    """Read as DICOM, as pydicom, GDCM and SimpleITK do: TIFF has neither rescaling nor place."""
    import mlarray

    made = dataset(VOLUME[0], (0, 0, 0), RescaleSlope=1, RescaleIntercept=-1024, SliceThickness=1)
    path = behind_tiff(write(made, tmp_path / "one.dcm"))
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy()[0], VOLUME[0].astype(int) - 1024)


def convert(source: Path, target: Path) -> list[str]:
    assert main(["convert", str(source), str(target), "-q"]) == 0
    return sorted(str(path.relative_to(target)) for path in target.rglob("*.mla"))


@pytest.mark.parametrize("suffix", ["img", "hdr", "v", "rec", "head", "tif", "nii", "raw"])
def test_any_suffix(tmp_path: Path, suffix: str) -> None:
    """Agfa exports DICOM as *.img: one series is one image, into a folder too."""
    write_series(tmp_path / "plain", VOLUME, AFFINE)
    (tmp_path / "named" / "s").mkdir(parents=True)
    for number, path in enumerate(sorted((tmp_path / "plain").iterdir())):
        path.rename(tmp_path / "named" / "s" / f"011-{number}.{suffix}")
    assert len(convert(tmp_path / "named", tmp_path / "out")) == 1


def test_a_disc(tmp_path: Path) -> None:
    """A DICOMDIR with folders and a readme: each series once, no image of the index."""
    from pydicom.fileset import FileSet

    study = {"StudyDate": "20200101", "StudyTime": "120000", "StudyID": "1", "AccessionNumber": "1"}
    folder = write_series(tmp_path / "s", VOLUME, AFFINE, PatientID="1", PatientName="A^B", **study)
    files = FileSet()
    for path in sorted(folder.iterdir()):
        files.add(path)
    files.write(tmp_path / "cd")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of pydicom's temporary folder
        del files
        gc.collect()
    (tmp_path / "cd" / "README.TXT").write_text("viewer")
    (only,) = convert(tmp_path / "cd", tmp_path / "out")
    assert "DICOMDIR" not in only
