import struct
import zlib

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import MLArrayError
from mlarray_io import Context
from mlarray_io.testing import FormatTests
from mlarray_mat import MatFormat
from mlarray_mat.reader import list_arrays

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


def element(kind, content):
    return struct.pack("<2I", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def matrix(name, array, dimensions=5):
    flags = element(6, struct.pack("<2I", 6, 0))
    shape = element(dimensions, struct.pack(f"<{array.ndim}i", *array.shape))
    return element(14, flags + shape + element(1, name) + element(9, array.astype("<f8").tobytes("F")))


def opaque(name, kind):
    """Return an object as MATLAB writes datetime, string and table: class 17, three names, a matrix."""
    numbers = element(6, struct.pack("<6I", 0xDD000000, 2, 1, 1, 1, 1))
    inner = element(
        14,
        element(6, struct.pack("<2I", 13, 0))
        + element(5, struct.pack("<2i", 6, 1))
        + element(1, b"")
        + numbers,
    )
    return element(
        14,
        element(6, struct.pack("<2I", 17, 0))
        + element(1, name)
        + element(1, b"MCOS")
        + element(1, kind)
        + inner,
    )


@pytest.mark.filterwarnings("ignore:Duplicate variable name")  # what SciPy calls objects
@pytest.mark.parametrize("packed", [False, True])
def test_objects_beside_arrays_are_skipped_and_named(tmp_path, packed):
    """SciPy 1.17 reads `vol` of such a file (scipy/scipy#11818)."""
    vol = np.arange(24.0).reshape(2, 3, 4)
    content = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\x01IM"
    for one in (opaque(b"when", b"datetime"), matrix(b"vol", vol), opaque(b"words", b"string")):
        whole = zlib.compress(one)
        content += struct.pack("<2I", 15, len(whole)) + whole if packed else one
    (tmp_path / "a.mat").write_bytes(content)
    np.testing.assert_array_equal(scipy_io.loadmat(tmp_path / "a.mat")["vol"], vol)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.mat").to_numpy(), vol.T)
    context = Context()
    list_arrays(tmp_path / "a.mat", context)
    assert [(loss.what, loss.why) for loss in context.report.skipped] == [
        ("when", "it is an object of class datetime"),
        ("words", "it is an object of class string"),
    ]


def test_dimensions_that_are_unsigned(tmp_path):
    """As in SciPy's own test file `miuint32_for_miint32.mat`, which SciPy reads (scipy/scipy#4485)."""
    vol = np.arange(24.0).reshape(2, 3, 4)
    content = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\x01IM" + matrix(b"vol", vol, dimensions=6)
    (tmp_path / "a.mat").write_bytes(content)
    np.testing.assert_array_equal(scipy_io.loadmat(tmp_path / "a.mat")["vol"], vol)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.mat").to_numpy(), vol.T)
