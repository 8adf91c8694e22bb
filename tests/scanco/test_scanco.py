"""ISQ and AIM of known content, which itk-ioscanco 1.0.1 wrote with ITK 5.4.7."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsupportedError
from mlarray_io.testing import FormatTests, specimens
from mlarray_scanco import ScancoFormat

DATA = Path(__file__).parent.parent / "data" / "scanco"
VOXELS = (np.arange(4 * 5 * 6) * 7 - 200).reshape(4, 5, 6)
"""z, y, x, of 0.082, 0.061 and 0.061 mm; ITK's origin is 0.61, 1.22, 0.82, which its ISQ leaves out."""


class TestScanco(FormatTests):
    @pytest.fixture
    def format(self):
        return ScancoFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / name for name in ("plain.isq", "short.aim", "float.aim", "long.aim")]

    def reference(self, path, image):
        affine = np.array([[0, 0, 0.061, 0], [0, 0.061, 0, 0], [0.082, 0, 0, 0], [0, 0, 0, 1]])
        affine = affine if path.suffix == ".aim" else np.diag([0.082, 0.061, 0.061, 1])
        affine[:3, 3] = (0.61, 1.22, 0.82) if path.suffix == ".aim" else 0
        return VOXELS.astype("f4" if path.stem == "float" else "i2"), affine, None


def test_calibration_is_kept_and_values_are_as_stored(tmp_path):
    """Scanco's values can be turned to HU, to density or to attenuation: which, is the user's to say."""
    image = mlarray.read(changed(tmp_path, "plain.isq", 88, (4096).to_bytes(4, "little")))
    np.testing.assert_array_equal(image.to_numpy(), VOXELS)
    assert image.meta.source["mu_scaling"] == 4096
    assert "Processing Log" in mlarray.read(DATA / "short.aim").meta.source["processing_log"]


def changed(tmp_path, name, at, content):
    data = bytearray((DATA / name).read_bytes())
    data[at : at + len(content)] = content
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "at", "content", "error"),
    [
        ("plain.isq", 16, (9).to_bytes(4, "little"), UnsupportedError),  # type: an overview
        ("plain.isq", 44, (0).to_bytes(4, "little"), CorruptError),  # dimx_p
        ("plain.isq", 44, (1 << 30).to_bytes(4, "little"), CorruptError),
        ("plain.isq", 56, (0).to_bytes(4, "little"), CorruptError),  # dimx_um
        ("plain.isq", 508, (-2).to_bytes(4, "little", signed=True), CorruptError),  # offset of the data
        ("plain.isq", 508, (1 << 28).to_bytes(4, "little"), CorruptError),
        ("short.aim", 40, (0x00120003).to_bytes(4, "little"), UnsupportedError),  # vectors
        ("short.aim", 40, (0x7FFF0001).to_bytes(4, "little"), UnsupportedError),
        ("short.aim", 8, (1 << 30).to_bytes(4, "little"), LimitError),  # length of the log
        ("short.aim", 128, bytes(4), CorruptError),  # size of voxels
        ("short.aim", 56, (0).to_bytes(4, "little"), CorruptError),  # dimension
        ("long.aim", 24, (1 << 40).to_bytes(8, "little"), CorruptError),  # length of the structure
    ],
)
def test_headers_that_make_no_sense(tmp_path, name, at, content, error):
    path = changed(tmp_path, name, at, content)
    with pytest.raises(error), specimens.opened(ScancoFormat(), path) as reader:
        specimens.whole(reader)


def test_unknown_types_say_a_way_out(tmp_path):
    path = changed(tmp_path, "short.aim", 40, (0x00120003).to_bytes(4, "little"))
    with pytest.raises(MLArrayError, match="type 0x00120003") as caught:
        mlarray.read(path)
    assert "itk-ioscanco" in caught.value.hint
