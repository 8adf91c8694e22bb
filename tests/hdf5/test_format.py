import os
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, geometry
from mlarray_core.errors import MLArrayError, OptionError
from mlarray_hdf5 import Hdf5Format
from mlarray_io.testing import FormatTests

h5py = pytest.importorskip("h5py")

RNG = np.random.default_rng(11)
VOLUME = RNG.integers(-900, 900, (6, 14, 16)).astype(np.int16)


def write_imaris(path, times=2, channels=2):
    """Write the layout that Imaris 5.5 documents: padded chunks, texts as arrays of characters."""

    def tell(found, **values):
        for name, value in values.items():
            found.attrs[name] = np.array(list(str(value)), "S1")

    voxels = RNG.integers(0, 4000, (times, channels, 6, 14, 16)).astype(np.uint16)
    with h5py.File(path, "w") as file:
        edges = {"ExtMin0": 100, "ExtMax0": 108, "ExtMin1": 0, "ExtMax1": 14, "ExtMin2": -6, "ExtMax2": 6}
        tell(file.create_group("DataSetInfo/Image"), X=16, Y=14, Z=6, Unit="um", **edges)
        for c in range(channels):
            tell(file.create_group(f"DataSetInfo/Channel {c}"), Name=f"stain {c}")
        for level, step in enumerate((1, 2)):
            for t, c in np.ndindex(times, channels):
                group = file.create_group(f"DataSet/ResolutionLevel {level}/TimePoint {t}/Channel {c}")
                part = voxels[t, c, :, ::step, ::step]
                tell(group, ImageSizeX=part.shape[2], ImageSizeY=part.shape[1], ImageSizeZ=part.shape[0])
                padded = np.pad(part, [(0, 2), (0, 2), (0, 0)])
                group.create_dataset("Data", data=padded, chunks=(4, 4, 8), compression="gzip")
    return voxels


class TestHdf5(FormatTests):
    claims_also = ("hdf5",)
    mutants = 40

    @pytest.fixture
    def format(self):
        return Hdf5Format()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("samples")
        with h5py.File(folder / "a.h5", "w") as file:
            file["plain"] = VOLUME
            file.create_dataset(
                "deep/er/squeezed", data=VOLUME.astype(">f4"), chunks=(3, 5, 4), compression="gzip"
            )
            file["mask"] = VOLUME > 0
            file["waves"] = VOLUME[0].astype("c8")
            file["text"] = "no image"
            file["deep"].attrs["by"] = "somebody"
        write_imaris(folder / "b.ims")
        with h5py.File(folder / "c.h5", "w", userblock_size=512) as file:
            file.create_dataset("image", data=VOLUME, fletcher32=True, chunks=(2, 14, 16))
        return sorted(folder.iterdir())

    def reference(self, path, image):
        if path.suffix == ".ims":
            return None
        with h5py.File(path) as file:
            return file[image.key][()], None, None


@pytest.mark.slow
class TestManyMutants(TestHdf5):
    mutants = 500


def test_attributes_are_kept(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x/image"] = VOLUME
        file["x/image"].attrs.update(
            {"patient": "p", "numbers": [1.5, np.nan], "name": np.bytes_(b"abc"), "n": 2**60}
        )
        file.attrs["lab"] = "here"
    source = mlarray.read(tmp_path / "a.h5").meta.source
    assert source["dataset"] == "/x/image"
    assert source["attributes"] == {"patient": "p", "numbers": [1.5, "nan"], "name": "abc", "n": str(2**60)}
    assert source["file"] == {"lab": "here"}


def test_choosing(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["g/b"] = VOLUME, VOLUME[0]
    with pytest.raises(MLArrayError, match="/a, /g/b"):
        mlarray.read(tmp_path / "a.h5")
    assert mlarray.read(tmp_path / "a.h5", image="/g/b").shape == (14, 16)


def test_ilastik_sizes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = VOLUME
        file["image"].attrs["element_size_um"] = [2.0, 0.5, 0.25]
    spatial = mlarray.read(tmp_path / "a.h5").meta.spatial
    assert (spatial.spacing, spatial.axis_units) == ([2.0, 0.5, 0.25], ["um"] * 3)
    told = mlarray.read(tmp_path / "a.h5", options={"spacing": "3,2,1", "unit": "mm", "axes": "zyx"})
    assert (told.spacing, told.meta.spatial.axis_units) == ([3, 2, 1], ["mm"] * 3)


@pytest.mark.parametrize("components", [False, True])
def test_files_of_itk(tmp_path, components):
    """The same world positions as SimpleITK, which writes the file, says."""
    sitk = pytest.importorskip("SimpleITK")
    voxels = RNG.random((4, 5, 6, 3) if components else (4, 5, 6)).astype(np.float32)
    image = sitk.GetImageFromArray(voxels, isVector=components)
    image.SetSpacing((0.5, 2.0, 3.0))
    image.SetOrigin((10, -20, 30))
    image.SetDirection(np.linalg.qr(RNG.random((3, 3)))[0].ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "a.h5"))
    read = mlarray.read(tmp_path / "a.h5")
    np.testing.assert_array_equal(read.to_numpy(), voxels)
    assert read.meta.spatial.coord_system == "LPS"
    affine = geometry.affine_of(read.meta.spatial)
    for index in RNG.integers(0, (4, 5, 6), (20, 3)):
        world = image.TransformIndexToPhysicalPoint(index[::-1].tolist())
        np.testing.assert_allclose((affine @ [*index, 1])[:3], world, atol=1e-9)


def test_imaris(tmp_path):
    voxels = write_imaris(tmp_path / "a.ims")
    image = mlarray.read(tmp_path / "a.ims")
    np.testing.assert_array_equal(image.to_numpy(), voxels)
    assert image.meta.spatial.axis_labels == ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]
    assert image.spacing == [2, 1, 0.5]
    assert image.origin == [100.25, 0.5, -5]
    assert Additions.of(image.meta).channels == [{"name": "stain 0"}, {"name": "stain 1"}]
    coarse = mlarray.read(tmp_path / "a.ims", options={"level": 1})
    np.testing.assert_array_equal(coarse.to_numpy(), voxels[..., ::2, ::2])
    assert (coarse.spacing, coarse.origin) == ([2, 2, 1], [100.5, 1, -5])
    with pytest.raises(OptionError):
        mlarray.read(tmp_path / "a.ims", options={"level": 2})


def test_own_files_come_back_whole(tmp_path):
    image = mlarray.MLArray(
        VOLUME, spacing=(3, 2, 1), origin=(1, 2, 3), direction=[[0, 0, -1], [0, 1, 0], [1, 0, 0]]
    )
    image.meta.spatial.coord_system = "RAS"
    image.meta.spatial.axis_units = ["mm"] * 3
    image.meta.spatial.axis_labels = ["spatial_z", "spatial_y", "spatial_x"]
    image.meta.source = {"header": {"x": 1}}
    assert (
        mlarray.write(image, tmp_path / "a.h5", options={"chunk_size": "2,7,8", "dataset": "scan/one"}).losses
        == ()
    )
    again = mlarray.read(tmp_path / "a.h5")
    assert again.meta.to_plain()["spatial"] == {**image.meta.to_plain()["spatial"], "shape": [6, 14, 16]}
    assert again.meta.source == {"header": {"x": 1}}
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["scan/one"].attrs["element_size_um"].tolist() == [3000, 2000, 1000]
        assert file["scan/one"].chunks == (2, 7, 8)


def test_long_headers_are_a_loss(tmp_path):
    image = mlarray.MLArray(VOLUME, meta=mlarray.Meta(source={"header": "x" * 100_000}))
    assert [loss.what for loss in mlarray.write(image, tmp_path / "a.h5").losses] == ["the source's header"]


def test_matlab(tmp_path):
    """MATLAB 7.3 is HDF5 behind 512 bytes of its own; its arrays are listed, its cells' parts are not."""
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["vol"] = VOLUME
        file["vol"].attrs["MATLAB_class"] = np.bytes_(b"int16")
        file["#refs#/a"] = VOLUME
    content = bytearray(path.read_bytes())
    content[:19] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)
    np.testing.assert_array_equal(mlarray.read(path).to_numpy(), VOLUME)


# hostile files


def test_external_links_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["image"] = VOLUME
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["stolen"] = h5py.ExternalLink("secret.h5", "/image")
        file["soft"] = h5py.SoftLink("/stolen")
    with pytest.raises(MLArrayError, match="link to another file"):
        mlarray.read(tmp_path / "a.h5")
    for key in ("/stolen", "/soft", "/nothing", "/../x"):
        with pytest.raises(MLArrayError):
            mlarray.read(tmp_path / "a.h5", image=key)


def test_raw_files_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(range(200)))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (100,), "u1", external=[(str(tmp_path / "secret"), 0, 100)])
    with pytest.raises(MLArrayError, match="other files"):
        mlarray.read(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["../secret.h5", "absolute", "missing.h5", "link.h5"])
def test_virtual_datasets_stay_in_their_folder(tmp_path, name):
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["image"] = VOLUME
    (tmp_path / "in" / "link.h5").symlink_to(tmp_path / "secret.h5")
    layout = h5py.VirtualLayout(VOLUME.shape, VOLUME.dtype)
    where = str(tmp_path / "secret.h5") if name == "absolute" else name
    layout[...] = h5py.VirtualSource(where, "image", VOLUME.shape)
    with h5py.File(tmp_path / "in" / "a.h5", "w") as file:
        file.create_virtual_dataset("image", layout)
    with pytest.raises(MLArrayError, match="takes voxels from"):
        mlarray.read(tmp_path / "in" / "a.h5")


def test_virtual_datasets_of_the_folder_are_read(tmp_path):
    for number in range(2):
        with h5py.File(tmp_path / f"part{number}.h5", "w") as file:
            file["image"] = VOLUME[number]
    layout = h5py.VirtualLayout((2, 14, 16), VOLUME.dtype)
    for number in range(2):
        layout[number] = h5py.VirtualSource(f"part{number}.h5", "image", (14, 16))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("image", layout)
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.h5").to_numpy(), VOLUME[:2])
    with h5py.File(tmp_path / "part1.h5", "w") as file:
        file["image"] = h5py.ExternalLink("/etc/passwd", "image")
    with pytest.raises(MLArrayError, match="link to another file"):
        mlarray.read(tmp_path / "a.h5")


def test_absurd_shapes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("image", (1 << 20, 1 << 20, 1 << 10), "u1", chunks=(1, 1024, 1024))
    with pytest.raises(MLArrayError, match="limit"):
        mlarray.read(tmp_path / "a.h5", max_bytes=1 << 30)


def test_groups_in_circles(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b/image"] = VOLUME
        file["a/b/back"] = file["a"]
    assert mlarray.read(tmp_path / "a.h5").shape == VOLUME.shape


def test_real_files():
    """MINC 2 files are HDF5: whoever forces it reads the stored integers."""
    cases = os.environ.get("MLARRAY_CASES")
    if not cases:
        pytest.skip("MLARRAY_CASES is unset")
    path = Path(cases) / "other" / "nibabel" / "small.mnc"
    if path.read_bytes()[:4] != b"\x89HDF":
        pytest.skip("it is MINC 1")
    image = mlarray.read(path, format="hdf5", image="/minc-2.0/image/0/image")
    with h5py.File(path) as file:
        np.testing.assert_array_equal(image.to_numpy(), file["/minc-2.0/image/0/image"][()])
