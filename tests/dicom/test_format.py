"""The tests that every format passes, on files that come with pydicom, with pydicom as the reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_rescale

from mlarray_dicom import DicomFormat
from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests
from tests.dicom.written import write_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io import Format, ImageRef
    from mlarray_io.testing import Reference

NAMES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "SC_rgb_rle.dcm",
    "rtdose.dcm",
)


def bundled(name: str) -> Path:
    """Return a file that pydicom brings along."""
    path = get_testdata_file(name, download=False)
    assert path is not None, name
    return Path(str(path))


class TestDicom(FormatTests):
    """Single files."""

    claims_also: ClassVar[tuple[str, ...]] = ("dicom",)
    mutants: ClassVar[int] = 12

    @pytest.fixture
    def format(self) -> Format:
        return DicomFormat()

    @pytest.fixture
    def samples(self) -> Sequence[Path]:
        return [bundled(name) for name in NAMES]

    def reference(self, path: Path, image: ImageRef) -> Reference | None:
        header: Any = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in header.file_meta:
            header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
        voxels = apply_rescale(header.pixel_array, header)
        if header.get("DoseGridScaling"):
            return voxels * float(header.DoseGridScaling), None, None
        if header.get("ImagePositionPatient") is None:
            return voxels, None, None
        return voxels[None], None, None


class TestFolder(FormatTests):
    """A folder of slices."""

    claims_also: ClassVar[tuple[str, ...]] = ("dicom",)

    @pytest.fixture
    def format(self) -> Format:
        return DicomFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
        volume = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
        folder = tmp_path_factory.mktemp("series") / "study"
        return [write_series(folder, volume, np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]], RescaleSlope=2)]


def test_folders_without_dicom_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here " * 100)
    assert DicomFormat().sniff(Source(tmp_path)) == Confidence.NO
