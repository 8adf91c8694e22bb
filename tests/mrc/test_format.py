import struct

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Confidence, Source
from mlarray_io.testing import FormatTests
from mlarray_mrc import MrcFormat

mrcfile = pytest.importorskip("mrcfile", reason="mrcfile, an independent reader and writer, isn't installed")

RNG = np.random.default_rng(6)
VOLUME = RNG.integers(-900, 900, (6, 7, 8)).astype(np.int16)


def save(path, voxels, spacing=(1.5, 2.5, 3.5), origin=(10, 20, 30)):
    with mrcfile.new(path) as file:
        file.set_data(voxels)
        file.voxel_size = spacing
        file.header.origin = origin
        file.add_label("made by a test")


class TestMrc(FormatTests):
    mutants = 40

    @pytest.fixture
    def format(self):
        return MrcFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        save(folder / "a.mrc", VOLUME)
        save(folder / "real.mrc", VOLUME.astype(np.float32))
        save(folder / "half.mrc", VOLUME.astype(np.float16))
        save(folder / "wave.mrc", VOLUME.astype(np.complex64))
        save(folder / "unsigned.mrc", VOLUME.astype(np.uint16))
        return sorted(folder.iterdir())

    def reference(self, path, image):
        with mrcfile.open(path) as file:
            size, origin = file.voxel_size, file.header.origin
            affine = np.zeros((4, 4))
            affine[0, 2], affine[1, 1], affine[2, 0], affine[3, 3] = size.x, size.y, size.z, 1
            affine[:3, 3] = origin.x, origin.y, origin.z
            return file.data.copy(), affine, None


@pytest.mark.slow
class TestManyMutants(TestMrc):
    mutants = 500


def test_header_is_kept(tmp_path):
    save(tmp_path / "a.mrc", VOLUME)
    image = mlarray.read(tmp_path / "a.mrc")
    assert image.spacing == [3.5, 2.5, 1.5]
    assert image.meta.spatial.axis_units == ["Å"] * 3
    assert image.meta.source["mode"] == 1
    assert any("made by a test" in label for label in image.meta.source["labels"])


def test_what_we_write_is_valid(tmp_path):
    """mrcfile's validation of the whole file, and its geometry; the unit is converted exactly."""
    image = mlarray.MLArray(VOLUME, spacing=(3, 2, 1), origin=(1, 2, 3))
    image.meta.spatial.axis_labels = ["spatial_z", "spatial_y", "spatial_x"]
    image.meta.spatial.axis_units = ["nm"] * 3
    image.meta.spatial.direction = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert mlarray.write(image, tmp_path / "a.mrc").losses == ()
    assert mrcfile.validate(tmp_path / "a.mrc")
    with mrcfile.open(tmp_path / "a.mrc") as file:
        np.testing.assert_array_equal(file.data, VOLUME)
        assert file.voxel_size.tolist() == (10, 20, 30)
        assert file.header.origin.tolist() == (10, 20, 30)


def test_big_endian(tmp_path):
    save(tmp_path / "a.mrc", VOLUME)
    with mrcfile.open(tmp_path / "a.mrc") as file:
        header, extended = file.header.byteswap(), file.data.byteswap()
    header["machst"] = (0x11, 0x11, 0, 0)
    (tmp_path / "b.mrc").write_bytes(header.tobytes() + extended.tobytes())
    image = mlarray.read(tmp_path / "b.mrc")
    np.testing.assert_array_equal(image.to_numpy(), VOLUME)
    assert image.spacing == [3.5, 2.5, 1.5]


def test_absurd_headers(tmp_path):
    save(tmp_path / "a.mrc", VOLUME)
    content = bytearray((tmp_path / "a.mrc").read_bytes())
    for sizes in ((30000, 30000, 30000), (-1, 7, 6), (0, 7, 6)):
        content[:12] = struct.pack("<3i", *sizes)
        (tmp_path / "b.mrc").write_bytes(content)
        with pytest.raises(CorruptError):
            mlarray.read(tmp_path / "b.mrc")


def test_what_mrc_cannot_hold(tmp_path):
    with pytest.raises(UnsupportedError, match="int64"):
        mlarray.write(VOLUME.astype(np.int64), tmp_path / "a.mrc")
    with pytest.raises(UnsupportedError, match="axes"):
        mlarray.write(np.zeros((2, 3, 4, 5), np.float32), tmp_path / "a.mrc")


def test_without_a_machine_stamp(tmp_path):
    """Older programs left it out: then the name must agree."""
    save(tmp_path / "a.mrc", VOLUME)
    content = bytearray((tmp_path / "a.mrc").read_bytes())
    content[212:216] = bytes(4)
    for name in ("a.mrc", "a.dat"):
        (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.mrc").to_numpy(), VOLUME)
    assert MrcFormat().sniff(Source(tmp_path / "a.dat")) == Confidence.NO
