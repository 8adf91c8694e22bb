"""Files of known content that bvbabel 0.4.0 wrote."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_brainvoyager import BrainVoyagerFormat
from mlarray_core import Additions
from mlarray_core.errors import CorruptError, LimitError, UnsupportedError
from mlarray_io.sdk.files import streams
from mlarray_io.testing import FormatTests, specimens

DATA = Path(__file__).parent.parent / "data" / "brainvoyager"
STORED = (np.arange(4 * 5 * 6) % 200).reshape(4, 5, 6).astype("u1")
"""Z, Y, X as BrainVoyager has them: bvbabel's arrays are X and Y exchanged, and turned around, all three."""
CONTENT = {
    "anatomy.vmr": STORED,
    "deep.v16": STORED.astype("u2") * 100,
    "mask.msk": (STORED > 50).astype("u1"),
    "course.vtc": STORED[..., None].astype("f4") + np.arange(3, dtype="f4"),
    "maps.vmp": (STORED * np.float32(0.5))[None],
}


class TestBrainVoyager(FormatTests):
    has_signature = False

    @pytest.fixture
    def format(self):
        return BrainVoyagerFormat()

    @pytest.fixture
    def samples(self):
        return [DATA / name for name in CONTENT]

    def reference(self, path, image):
        return CONTENT[path.name.lower()], None, None


def test_size_of_voxels_is_behind_those_of_an_anatomy():
    image = mlarray.read(DATA / "anatomy.vmr")
    assert list(image.meta.spatial.spacing) == [3, 2, 1]
    assert image.meta.spatial.coord_system is None


@pytest.mark.parametrize("name", CONTENT)
def test_packed_files_are_read_forwards(name, tmp_path):
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress((DATA / name).read_bytes()))
    image, plain = mlarray.read(path), mlarray.read(DATA / name)
    np.testing.assert_array_equal(image.to_numpy(), plain.to_numpy())
    assert image.meta.to_mapping() == plain.meta.to_mapping()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptError, match=r"\.gz"):
        mlarray.read(path).to_numpy()


def test_a_packed_anatomy_is_measured_before_it_is_unpacked(tmp_path):
    """What stands behind its voxels is reached by unpacking all of them."""
    path = tmp_path / "a.vmr.gz"
    path.write_bytes(gzip.compress(struct.pack("<4H", 4, 600, 600, 600) + bytes(30 << 20)))
    with pytest.raises(CorruptError, match="216,000,008 bytes"):
        mlarray.read(path)
    path.write_bytes(gzip.compress(struct.pack("<4H", 4, 300, 300, 300) + bytes(30 << 20)))
    with pytest.raises(LimitError):
        mlarray.convert(path, tmp_path / "a.mla", max_bytes=1 << 20)


def test_the_unset_world_is_told(tmp_path):
    result = mlarray.convert(DATA / "anatomy.vmr", tmp_path / "out.mla")
    assert any("world is unset" in text for text in result.warnings)


def test_time_is_the_fastest_axis_of_a_vtc():
    image = mlarray.read(DATA / "course.vtc")
    assert list(image.meta.spatial.axis_labels) == ["spatial_z", "spatial_y", "spatial_x", "temporal"]
    assert Additions.of(image.meta).axes[3].values == [0, 2000, 4000]
    assert image.meta.spatial.axis_units[3] == "ms"
    assert image.meta.source["XStart"] == 100


def test_masks_hold_labels():
    assert mlarray.read(DATA / "mask.msk").meta.is_seg


@pytest.mark.parametrize(
    ("name", "at", "content", "error"),
    [
        ("anatomy.vmr", 2, b"\0\0", CorruptError),  # DimX
        ("anatomy.vmr", 2, b"\xff\xff", CorruptError),
        ("course.vtc", 0, b"\2\0", UnsupportedError),  # version
        ("mask.msk", 0, b"\0\0", CorruptError),  # step
        ("mask.msk", 4, b"\0\0", CorruptError),  # XEnd
        ("maps.vmp", 4, b"\5\0", UnsupportedError),  # version
        ("maps.vmp", 12, b"\xff\xff\xff\x7f", CorruptError),  # times
        ("maps.vmp", 8, b"\xff\xff\xff\x7f", CorruptError),  # number of maps
    ],
)
def test_headers_that_make_no_sense(tmp_path, name, at, content, error):
    data = bytearray((DATA / name).read_bytes())
    data[at : at + len(content)] = content
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(error), specimens.opened(BrainVoyagerFormat(), path) as reader:
        specimens.whole(reader)


def test_maps_begin_where_their_header_ends(tmp_path):
    """Found by damage: voxels were counted from the end of the file, whatever the header held."""
    path, plain = tmp_path / "maps.vmp", (DATA / "maps.vmp").read_bytes()
    path.write_bytes(plain[:90] + b"longer" + plain[90:])
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), CONTENT["maps.vmp"])
    path.write_bytes(plain + bytes(4))
    with pytest.raises(CorruptError, match="describes"):
        mlarray.read(path)


def test_maps_have_names_curves_and_parameters(tmp_path):
    """As the format's description has them: two maps with two times, one parameter and a table of one row."""
    plain = (DATA / "maps.vmp").read_bytes()
    voxels = CONTENT["maps.vmp"].tobytes()
    head = bytearray(plain[:76])
    head[8:20] = struct.pack("<3i", 2, 2, 1)
    one = struct.pack("<i2f", 3, 0.5, 1) + b"first\0" + bytes(13) + b"\0" + struct.pack("<f4i", 1, *[1] * 4)
    one += bytes(9 + 9 + 4) + struct.pack("<i3fi", 1, 0, 0, 0, 0)
    two = struct.pack("<i2f", 1, 0.5, 1) + b"second\0" + bytes(13) + b"\0" + bytes(4 + 9 + 9 + 4 + 4 + 4)
    curves = bytes(2 * 2 * 4) + b"weight\0" + bytes(2 * 4)
    path = tmp_path / "maps.vmp"
    path.write_bytes(bytes(head) + b"\0\0\0" + one + two + curves + voxels * 2)
    image = mlarray.read(path)
    np.testing.assert_array_equal(image.to_numpy(), np.concatenate([CONTENT["maps.vmp"]] * 2))
    assert Additions.of(image.meta).axes[0].values == ["first", "second"]
    assert image.meta.source["Map"][0]["NrOfLags"] == 1


def test_maps_are_known_by_their_mark(tmp_path):
    shutil.copyfile(DATA / "maps.vmp", tmp_path / "maps.dat")
    np.testing.assert_array_equal(mlarray.read(tmp_path / "maps.dat").to_numpy(), CONTENT["maps.vmp"])


def test_a_msk_of_something_else_is_not_claimed_surely(tmp_path):
    from mlarray_io import Confidence, Source

    (tmp_path / "other.msk").write_bytes(bytes(100))
    assert BrainVoyagerFormat().sniff(Source(tmp_path / "other.msk")) == Confidence.SUFFIX


def test_a_header_is_unpacked_once(tmp_path, monkeypatch):
    """Behind the voxels of an anatomy are texts that vary: going back would unpack them all each time."""
    content = (DATA / "anatomy.vmr").read_bytes()
    at = 8 + STORED.size + 8 + 8 + 48 + 8 + 16
    assert content[at : at + 4] == bytes(4)  # no past transformations
    many = b"".join(f"move {n}\0".encode() + struct.pack("<ixi", n, 0) for n in range(500))
    path = tmp_path / "a.vmr.gz"
    path.write_bytes(gzip.compress(content[:at] + struct.pack("<i", 500) + many + content[at + 4 :]))
    restarts = []
    restart = streams.PackedBytes._restart
    monkeypatch.setattr(streams.PackedBytes, "_restart", lambda file: restarts.append(1) or restart(file))
    with specimens.opened(BrainVoyagerFormat(), path) as reader:
        moves = reader.meta.source["Past transformations"]
        assert [one["Name"] for one in moves] == [f"move {n}" for n in range(500)]
        assert list(reader.meta.spatial.spacing) == [3, 2, 1]
    assert len(restarts) <= 1


def test_maps_of_too_many_parameters(tmp_path):
    content = bytearray((DATA / "maps.vmp").read_bytes())
    content[16:20] = struct.pack("<i", 1 << 20)
    (tmp_path / "a.vmp").write_bytes(content)
    with pytest.raises(CorruptError, match="1048576 parameters"):
        mlarray.read(tmp_path / "a.vmp")
