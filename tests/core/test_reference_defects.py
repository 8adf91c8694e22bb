"""One test for each defect of the reference 0.0.54 that was reproduced there; each would fail on it.

The seventeenth, its converter's geometry and header losses, is tested by the formats' own tests; here is
what it did to orientations, NRRD worlds, labels, codes, units and scaled integers, in short.
"""

import gc
import gzip
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray_core import geometry
from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import Grid
from mlarray_core.container import open as opening
from mlarray_core.container.frame_writer import FrameWriter
from mlarray_core.errors import MetadataError, MLArrayError, UnsafeError, WriteError

VOXELS = np.arange(6 * 7 * 8, dtype=np.float32).reshape(6, 7, 8)


@pytest.fixture
def path(tmp_path):
    MLArray(VOXELS, spacing=(1, 2, 3), meta={"k": 1}).save(tmp_path / "image.mla")
    return tmp_path / "image.mla"


class Trap:
    def __reduce__(self):
        return os.system, ("touch trap",)


def test_1_opening_executes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grid = Grid((4,), (4,), (4,), np.dtype("f4"))
    with open("bad.mla", "w+b") as file:
        writer = FrameWriter(file, grid, {"codec": 1, "clevel": 1})
        writer.finish(gzip.compress(pickle.dumps({"source": {"data": {"x": Trap()}}})))
    for call in (MLArray, MLArray.open, MLArray.load, mlarray.info, opening.read_meta):
        with pytest.raises(UnsafeError, match=r"system"):
            call("bad.mla")
    assert os.listdir(tmp_path) == ["bad.mla"]


def test_2_a_failed_save_keeps_the_old_file(path, monkeypatch):
    before = path.read_bytes()
    image = MLArray(path)
    image.meta.source["bad"] = []
    image.meta.source["bad"].append(object())
    with pytest.raises(MLArrayError):
        image.save(path)
    assert path.read_bytes() == before

    def fail(*_):
        raise OSError(28, "No space left on device")

    image = MLArray(VOXELS)
    monkeypatch.setattr(FrameWriter, "finish", fail)
    with pytest.raises(WriteError, match="the disk is full"):
        image.save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("mmap_mode", ["r", "r+", "c"])
def test_2_the_file_that_is_open_can_be_saved_over(path, mmap_mode):
    image = MLArray.open(path, mmap_mode=mmap_mode)
    image.meta.source["k"] = 2
    image.save(path)
    image.close()
    assert np.array_equal(MLArray(path), VOXELS)
    assert MLArray(path).meta.source == {"k": 2}


def test_3_what_is_opened_for_reading_can_be_saved_elsewhere(path, tmp_path):
    image = MLArray.open(path)
    image.save(tmp_path / "copy.mla")
    assert np.array_equal(MLArray(tmp_path / "copy.mla"), VOXELS)


def test_4_saving_elsewhere_leaves_the_source_alone(path, tmp_path):
    image = MLArray.open(path, mmap_mode="r+")
    image.spacing = (9, 9, 9)
    image.save(tmp_path / "copy.mla")
    assert opening.read_meta(path)[0].spatial.spacing == [1, 2, 3]
    assert opening.read_meta(tmp_path / "copy.mla")[0].spatial.spacing == [9, 9, 9]
    image.spacing = (1, 2, 3)
    image.close()


def test_5_metadata_are_never_shared():
    meta = Meta(source={"a": [1]})
    left, right = MLArray(VOXELS, meta=meta), MLArray(VOXELS[0], meta=meta)
    assert left.meta.spatial.shape == [6, 7, 8]
    assert right.meta.spatial.shape == [7, 8]
    left.meta.source["a"].append(2)
    assert right.meta.source == meta.source == {"a": [1]}


def test_6_compressing_keeps_the_labels(tmp_path):
    image = MLArray(
        VOXELS, axis_labels=["channel", "spatial_y", "spatial_x"], spacing=(1, 2), compressed=False
    )
    image.compress()
    image.save(tmp_path / "a.mla")
    loaded = MLArray(tmp_path / "a.mla")
    assert loaded.meta.spatial.axis_labels == ["channel", "spatial_y", "spatial_x"]
    assert loaded.meta.blosc2.patch_size == [192, 192]


def test_7_copied_metadata_are_no_array():
    image = MLArray(copy=MLArray(VOXELS, spacing=(1, 2, 3)))
    assert image.meta._has_array == False  # noqa: E712 - the comparison is what is tested
    assert (image.shape, image.spacing) == (None, [1, 2, 3])


def test_8_the_header_is_read_without_the_voxels(tmp_path, monkeypatch):
    path = tmp_path / "large.mla"
    noise = np.random.default_rng(1).integers(0, 256, (64, 256, 256), np.uint8)
    MLArray(noise, meta={"k": 1}).save(path)
    fetched = []
    plain = opening.open_binary

    def counted(name, *how):
        file = plain(name, *how)
        original = file.read
        return _Proxy(file, lambda count=-1: fetched.append(count) or original(count))

    monkeypatch.setattr(opening, "open_binary", counted)
    assert opening.read_meta(path)[0].source == {"k": 1}
    assert min(fetched) >= 0
    assert sum(fetched) < path.stat().st_size / 10


class _Proxy:
    def __init__(self, file, read):
        self._file, self.read = file, read

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()


def test_9_filling_by_slices_compresses_each_chunk_once(tmp_path, monkeypatch):
    encoded = []
    plain = codec.encode
    monkeypatch.setattr(codec, "encode", lambda *how: encoded.append(1) or plain(*how))
    with MLArray.create(tmp_path / "a.mla", (64, 64, 64), "f4") as image:
        for z in range(64):
            image[z] = z + 1
        chunk = image.meta.blosc2.chunk_size
    assert chunk[0] > 1
    assert len(encoded) == np.prod([-(-64 // size) for size in chunk])


def test_10_images_are_pickled(path):
    for image in (MLArray.open(path), MLArray(path), MLArray(VOXELS)):
        assert np.array_equal(pickle.loads(pickle.dumps(image)), VOXELS)


def test_11_edits_survive_without_close(path):
    with MLArray.open(path, mmap_mode="r+") as image:
        image.meta.source["k"] = 2
    assert MLArray(path).meta.source == {"k": 2}
    image = MLArray.open(path, mmap_mode="r+")
    image.meta.source["k"] = 3
    del image
    gc.collect()
    assert MLArray(path).meta.source == {"k": 3}
    code = (
        "import sys, mlarray; i = mlarray.MLArray.open(sys.argv[1], mmap_mode='r+'); i.meta.source['k'] = 4"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert MLArray(path).meta.source == {"k": 4}


def test_12_partial_parameters_keep_the_codec(tmp_path):
    default = MLArray(VOXELS)
    image = MLArray(VOXELS, cparams={"clevel": 1})
    assert image.meta.blosc2.cparams["codec"] == default.meta.blosc2.cparams["codec"]
    codecs = [made.to_blosc2().schunk.cparams.codec for made in (default, image)]
    assert codecs[0] == codecs[1]


def test_13_wrapped_values_compare_as_values():
    meta = Meta(is_seg=True, source={"a": 1})
    assert meta.is_seg == True  # noqa: E712 - the comparison is what is tested
    assert meta.is_seg != False  # noqa: E712
    assert meta.source == {"a": 1}
    assert meta.source == {"a": 1}
    assert meta.source != {"a": 2}
    assert Meta().is_seg == None  # noqa: E711


@pytest.mark.parametrize(
    "arguments",
    [
        {"spacing": (1, float("nan"), 1)},
        {"spacing": (1, 0, 1)},
        {"spacing": (1, -1, 1)},
        {"affine": np.zeros((4, 4))},
        {"affine": np.diag([1, 1, 0, 1])},
        {"meta": Meta(bbox=[[[0, 1]]])},
        {"meta": Meta(bbox=[[[0, 1]] * 5])},
    ],
    ids=str,
)
def test_14_impossible_geometry_is_refused(arguments):
    with pytest.raises(MetadataError):
        MLArray(VOXELS, **arguments)


@pytest.mark.parametrize("units", ["mm", [1, 2, 3], ["mm"], {"a": 1}])
def test_14_impossible_units_are_refused(units):
    image = MLArray(VOXELS)
    with pytest.raises(MetadataError, match=r"spatial\.axis_units"):
        image.meta.spatial.axis_units = units


def test_14_edits_in_place_are_checked_when_saved(tmp_path):
    image = MLArray(VOXELS, spacing=(1, 1, 1))
    image.spacing[1] = float("nan")
    with pytest.raises(MetadataError, match=r"spatial\.spacing\[1\]: expected a number > 0"):
        image.save(tmp_path / "a.mla")
    assert not os.listdir(tmp_path)


def test_15_errors_say_what_is_wrong(tmp_path):
    for call in (lambda p: MLArray(VOXELS).save(p), lambda p: MLArray.create(p, (3,), "f4")):
        with pytest.raises(WriteError, match=r"no/a\.mla.*folder does not exist"):
            call(tmp_path / "no" / "a.mla")


def test_16_suffixes_in_any_case(tmp_path):
    MLArray(VOXELS).save(tmp_path / "A.MLA")
    assert np.array_equal(MLArray(tmp_path / "A.MLA"), VOXELS)


def nifti(path, voxels, affine, unit="mm", sform=2, qform=1, slope=None):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units(unit)
    image.set_sform(affine, sform)
    image.set_qform(affine, qform)
    if slope is not None:
        image.header.set_slope_inter(slope, 3)
    nibabel.save(image, path)
    return nibabel.load(path)


def test_17_all_orientations_are_converted_right(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    from itertools import permutations, product

    voxels = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    wrong = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        affine = np.zeros((4, 4))
        for axis, (row, sign) in enumerate(zip(order, signs, strict=True)):
            affine[row, axis] = sign * (axis + 1.5)
        affine[:, 3] = 10, -20, 30, 1
        source = nifti(tmp_path / "a.nii", voxels, affine)
        image = mlarray.read(tmp_path / "a.nii")
        matrix = np.diag([-1, -1, 1, 1]) @ image.affine  # LPS to RAS
        for index in np.ndindex(voxels.shape):
            world = matrix @ [*index[::-1], 1]
            if not np.allclose(world, affine @ [*index, 1]) or image[index[::-1]] != voxels[index]:
                wrong.append(nibabel.aff2axcodes(source.affine))
                break
    assert not wrong


def test_17_headers_codes_and_units_survive(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine = np.diag([2.0, 3, 4, 1])
    source = nifti(tmp_path / "a.nii", np.zeros((3, 4, 5), np.int16), affine, "micron", 4, 3)
    mlarray.convert(tmp_path / "a.nii", tmp_path / "a.mla")
    assert set(MLArray(tmp_path / "a.mla").meta.spatial.axis_units) == {"um"}
    mlarray.convert(tmp_path / "a.mla", tmp_path / "b.nii")
    again = nibabel.load(tmp_path / "b.nii")
    for field in ("sform_code", "qform_code", "xyzt_units", "pixdim", "dim"):
        assert np.array_equal(again.header[field], source.header[field]), field


def test_17_scaled_integers_are_no_float64(tmp_path):
    stored = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nifti(tmp_path / "a.nii", stored, np.eye(4), slope=1)
    assert mlarray.read(tmp_path / "a.nii").dtype.kind == "i"
    nifti(tmp_path / "b.nii", stored, np.eye(4), slope=0.5)
    assert mlarray.read(tmp_path / "b.nii").dtype == np.float32


def test_17_every_world_is_what_it_says():
    for world, signs in (("LAS", (-1, 1, 1)), ("LPS", (-1, -1, 1)), ("RAS", (1, 1, 1))):
        found = geometry.to_world(np.eye(4), world, "RAS")
        assert found.tolist() == np.diag([*signs, 1]).tolist()
    assert geometry.normal_world("left-anterior-superior") == "LAS"


def test_17_labels_reach_the_target(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    labels = ["temporal", "spatial_z", "spatial_y", "spatial_x"]
    voxels = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    image = MLArray(voxels, spacing=(1, 2, 3), axis_labels=labels, meta=None)
    image.meta.spatial.coord_system = "RAS"
    mlarray.write(image, tmp_path / "a.nii")
    written = nibabel.load(tmp_path / "a.nii")
    assert written.shape == (5, 4, 3, 2)
    assert np.array_equal(np.asarray(written.dataobj).T, voxels)
