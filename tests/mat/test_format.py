import numpy as np
import pytest

import mlarray
from mlarray_core.errors import MLArrayError
from mlarray_io.testing import FormatTests
from mlarray_mat import MatFormat

scipy_io = pytest.importorskip("scipy.io", reason="SciPy, an independent writer, isn't installed")

RNG = np.random.default_rng(8)
VOLUME = RNG.integers(-900, 900, (6, 7, 8)).astype(np.int16)


class TestMat(FormatTests):
    mutants = 40

    @pytest.fixture
    def format(self):
        return MatFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        content = {
            "vol": VOLUME,
            "mask": VOLUME > 0,
            "real": VOLUME / 7,
            "wave": VOLUME * (1 + 2j),
            "name": "text",
        }
        scipy_io.savemat(folder / "a.mat", content)
        content = {"vol": VOLUME, "s": {"x": 1}, "wave": VOLUME * (1 + 2j), "tiny": np.int8([[1, 2]])}
        scipy_io.savemat(folder / "b.mat", content, do_compression=True)
        return sorted(folder.iterdir())

    def reference(self, path, image):
        loaded = scipy_io.loadmat(path)[image.key]
        return (loaded > 0 if image.key == "mask" else loaded).T, None, None


@pytest.mark.slow
class TestManyMutants(TestMat):
    mutants = 500


def test_choosing(tmp_path):
    scipy_io.savemat(tmp_path / "a.mat", {"a": VOLUME, "b": VOLUME[0], "c": "text"})
    with pytest.raises(MLArrayError, match="a, b"):
        mlarray.read(tmp_path / "a.mat")
    assert mlarray.read(tmp_path / "a.mat", image="b").shape == (8, 7)


def test_what_the_user_says(tmp_path):
    scipy_io.savemat(tmp_path / "a.mat", {"a": VOLUME})
    image = mlarray.read(tmp_path / "a.mat", options={"axes": "zxy", "spacing": "3,2,1"})
    assert image.meta.spatial.axis_labels == ["spatial_z", "spatial_x", "spatial_y"]
    assert image.spacing == [3, 2, 1]


def test_claims_beyond_the_file(tmp_path):
    scipy_io.savemat(tmp_path / "a.mat", {"a": VOLUME})
    content = (tmp_path / "a.mat").read_bytes()
    shape = b"".join(n.to_bytes(4, "little") for n in VOLUME.shape)
    huge = b"".join(n.to_bytes(4, "little") for n in (30000, 30000, 30000))
    assert shape in content
    (tmp_path / "a.mat").write_bytes(content.replace(shape, huge))
    with pytest.raises(MLArrayError, match="damaged"):
        mlarray.read(tmp_path / "a.mat")


def test_is_not_written(tmp_path):
    with pytest.raises(MLArrayError, match="writ"):
        mlarray.write(VOLUME, tmp_path / "a.mat")
