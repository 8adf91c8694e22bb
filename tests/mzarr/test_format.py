import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import MLArrayError, OptionError
from mlarray_io.testing import FormatTests
from mlarray_mzarr import MzarrFormat

imagecodecs = pytest.importorskip("imagecodecs")

NAMES = [
    "2d_f16", "2d_f32", "2d_u16", "2d_u8", "3d_f32", "3d_f32_hu", "3d_u16", "3d_u16_gauss", "3d_u16_lossy",
    "3d_u8", "rgb_u8", "rgb_u8_gauss", "rgb_u8_lossy", "seg_u8",
]  # fmt: skip
RNG = np.random.default_rng(5)
VOLUME = RNG.integers(0, 60000, (9, 20, 30)).astype(np.uint16)


@pytest.fixture
def folder():
    """Files of mzarr 0.0.8, beside the folder of shared cases."""
    cases = os.environ.get("MLARRAY_CASES")
    found = Path(cases or "/nowhere").parent / "mzarr-samples"
    if not found.is_dir():
        pytest.skip("the samples of mzarr lie beside MLARRAY_CASES, which is unset")
    return found


def write_mzarr(path, voxels, chunks, attributes, changes=()):
    """Write a file as mzarr 0.0.8 did: attributes again and again, chunks whole at the edges."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(".zgroup", '{"zarr_format": 2}')
        for name, level in (("base", voxels), ("subsampled_1", voxels[::2, ::2, ::2])):
            codec = {"id": "imagecodecs_jpegxl", "lossless": True}
            content = {
                "chunks": chunks, "compressor": codec, "dtype": level.dtype.str, "fill_value": 0,
                "filters": None, "order": "C", "shape": list(level.shape), "zarr_format": 2, **dict(changes),
            }  # fmt: skip
            archive.writestr(f"{name}/.zarray", json.dumps(content))
            for index in np.ndindex(*(-(-s // c) for s, c in zip(level.shape, chunks, strict=True))):
                part = level[tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, chunks, strict=True))]
                whole = np.pad(part, [(0, c - s) for c, s in zip(chunks, part.shape, strict=True)])
                chunk = imagecodecs.jpegxl_encode(whole, lossless=True)
                archive.writestr(f"{name}/{'.'.join(map(str, index))}", chunk)
        sets = {"datasets": [{"path": "base"}, {"path": "subsampled_1"}]}
        archive.writestr(".zattrs", json.dumps({"multiscale": sets}))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(".zattrs", json.dumps({"multiscale": sets, **attributes}))


class TestMzarr(FormatTests):
    mutants = 40

    @pytest.fixture
    def format(self):
        return MzarrFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        path = tmp_path_factory.mktemp("samples") / "a.mzarr"
        write_mzarr(path, VOLUME, [4, 16, 16], {"attrs": {"spacing": [1.0, 0.5, 3.0]}, "seg": False})
        return [path]

    def reference(self, path, image):
        return VOLUME, None, None


@pytest.mark.slow
class TestManyMutants(TestMzarr):
    mutants = 500


@pytest.mark.parametrize("name", NAMES)
def test_real_files(folder, name):
    image = mlarray.read(folder / f"{name}.mzarr")
    source = np.load(folder / f"{name}.expected_source.npy")
    assert image.dtype == source.dtype
    decoded = folder / f"{name}.decoded_base.npy"
    if decoded.exists():
        difference = np.abs(image.to_numpy().astype(int) - np.load(decoded).astype(int))
        assert difference.max() <= 1
        assert Additions.of(image.meta).lossy
    else:
        np.testing.assert_array_equal(image.to_numpy(), source)
        assert not Additions.of(image.meta).lossy


def test_all_samples_are_listed(folder):
    assert sorted(path.stem for path in folder.glob("*.mzarr")) == sorted(NAMES)


def test_metadata_of_real_files(folder):
    colour = mlarray.read(folder / "rgb_u8.mzarr").meta
    assert colour.spatial.axis_labels == ["spatial_y", "spatial_x", "components"]
    assert colour.spatial.spacing == [0.5, 1.0]
    assert colour.source["attrs"]["patient"] == "x"
    labels = mlarray.read(folder / "seg_u8.mzarr").meta
    assert labels.is_seg.is_seg is True
    assert labels.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
    assert labels.spatial.spacing == [0.5, 0.5, 1.0]


def test_spacing_is_stored_x_first(tmp_path):
    write_mzarr(tmp_path / "a.mzarr", VOLUME, [4, 16, 16], {"attrs": {"spacing": [1.0, 0.5, 3.0]}})
    assert mlarray.read(tmp_path / "a.mzarr").spacing == [3.0, 0.5, 1.0]


def test_levels(tmp_path):
    write_mzarr(tmp_path / "a.mzarr", VOLUME, [4, 16, 16], {"attrs": {"spacing": [1, 1, 1]}})
    coarse = mlarray.read(tmp_path / "a.mzarr", options={"level": 1})
    np.testing.assert_array_equal(coarse.to_numpy(), VOLUME[::2, ::2, ::2])
    assert coarse.spacing == [9 / 5, 2, 2]
    with pytest.raises(OptionError):
        mlarray.read(tmp_path / "a.mzarr", options={"level": 2})


@pytest.mark.parametrize(
    "changes",
    [
        {"compressor": {"id": "pickle"}},
        {"dtype": "|O"},
        {"shape": [1 << 50, 1 << 50, 2]},
        {"chunks": [100_000, 100_000, 4]},
        {"shape": [-1, 2, 3]},
        {"chunks": [4, 16]},
        {"order": "F"},
        {"filters": [{"id": "pickle"}]},
    ],
)
def test_hostile_metadata(tmp_path, changes):
    write_mzarr(tmp_path / "a.mzarr", VOLUME, [4, 16, 16], {}, changes)
    with pytest.raises(MLArrayError):
        mlarray.read(tmp_path / "a.mzarr", max_bytes=1 << 30)


def test_a_chunk_that_decodes_to_more_is_refused(tmp_path):
    write_mzarr(tmp_path / "a.mzarr", VOLUME, [4, 16, 16], {})
    content = zipfile.ZipFile(tmp_path / "a.mzarr")
    with zipfile.ZipFile(tmp_path / "b.mzarr", "w") as archive:
        for name in dict.fromkeys(content.namelist()):
            large = imagecodecs.jpegxl_encode(np.zeros((4, 256, 256), np.uint16), lossless=True)
            archive.writestr(name, large if name == "base/0.0.0" else content.read(name))
    with pytest.raises(MLArrayError, match="decoded"):
        mlarray.read(tmp_path / "b.mzarr")
