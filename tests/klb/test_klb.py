"""Files of known content that pyklb 0.3.0 wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyklb")

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, LimitError
from mlarray_io.testing import FormatTests, specimens
from mlarray_klb import KlbFormat

DATA = Path(__file__).parent.parent / "data" / "klb"
VOXELS = (np.arange(2 * 3 * 4 * 5 * 6) % 500).reshape(2, 3, 4, 5, 6)
"""t, c, z, y, x."""


class TestKlb(FormatTests):
    @pytest.fixture
    def format(self):
        return KlbFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / "five.klb", DATA / "volume.klb"]

    def reference(self, path, image):
        voxels = VOXELS.astype("u2") if path.stem == "five" else VOXELS[0, 0].astype("f4")
        return voxels, np.diag([4, 2, 1, 1]), None


def test_axes_and_steps():
    image = mlarray.read(DATA / "five.klb")
    assert list(image.meta.spatial.axis_labels)[:2] == ["temporal", "channel"]
    assert list(image.meta.spatial.axis_units) == ["s", "", "um", "um", "um"]
    assert Additions.of(image.meta).axes[0].values == [0, 10]


@pytest.mark.parametrize(
    ("at", "content", "error"),
    [
        (1, b"\0\0\0\0", CorruptError),  # size along x
        (1, b"\xff\xff\xff\x7f", CorruptError),  # a table longer than the file
        (41, b"\x63", CorruptError),  # type
        (500, b"\xff\xff", CorruptError),  # a packed block
    ],
)
def test_headers_that_make_no_sense(tmp_path, at, content, error):
    data = bytearray((DATA / "volume.klb").read_bytes())
    data[at : at + len(content)] = content
    path = tmp_path / "volume.klb"
    path.write_bytes(data)
    with pytest.raises(error), specimens.opened(KlbFormat(), path) as reader:
        specimens.whole(reader)


def test_blocks_that_are_far_too_large(tmp_path):
    data = bytearray((DATA / "volume.klb").read_bytes())
    for at in (1, 5, 9, 299, 303, 307):
        data[at : at + 4] = (1 << 11).to_bytes(4, "little")
    path = tmp_path / "volume.klb"
    path.write_bytes(data)
    with pytest.raises(LimitError):
        specimens.opened(KlbFormat(), path)
