"""Opening, creating, editing, saving and closing files."""

import gc
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import Grid
from mlarray_core.container import open as opening
from mlarray_core.container.frame_writer import FrameWriter
from mlarray_core.errors import CorruptError, MetadataError, ModeError, NotFoundError, WriteError
from mlarray_core.metadata import generations

VOXELS = np.arange(20 * 30 * 40, dtype=np.int16).reshape(20, 30, 40)


@pytest.fixture
def path(tmp_path):
    MLArray(VOXELS, spacing=(1, 2, 3), meta={"k": 1}, patch_size=8).save(tmp_path / "image.mla")
    return tmp_path / "image.mla"


def in_another_process(code, *arguments):
    """Run code and return its last line, or how it ended."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    return done.stdout.strip().splitlines()[-1] if done.returncode == 0 else done


# Opening


@pytest.mark.parametrize("kind", [str, Path])
def test_opening_reads_what_is_asked_for(path, kind):
    with MLArray.open(kind(path)) as image:
        assert (image.filepath, image.mode, image.mmap_mode) == (str(path), "r", "r")
        assert np.array_equal(image[3:5, ::2], VOXELS[3:5, ::2])
        assert image.meta.source == {"k": 1}
        assert image.meta.blosc2.dparams == {"nthreads": 1}


@pytest.mark.parametrize("how", [{}, {"mmap_mode": None}, {"mode": "a"}])
def test_reading_modes_refuse_to_write(path, how):
    image = MLArray.open(path, **how)
    with pytest.raises(ModeError, match=r"image\.mla: the image is open for reading only. Open it with"):
        image[0] = 1


@pytest.mark.parametrize("how", [{}, {"mmap_mode": None}, {"mode": "a"}, {"mmap_mode": "c"}])
def test_reading_modes_keep_the_file(path, how):
    before = path.read_bytes()
    with MLArray.open(path, **how) as image:
        image.meta.source["k"] = 2
        image.spacing = (9, 9, 9)
        if how.get("mmap_mode") == "c":
            image[0] = -1
            assert (image[0] == -1).all()
            assert np.array_equal(image[1:], VOXELS[1:])
    assert path.read_bytes() == before


@pytest.mark.parametrize("how", [{"mmap_mode": "r+"}, {"mode": "a", "mmap_mode": None}])
def test_editing_in_place(path, how):
    expected = VOXELS.copy()
    with MLArray.open(path, **how) as image:
        for array in (image, expected):
            array[2:7, 5, ::3] *= 2
            array[-1] = 5
        image.meta.source["k"] = 2
        image.spacing[1] = 7
        assert np.array_equal(image, expected)
    image = MLArray(path)
    assert np.array_equal(image, expected)
    assert image.meta.source == {"k": 2}
    assert image.spacing == [1, 7, 3]
    assert image.verify() == "sealed"


def test_opening_and_closing_for_editing_changes_nothing(path):
    before = path.read_bytes()
    with MLArray.open(path, mmap_mode="r+") as image:
        assert image[0, 0, 1] == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [{"mode": "w"}, {"mode": "r+"}, {"mmap_mode": "w+"}, {"mmap_mode": "a"}]
)
def test_unknown_modes(path, arguments):
    with pytest.raises(RuntimeError, match="must be one of"):
        MLArray.open(path, **arguments)


@pytest.mark.parametrize("arguments", [{"mode": "r"}, {"mode": "a"}, {"mmap_mode": "r+"}, {"mmap_mode": "r"}])
def test_unknown_modes_of_create(tmp_path, arguments):
    with pytest.raises(RuntimeError, match="must be one of"):
        MLArray.create(tmp_path / "new.mla", (3,), "i2", **arguments)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("call", [MLArray.open, MLArray.load, MLArray])
def test_missing_files(tmp_path, call):
    for error in (RuntimeError, FileNotFoundError, NotFoundError):
        with pytest.raises(error, match=r"no\.mla: there is no such file"):
            call(tmp_path / "no.mla")


@pytest.mark.parametrize(
    "call",
    [
        MLArray.open,
        MLArray.load,
        MLArray,
        lambda path: MLArray.create(path, (3,), "i2"),
        lambda path: MLArray(VOXELS).save(path),
    ],
)
@pytest.mark.parametrize("name", ["image.nii", "image", "image.mla.bak", "mla"])
def test_other_suffixes(tmp_path, call, name):
    (tmp_path / name).write_bytes(b"kept")
    with pytest.raises(RuntimeError, match=r"ends in \.mla"):
        call(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"kept"


def test_suffixes_of_any_case(tmp_path):
    for name in ("a.MLA", "b.Mla"):
        MLArray(VOXELS).save(tmp_path / name)
        assert np.array_equal(MLArray(tmp_path / name), VOXELS)
        assert np.array_equal(MLArray.open(str(tmp_path / name)), VOXELS)


@pytest.mark.parametrize("content", [b"", b"text" * 500, bytes(1000)])
def test_what_is_no_frame(tmp_path, content):
    (tmp_path / "bad.mla").write_bytes(content)
    for call in (MLArray.open, MLArray.load):
        with pytest.raises(CorruptError, match=r"bad\.mla"):
            call(tmp_path / "bad.mla")


def test_bad_decompression_parameters(path):
    with pytest.raises(ValueError, match="no parameter 'nthread'"):
        MLArray.open(path, dparams={"nthread": 2})
    assert np.array_equal(MLArray.open(path, dparams={"nthreads": 2}), VOXELS)


# Loading


@pytest.mark.parametrize("compressed", [True, False])
def test_loaded_images_leave_the_file_alone(path, compressed):
    before = path.read_bytes()
    image = MLArray.load(path, compressed=compressed)
    image[0] = -1
    image.meta.source["k"] = 2
    image.close()
    assert path.read_bytes() == before


# Creating


def test_create_appears_at_close(tmp_path):
    image = MLArray.create(tmp_path / "new.mla", VOXELS.shape, VOXELS.dtype, meta={"k": 1})
    image[...] = VOXELS
    image.meta.source["later"] = True
    assert np.array_equal(image[5], VOXELS[5])
    assert not (tmp_path / "new.mla").exists()
    image.close()
    assert os.listdir(tmp_path) == ["new.mla"]
    loaded = MLArray(tmp_path / "new.mla")
    assert np.array_equal(loaded, VOXELS)
    assert loaded.meta.source == {"k": 1, "later": True}


def test_create_appears_at_flush_and_goes_on(tmp_path):
    with MLArray.create(tmp_path / "new.mla", (4, 4), "i2") as image:
        image[0] = 1
        image.flush()
        assert MLArray.load(tmp_path / "new.mla")[0, 0] == 1
        image[1] = 2
    assert MLArray(tmp_path / "new.mla").to_numpy()[:3, 0].tolist() == [1, 2, 0]


def test_create_appears_when_this_process_opens_it(tmp_path):
    image = MLArray.create(tmp_path / "new.mla", (4, 4), "i2")
    image[0] = 1
    assert MLArray.open(tmp_path / "new.mla")[0, 0] == 1
    image[1] = 2
    assert MLArray.load(tmp_path / "new.mla")[:2, 0].tolist() == [1, 2]
    image.close()


def test_create_appears_when_it_is_forgotten(tmp_path):
    image = MLArray.create(tmp_path / "new.mla", (4, 4), "i2")
    image[0] = 1
    del image
    gc.collect()
    assert MLArray(tmp_path / "new.mla")[0, 0] == 1


def test_create_appears_when_the_interpreter_ends(tmp_path):
    code = """
import sys
from mlarray import MLArray
image = MLArray.create(sys.argv[1], (4, 4), "i2")
image[0] = 1
print("done")
"""
    assert in_another_process(code, tmp_path / "new.mla") == "done"
    assert MLArray(tmp_path / "new.mla")[0, 0] == 1


def test_create_leaves_nothing_when_its_block_raises(tmp_path):
    with pytest.raises(KeyError), MLArray.create(tmp_path / "new.mla", (4, 4), "i2") as image:
        image[0] = 1
        raise KeyError
    assert not os.listdir(tmp_path)


def test_create_leaves_the_old_file_when_it_is_killed(path):
    code = """
import os, signal, sys
from mlarray import MLArray
image = MLArray.create(sys.argv[1], (200, 200), "f8")
image[...] = 1
os.kill(os.getpid(), signal.SIGKILL)
"""
    before = path.read_bytes()
    assert in_another_process(code, path).returncode == -9
    assert path.read_bytes() == before


def test_create_over_a_file_that_is_read(path):
    reader = MLArray.open(path)
    with MLArray.create(path, (4, 4), "i2") as image:
        image[...] = 3
        assert np.array_equal(reader, VOXELS)
    assert np.array_equal(reader, VOXELS)
    assert MLArray(path).shape == (4, 4)


def test_create_that_fails_leaves_nothing(tmp_path):
    for arguments in ({"meta": Meta(bbox=[[[0, 1]]])}, {"patch_size": (3,)}, {"cparams": {"clevl": 1}}):
        with pytest.raises(ValueError, match=r"."):
            MLArray.create(tmp_path / "new.mla", (4, 4), "i2", **arguments)
        gc.collect()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("dtype", ["?", "u1", ">f4", "c8", [("a", "i2"), ("b", "f4")]], ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (3, 4, 5)])
def test_create_any_array(tmp_path, dtype, shape):
    with MLArray.create(tmp_path / "new.mla", shape, dtype) as image:
        assert np.array_equal(image.to_numpy(), np.zeros(shape, dtype))
        image[...] = np.ones(shape, dtype)
    assert np.array_equal(MLArray(tmp_path / "new.mla").to_numpy(), np.ones(shape, dtype))


def test_filling_slice_by_slice_encodes_each_chunk_once(tmp_path, monkeypatch):
    voxels = np.random.default_rng(1).random((64, 96, 96), np.float32)
    encoded = []
    plain = codec.encode
    monkeypatch.setattr(codec, "encode", lambda *how: encoded.append(1) or plain(*how))
    with MLArray.create(tmp_path / "new.mla", voxels.shape, voxels.dtype) as image:
        chunks = image.meta.blosc2.chunk_size
        for z in range(len(voxels)):
            image[z] = voxels[z]
    assert chunks[0] > 1
    assert len(encoded) == np.prod([-(-s // c) for s, c in zip(voxels.shape, chunks, strict=True)])
    assert np.array_equal(MLArray(tmp_path / "new.mla"), voxels)


# Saving


def test_saving_keeps_the_layout(path, tmp_path):
    image = MLArray.open(path)
    image.save(tmp_path / "copy.mla")
    twin = MLArray(tmp_path / "copy.mla")
    assert twin.meta.to_mapping() == image.meta.to_mapping()
    assert np.array_equal(twin, VOXELS)
    assert image.filepath == str(path)


def test_saving_is_reproducible(path, tmp_path):
    MLArray.open(path).save(tmp_path / "a.mla")
    MLArray.load(path).save(tmp_path / "b.mla")
    assert (tmp_path / "a.mla").read_bytes() == (tmp_path / "b.mla").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("mmap_mode", ["r", "c", "r+"])
def test_saving_over_the_file_that_is_open(path, mmap_mode):
    with MLArray.open(path, mmap_mode=mmap_mode) as image:
        if mmap_mode != "r":
            image[0] = 7
        image.meta.source["k"] = 2
        image.save(path)
        assert np.array_equal(image[1:], VOXELS[1:])
    saved = MLArray(path)
    assert saved.meta.source == {"k": 2}
    assert (saved[0] == 7).all() == (mmap_mode != "r")
    assert np.array_equal(saved[1:], VOXELS[1:])


def test_saving_over_the_file_that_is_created(tmp_path):
    with MLArray.create(tmp_path / "new.mla", (2, 2), "i2") as image:
        image[0] = 1
        image.save(tmp_path / "new.mla")
        image[1] = 2
    assert MLArray(tmp_path / "new.mla").to_numpy().tolist() == [[1, 1], [2, 2]]


def test_saving_elsewhere_leaves_the_source_alone(path, tmp_path):
    before = path.read_bytes()
    image = MLArray.open(path, mmap_mode="r+")
    image[0] = 7
    image.meta.source["k"] = 2
    image.save(tmp_path / "copy.mla")
    assert MLArray(tmp_path / "copy.mla").meta.source == {"k": 2}
    assert path.read_bytes()[: len(before)] == before
    assert MLArray.load(tmp_path / "copy.mla")[0, 0, 0] == 7
    image.close()


def test_a_failed_save_keeps_the_old_file(path, tmp_path):
    before = path.read_bytes()
    image = MLArray(path)
    image.spacing[0] = -1
    with pytest.raises(MetadataError, match=r"spatial.spacing\[0\]"):
        image.save(path)
    image.spacing[0] = 1
    image.meta.source["bad"] = {}
    image.meta.source["bad"]["x"] = object()
    with pytest.raises(MetadataError, match=r"source\['bad'\]\['x'\]"):
        image.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["image.mla"]


@pytest.mark.parametrize(
    "call", [lambda path: MLArray(VOXELS).save(path), lambda path: MLArray.create(path, (3,), "i2")]
)
def test_missing_folders(tmp_path, call):
    with pytest.raises(WriteError, match=r"no/new\.mla.*folder"):
        call(tmp_path / "no" / "new.mla")


def test_closed_images_say_so(path):
    image = MLArray.open(path)
    image.close()
    image.close()
    assert (image.filepath, repr(image)) == (None, "<MLArray closed>")
    for use in (lambda: image[0], image.to_numpy, lambda: image.save(path)):
        with pytest.raises(TypeError):
            use()
    with pytest.raises(TypeError, match="closed"):
        image.spacing = (1, 1, 1)


# Edits that end without close()


def test_edits_are_kept_when_the_image_is_forgotten(path):
    image = MLArray.open(path, mmap_mode="r+")
    image[0] = 7
    image.meta.source["k"] = 2
    del image
    gc.collect()
    saved = MLArray(path)
    assert saved[0, 0, 0] == 7
    assert saved.meta.source == {"k": 2}


def test_invalid_edits_are_reported_when_the_image_is_closed(path):
    before = path.read_bytes()
    image = MLArray.open(path, mmap_mode="r+")
    image.spacing[0] = -1
    with pytest.raises(MetadataError, match=r"spatial.spacing\[0\]: expected a number > 0, got -1"):
        image.close()
    assert path.read_bytes() == before


def test_invalid_edits_are_never_written(path):
    code = """
import sys, warnings
from mlarray import MLArray
warnings.simplefilter("always")
image = MLArray.open(sys.argv[1], mmap_mode="r+")
image.spacing[0] = -1
with warnings.catch_warnings(record=True) as caught:
    del image
print(caught[0].message)
"""
    before = path.read_bytes()
    assert "spatial.spacing[0]: expected a number > 0" in in_another_process(code, path)
    assert path.read_bytes() == before


def test_edits_of_a_block_that_raises_are_forgotten(path):
    before = path.read_bytes()
    with pytest.raises(KeyError), MLArray.open(path, mmap_mode="r+") as image:
        image[0] = 7
        raise KeyError
    assert path.read_bytes() == before
    assert np.array_equal(MLArray(path), VOXELS)


def test_files_without_voxels_are_edited(tmp_path):
    for name, image in (
        ("a.mla", MLArray(meta={"k": 1})),
        ("b.mla", MLArray(np.zeros((3, 0)), meta={"k": 1})),
    ):
        image.save(tmp_path / name)
        with MLArray.open(tmp_path / name, mmap_mode="r+") as image:
            for k in (2, 3):
                image.meta.source["k"] = k
                image.flush()
                assert MLArray.load(tmp_path / name).meta.source == {"k": k}
        assert MLArray(tmp_path / name).meta.source == {"k": 3}


# Headers


class SparseFile(io.FileIO):
    """A file that leaves holes for what is in large chunks, so that a test can write a gigabyte."""

    def write(self, data):
        if len(data) < 1 << 20:
            return super().write(data)
        super().write(bytes(data[:32]))
        self.seek(len(data) - 32, os.SEEK_CUR)
        return len(data)


class CountedFile(io.FileIO):
    """A file that counts what is read from it."""

    fetched = 0

    def read(self, count=-1):
        data = super().read(count)
        CountedFile.fetched += len(data)
        return data


def test_the_header_of_a_large_file_needs_few_bytes(tmp_path, monkeypatch):
    path = tmp_path / "large.mla"
    grid = Grid((16, 4096, 4096), (1, 4096, 4096), (1, 1024, 4096), np.dtype("f4"))
    with SparseFile(path, "w+") as file:
        writer = FrameWriter(file, grid, {"codec": 1, "clevel": 0})
        head = codec.encode(np.ones((1, 4096, 4096), "f4"), grid, writer.cparams)[:32]
        for number in range(grid.nchunks):
            writer.append(number, head + bytes(grid.chunksize))
        writer.finish(generations.encode(Meta(source={"k": 1}, _has_array=True)))
    assert path.stat().st_size > 1 << 30

    monkeypatch.setattr(opening, "open_binary", lambda path, *_: CountedFile(path))
    meta, shape, dtype = opening.read_meta(path)
    assert meta.source == {"k": 1}
    assert (shape, np.dtype(dtype)) == ((16, 4096, 4096), np.float32)
    assert 0 < CountedFile.fetched < 1 << 20


def test_a_session_over_a_symlink(path, tmp_path):
    link = tmp_path / "link.mla"
    link.symlink_to(path)
    with MLArray.open(link, mmap_mode="r+") as image:
        image[0] = 7
    assert link.is_symlink()
    assert MLArray(path)[0, 0, 0] == 7
    MLArray(VOXELS).save(link)
    assert link.is_symlink()
    assert np.array_equal(MLArray(path), VOXELS)


def test_any_readable_file_is_read_by_the_facade(path):
    assert np.array_equal(mlarray.read(path), VOXELS)
    assert mlarray.info(path).source == {"k": 1}


@pytest.mark.skipif(os.name != "posix", reason="limits of processes are POSIX")
def test_running_out_of_open_files_is_said(path):
    """Each open image holds a descriptor; the error names the limit, not memory."""
    code = (
        "import resource, sys\n"
        "from mlarray import MLArray\n"
        "MLArray.open(sys.argv[1]).close()\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "kept = []\n"
        "for _ in range(100): kept.append(MLArray.open(sys.argv[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    said = done.stderr.splitlines()[-1]
    assert "ReadError" in said
    assert "too many files are open" in said
    assert "ulimit -n" in said


def test_a_home_folder_that_nothing_expanded():
    """A folder called ``~`` is not what its owner should make."""
    with pytest.raises(NotFoundError, match=r"os\.path\.expanduser"):
        MLArray.open("~/no.mla")
    with pytest.raises(WriteError, match=r"os\.path\.expanduser"):
        MLArray(np.zeros(3)).save("~/no.mla")
