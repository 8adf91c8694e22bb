import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import CorruptError, MLArrayError, OptionError, UnsafeError
from mlarray_io.testing import FormatTests
from mlarray_numpy import NumpyFormat

RNG = np.random.default_rng(7)
VOLUME = RNG.integers(-900, 900, (6, 7, 8)).astype(np.int16)


def npy_with(header: str, content: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


class TestNumpy(FormatTests):
    claims_also = ("npy",)
    mutants = 40

    @pytest.fixture
    def format(self):
        return NumpyFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        np.save(folder / "a.npy", VOLUME)
        np.save(folder / "fortran.npy", np.asfortranarray(VOLUME.astype(">f4")))
        np.savez(folder / "plain.npz", image=VOLUME, mask=VOLUME > 0)
        np.savez_compressed(folder / "b.npz", image=VOLUME, other=np.asfortranarray(VOLUME.astype("c8")))
        return sorted(folder.iterdir())

    def reference(self, path, image):
        loaded = np.load(path)
        return (loaded if path.suffix == ".npy" else loaded[image.key]), None, None


@pytest.mark.slow
class TestManyMutants(TestNumpy):
    mutants = 500


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "<f2", ">f8", ">c16", "<u4"])
def test_types(tmp_path, dtype):
    array = (RNG.random((3, 4)) * 100).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    image = mlarray.read(tmp_path / "a.npy")
    np.testing.assert_array_equal(image.to_numpy(), array)
    mlarray.write(image, tmp_path / "b.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "b.npz")["array"], array)


@pytest.mark.parametrize("dtype", ["U3", "M8[s]", "i2,f4", "S4", "V8"])
def test_refuses_what_is_no_number(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.zeros(4, dtype))
    with pytest.raises(MLArrayError, match="no voxels"):
        mlarray.read(tmp_path / "a.npy")


def test_never_unpickles(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    trap = np.array([Trap()], dtype=object)
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "a.npz", image=trap)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UnsafeError, match="pickled"):
        mlarray.read(tmp_path / "a.npy")
    for name in ("a.npz", "raw.npy"):
        with pytest.raises(MLArrayError):
            mlarray.read(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<i2', 'fortran_order': False, 'shape': (30000, 30000, 30000), }",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (-5, 3), }",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (4000000000, 4000000000, 4000000000), }",
        "{'descr': '<i2', 'fortran_order': 3, 'shape': (2,), }",
        "{'descr': '<i2', 'shape': (2,), }",
        "{'descr': '<i200000000000', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': " + "[" * 5000 + "]" * 5000 + ", 'fortran_order': False, 'shape': (2,), }",
        "__import__('os').mkdir('sprung')",
        " " * 65000,
    ],
)
def test_absurd_headers(tmp_path, header, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(npy_with(header, bytes(100)))
    with pytest.raises(MLArrayError):
        mlarray.read(tmp_path / "a.npy")
    assert not (tmp_path / "sprung").exists()


def test_bomb(tmp_path):
    """A member that claims far more than its compressed bytes can hold is refused before it is inflated."""
    inner = npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (1000,), }", bytes(1000))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", inner)
    content = (
        (tmp_path / "a.npz")
        .read_bytes()
        .replace(len(inner).to_bytes(4, "little"), (1 << 31).to_bytes(4, "little"))
    )
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(MLArrayError):
        mlarray.read(tmp_path / "a.npz")


def test_limit(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", image=np.zeros(10_000_000, np.uint8))
    with pytest.raises(MLArrayError, match="limit"):
        mlarray.read(tmp_path / "a.npz", max_bytes=1_000_000)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_member_whose_checksum_disagrees_is_damaged(tmp_path, save):
    save(tmp_path / "a.npz", image=np.resize(VOLUME, (60, 70, 80)))  # more than is read for the header
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[14] ^= 1  # of the CRC-32 in the member's header (PKWARE APPNOTE 4.3.7)
    at = content.rindex(b"PK\x01\x02")
    content[at + 16] ^= 1  # of that in the directory (4.3.12), which is what counts
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(CorruptError, match="CRC-32"):
        mlarray.read(tmp_path / "a.npz")


def test_what_the_user_says(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 4, 3, 2), np.float32))
    options = {
        "axes": "czyx",
        "spacing": "2.5,0.5,0.4",
        "origin": "1,2,3",
        "direction": "0 0 1 0 1 0 1 0 0",
        "unit": "mm",
        "world": "LPS",
        "seg": "yes",
    }
    spatial = mlarray.read(tmp_path / "a.npy", options=options).meta.spatial
    assert spatial.axis_labels == ["channel", "spatial_z", "spatial_y", "spatial_x"]
    assert spatial.axis_units == ["", "mm", "mm", "mm"]
    assert (spatial.spacing, spatial.origin) == ([2.5, 0.5, 0.4], [1, 2, 3])
    assert spatial.direction == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert spatial.coord_system == "LPS"


@pytest.mark.parametrize(
    ("name", "value"), [("axes", "zyx"), ("spacing", "1,2"), ("origin", "1"), ("direction", "1,0,0,1")]
)
def test_settings_that_do_not_fit(tmp_path, name, value):
    np.save(tmp_path / "a.npy", np.zeros((5, 4, 3, 2), np.float32))
    with pytest.raises(OptionError):
        mlarray.read(tmp_path / "a.npy", options={name: value})


def test_members_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", image=VOLUME, mask=VOLUME > 0, text=np.array(["a"]))
    with pytest.raises(MLArrayError, match="image, mask"):
        mlarray.read(tmp_path / "a.npz")
    assert mlarray.read(tmp_path / "a.npz", image="mask").dtype == bool


def test_losses_are_told(tmp_path):
    image = mlarray.MLArray(VOLUME, spacing=(3, 2, 1))
    losses = [loss.what for loss in mlarray.write(image, tmp_path / "a.npy").losses]
    assert "spacing, origin and direction" in losses


def test_real_files():
    cases = os.environ.get("MLARRAY_CASES")
    if not cases:
        pytest.skip("MLARRAY_CASES is unset")
    folder = Path(cases) / "other" / "skimage"
    expected = np.load(folder / "chessboard_GRAY_U8.npy")
    np.testing.assert_array_equal(mlarray.read(folder / "chessboard_GRAY_U8.npy").to_numpy(), expected)
    np.testing.assert_array_equal(mlarray.read(folder / "chessboard_GRAY_U8.npz").to_numpy(), expected)


def test_stream_of_a_single_slab(tmp_path):
    """An image whose first axis is one is still written in pieces, in the right order."""
    from mlarray_io.sdk import contiguous

    whole = np.arange(1 * 6 * 10 * 20).reshape(1, 6, 10, 20)
    file = io.BytesIO()
    boxes = list(contiguous(whole.shape, 8, (1, 1, 4, 20), budget=1000))
    assert max(whole[box].nbytes for box in boxes) <= 1000
    for box in boxes:
        file.write(whole[box].tobytes())
    assert file.getvalue() == whole.tobytes()
