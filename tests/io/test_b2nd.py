import random

import blosc2
import numpy as np
import pytest

import mlarray
from mlarray_core.errors import MLArrayError, OptionError, PluginError, UnsupportedError

VOLUME = np.random.default_rng(4).integers(-9, 900, (7, 33, 40)).astype(np.int16)


def test_a_bare_array_is_read(tmp_path):
    blosc2.asarray(VOLUME, urlpath=str(tmp_path / "a.b2nd"), chunks=(4, 16, 16), blocks=(2, 8, 8))
    image = mlarray.read(tmp_path / "a.b2nd")
    np.testing.assert_array_equal(image.to_numpy(), VOLUME)
    assert image.meta.spatial.spacing is None


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "complex64"])
def test_what_we_write_blosc2_opens(tmp_path, dtype):
    mlarray.write(VOLUME.astype(dtype), tmp_path / "a.b2nd")
    found = blosc2.open(str(tmp_path / "a.b2nd"), mode="r")
    assert isinstance(found, blosc2.NDArray)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[...], VOLUME.astype(dtype))


def test_metadata_rides_along(tmp_path):
    """Blosc2 has room for it where other programs don't look, so nothing is lost."""
    image = mlarray.MLArray(VOLUME, spacing=(3, 2, 1), origin=(1, 2, 3))
    assert mlarray.write(image, tmp_path / "a.b2nd").losses == ()
    assert mlarray.read(tmp_path / "a.b2nd").spacing == [3, 2, 1]


def test_chunks_by_option(tmp_path):
    options = {"chunk_size": (7, 16, 16), "block_size": (7, 8, 8)}
    mlarray.write(VOLUME, tmp_path / "a.b2nd", **options)
    found = blosc2.open(str(tmp_path / "a.b2nd"), mode="r")
    assert (found.chunks, found.blocks) == ((7, 16, 16), (7, 8, 8))


def test_axes_that_the_user_names(tmp_path):
    """nnU-Net keeps (1, z, y, x) and puts the spacing elsewhere: as NIfTI only with what the user says."""
    nibabel = pytest.importorskip("nibabel")
    blosc2.asarray(VOLUME[None], urlpath=str(tmp_path / "a.b2nd"))
    with pytest.raises(MLArrayError, match="three spatial axes, the image has 4") as caught:
        mlarray.convert(tmp_path / "a.b2nd", tmp_path / "a.nii")
    assert "-o axes=" in caught.value.hint
    said = {"axes": "czyx", "spacing": "3,2,1.5", "unit": "mm"}
    mlarray.convert(tmp_path / "a.b2nd", tmp_path / "a.nii", options=said)
    written = nibabel.load(tmp_path / "a.nii")
    np.testing.assert_array_equal(np.asarray(written.dataobj).squeeze().T, VOLUME)
    assert written.header.get_zooms()[:3] == (1.5, 2, 3)
    image = mlarray.read(tmp_path / "a.b2nd", options=said)
    assert image.meta.spatial.axis_labels == ["channel", "spatial_z", "spatial_y", "spatial_x"]
    assert image.spacing == [3, 2, 1.5]


def test_what_the_user_says_comes_before_what_the_file_says(tmp_path):
    image = mlarray.MLArray(VOLUME, spacing=(3, 2, 1), origin=(1, 2, 3))
    image.meta.extra["mine"] = 1
    image.save(tmp_path / "a.mla", levels=1)
    read = mlarray.read(tmp_path / "a.mla", options={"spacing": "6,2,1", "seg": "yes"})
    assert (read.spacing, read.origin, read.meta.is_seg.is_seg) == ([6, 2, 1], [1, 2, 3], True)
    assert read.meta.extra["mine"] == 1
    with pytest.raises(OptionError, match="1 axes of space, the file has spacing for 3"):
        mlarray.read(tmp_path / "a.mla", options={"axes": "tcx"})
    done = mlarray.convert(
        tmp_path / "a.mla", tmp_path / "b.mla", options={"axes": "zyx", "unit": "um"}, levels="source"
    )
    assert any("levels are left out" in note for note in done.warnings)


def test_what_only_reading_knows_is_refused_for_writing(tmp_path):
    np.save(tmp_path / "a.npy", VOLUME)
    mlarray.convert(tmp_path / "a.npy", tmp_path / "a.mla", options={"axes": "tyx"})
    assert mlarray.read(tmp_path / "a.mla").meta.spatial.axis_labels[0] == "temporal"
    for target in ("b.mla", "b.zarr", "b.npy"):
        with pytest.raises(OptionError, match="no option 'axes'"):
            mlarray.write(VOLUME, tmp_path / target, options={"axes": "tyx"})


def test_records_are_no_voxels(tmp_path):
    records = np.zeros((3, 4), [("a", "<f4"), ("b", "<i2")])
    blosc2.asarray(records, urlpath=str(tmp_path / "a.b2nd"))
    with pytest.raises(UnsupportedError, match="which are no voxels"):
        mlarray.read(tmp_path / "a.b2nd")
    blosc2.asarray(VOLUME, urlpath=str(tmp_path / "b.b2nd"), meta={"mine": {"a": 1}})
    with pytest.raises(UnsupportedError, match="metalayer 'mine'") as caught:
        mlarray.read(tmp_path / "b.b2nd")
    assert "without metalayers" in caught.value.hint


def test_a_frame_that_is_no_array(tmp_path):
    blosc2.SChunk(data=VOLUME.tobytes(), urlpath=str(tmp_path / "a.b2nd"), contiguous=True)
    with pytest.raises(MLArrayError):
        mlarray.read(tmp_path / "a.b2nd")


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("codec", ["ZSTD", "LZ4"])
def test_mutants(tmp_path, count, codec):
    """Damaged arrays that have no seal end in an explained error, or are read as they are."""
    path = tmp_path / "a.b2nd"
    settings = {"codec": blosc2.Codec[codec], "clevel": 5}
    blosc2.asarray(VOLUME, urlpath=str(path), chunks=(4, 16, 16), blocks=(2, 8, 8), cparams=settings)
    content, noise = path.read_bytes(), random.Random(f"{codec}{count}")
    refused = 0
    for number in range(count):
        mutant = bytearray(content)
        where = noise.randrange(512 if number % 2 else len(mutant))  # every other one hits the header
        if number % 5 == 4:
            mutant = mutant[: noise.randrange(len(mutant))]
        else:
            mutant[where] ^= 1 << noise.randrange(8)
        path.write_bytes(mutant)
        try:
            found = mlarray.read(path, max_bytes=1 << 28)
        except PluginError as error:
            raise AssertionError(f"{number}, byte {where}: not explained: {error}") from error
        except MLArrayError:
            refused += 1
        else:
            assert isinstance(found.to_numpy(), np.ndarray)
    assert refused > count / 4
