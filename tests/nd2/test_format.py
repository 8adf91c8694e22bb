"""ND2 under the compliance suite: a file of a Nikon A1, whole and as an interrupted experiment leaves it."""

from __future__ import annotations

import lzma
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.testing import FormatTests
from mlarray_nd2 import Nd2Format
from mlarray_nd2.frames import Frames

nd2 = pytest.importorskip("nd2")

DATA = Path(__file__).parent.parent / "data" / "nd2" / "cluster.nd2.xz"
CONTENT = lzma.decompress(DATA.read_bytes())
SHAPE = (3, 10, 2, 31, 38)


@pytest.fixture
def cluster(tmp_path):
    path = tmp_path / "cluster.nd2"
    path.write_bytes(CONTENT)
    return path


def stored():
    """Return the planes as they lie: each 4096 bytes behind the start of its chunk, channels innermost.

    The layout is that which nd2reader and Bio-Formats read: 16 bytes, the padded name, the time, the pixels.
    """
    planes = np.zeros((30, 31, 38, 2), "u2")
    for number in range(30):
        at = CONTENT.index(b"ImageDataSeq|%d!" % number) - 16 + 4096
        planes[number] = np.frombuffer(CONTENT, "<u2", 31 * 38 * 2, at).reshape(31, 38, 2)
    return planes.transpose(0, 3, 1, 2).reshape(SHAPE)


class TestNd2(FormatTests):
    mutants = 16

    @pytest.fixture
    def format(self):
        return Nd2Format()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        path = tmp_path_factory.mktemp("nd2") / "cluster.nd2"
        path.write_bytes(CONTENT)
        return [path]

    def reference(self, path, image):
        size = 0.16780898323268245
        return stored(), np.diag([0.5, size, size, 1]), None  # sizes alone: no place, no direction


def test_axes_times_and_channels(cluster):
    image = mlarray.read(cluster)
    spatial = image.meta.spatial
    assert spatial.axis_labels == ["temporal", "spatial_z", "channel", "spatial_y", "spatial_x"]
    assert spatial.axis_units == ["s", "um", "", "um", "um"]
    assert spatial.spacing == [0.5, 0.16780898323268245, 0.16780898323268245]
    additions = Additions.of(image.meta)
    # seconds of the first plane of each time point, from the file's own record of its events
    np.testing.assert_allclose(additions.axes[0].values, [0.445083, 11.086180, 21.740178], atol=1e-6)
    assert [dict(channel) for channel in additions.channels] == [
        {
            "name": "5-FAM/pH 9.0",
            "EmissionWavelength": 525.0,
            "EmissionWavelengthUnit": "nm",
            "ExcitationWavelength": 488.0,
            "ExcitationWavelengthUnit": "nm",
            "color": "#78E90F",
        },
        {
            "name": "FM 4-64/2% CHAPS",
            "EmissionWavelength": 700.0,
            "EmissionWavelengthUnit": "nm",
            "ExcitationWavelength": 561.0,
            "ExcitationWavelengthUnit": "nm",
            "color": "#FE0100",
        },
    ]
    stage = image.meta.source["stage_position_um"]
    np.testing.assert_allclose(stage[:2], [-26056.951, -4155.463], atol=1e-3)


def opened(path):
    format, context = Nd2Format(), Context()
    image = images_of(Source(path), format, format.options_type(), context)[0]
    return open_image(Source(path), format, image, format.options_type(), context), context


def test_planes_that_are_not_stored_are_zero_and_told(cluster):
    """An experiment that was stopped has fewer planes than planned; nd2 hands back zeros without a word."""
    at = CONTENT.rindex(b"ImageDataSeq|3!")  # in the index at the end
    cluster.write_bytes(CONTENT[:at] + b"NotAnImage__|3!" + CONTENT[at + 15 :])
    reader, context = opened(cluster)
    with reader:
        voxels = reader[tuple(slice(0, size) for size in reader.shape)]
    expected = stored()
    expected[0, 3] = 0
    np.testing.assert_array_equal(voxels, expected)
    assert context.report.warnings == ["1 of its 30 planes aren't stored, and are 0"]


def test_a_plane_behind_the_end_is_damage(cluster):
    """Here too nd2 hands back zeros."""
    name = b"ImageDataSeq|29!"
    at = CONTENT.rindex(name) + len(name)
    far = (len(CONTENT) - 5000).to_bytes(8, "little")
    cluster.write_bytes(CONTENT[:at] + far + CONTENT[at + 8 :])
    with pytest.raises(CorruptError, match="ends before a plane that its index names"):
        opened(cluster)


def places(*loops):
    return Frames(SimpleNamespace(loop_indices=loops), Path("a.nd2"))  # type: ignore[arg-type]


def test_positions_are_images_of_their_own():
    """Loops of a file with two positions within each time, as nd2 lists them."""
    frames = places(*({"T": t, "P": p, "Z": z} for t in range(2) for p in range(2) for z in range(3)))
    assert (frames.positions, frames.outer) == (2, {"T": 2, "Z": 3})
    assert list(frames.numbers(0).values()) == [0, 1, 2, 6, 7, 8]
    assert frames.numbers(1)[1, 2] == 11


def test_a_loop_over_channels_is_refused():
    with pytest.raises(UnsupportedError, match="loop over C"):
        _ = places({"C": 0}, {"C": 1}).loops


def test_private_names_are_still_there(cluster):
    from mlarray_nd2.private_names import frame_bytes, frame_places, position_names

    with nd2.ND2File(cluster) as file:
        found = frame_places(file)
        assert found is not None
        assert sorted(found) == list(range(30))
        assert frame_bytes(file) == 31 * 152
        assert position_names(file) == ["XYPos:0"]
