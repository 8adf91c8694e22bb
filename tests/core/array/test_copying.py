"""Texts, copies and pickles of images, and images in other processes."""

import copy
import multiprocessing
import os
import pickle
import warnings

import numpy as np
import pytest
from rich.console import Console
from rich.pretty import pretty_repr

from mlarray import Meta, MLArray
from mlarray_core.errors import ReadError

VOXELS = np.arange(20 * 30 * 40, dtype=np.int16).reshape(20, 30, 40)


@pytest.fixture
def path(tmp_path):
    MLArray(VOXELS, spacing=(1, 2, 3), meta={"k": [1]}, patch_size=8).save(tmp_path / "image.mla")
    return tmp_path / "image.mla"


def every_kind(path):
    """Return one image of every kind of storage."""
    return {
        "compressed": MLArray(VOXELS, spacing=(1, 2, 3), meta={"k": [1]}),
        "plain": MLArray(VOXELS.copy(), spacing=(1, 2, 3), meta={"k": [1]}, compressed=False),
        "loaded": MLArray(path),
        "opened": MLArray.open(path),
        "in memory": MLArray.open(path, mmap_mode="c"),
        "edited": MLArray.open(path, mmap_mode="r+"),
    }


KINDS = ("compressed", "plain", "loaded", "opened", "in memory", "edited")


def test_texts(path):
    image = MLArray(VOXELS, spacing=(1, 2, 1 / 3), meta=Meta(spatial={"coord_system": "RAS"}))
    assert repr(image) == "<MLArray (20, 30, 40), int16, [1.0, 2.0, 0.333333], RAS>"
    assert repr(MLArray()) == "<MLArray metadata only>"
    assert str(path) in repr(MLArray.open(path))
    assert len(repr(MLArray(meta={"k": "x" * 5000}))) < 100


def test_rich_texts(path):
    text = pretty_repr(MLArray.open(path))
    assert text.startswith("MLArray(")
    assert "shape=(20, 30, 40)" in text
    console = Console(record=True, width=200, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - closed below
    console.print(MLArray(VOXELS))
    console.file.close()
    assert "int16" in console.export_text()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_independent(path, kind, duplicate):
    image = every_kind(path)[kind]
    before = path.read_bytes()
    twin = duplicate(image)
    assert np.array_equal(twin, VOXELS)
    assert twin.meta == image.meta
    twin[0] = -1
    twin.meta.source["k"].append(2)
    twin.spacing[0] = 9
    assert np.array_equal(image, VOXELS)
    assert image.meta.source == {"k": [1]}
    assert image.spacing == [1, 2, 3]
    twin.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_pickles(path, kind):
    image = every_kind(path)[kind]
    image.meta.source["k"] = 2
    if kind != "opened":
        image[0] = 7
    twin = pickle.loads(pickle.dumps(image))
    assert type(twin) is MLArray
    assert np.array_equal(twin[1:], VOXELS[1:])
    assert twin[0, 0, 1] == (1 if kind == "opened" else 7)
    assert twin.meta.source == {"k": 2}
    assert twin.spacing == [1, 2, 3]


def test_pickles_of_files_hold_no_voxels(path):
    image = MLArray.open(path, dparams={"nthreads": 2}, verify="none")
    text = pickle.dumps(image)
    assert len(text) < 5000
    twin = pickle.loads(text)
    assert (twin.filepath, twin.mode, twin.mmap_mode) == (str(path), "r", "r")
    assert twin.meta.blosc2.dparams == {"nthreads": 2}


@pytest.mark.parametrize("change", ["removed", "replaced", "edited"])
def test_pickles_notice_another_file(path, change):
    text = pickle.dumps(MLArray.open(path))
    if change == "removed":
        path.unlink()
    elif change == "replaced":
        MLArray(VOXELS).save(path)
    else:
        with MLArray.open(path, mmap_mode="r+") as image:
            image[0] = 1
    with pytest.raises(ReadError, match="changed or removed since"):
        pickle.loads(text)


def test_pickles_without_voxels(tmp_path):
    image = MLArray(meta=Meta(bbox=[[[0, 1]]]))
    assert pickle.loads(pickle.dumps(image)).meta == image.meta
    image.save(tmp_path / "a.mla")
    assert pickle.loads(pickle.dumps(MLArray.open(tmp_path / "a.mla"))).meta.bbox.bboxes == [[[0, 1]]]
    image.close()
    assert repr(pickle.loads(pickle.dumps(image))) == "<MLArray closed>"


def test_pickles_of_files_of_any_name(path, tmp_path):
    from mlarray_core.array.image import open_any

    other = tmp_path / "other.b2nd"
    other.write_bytes(path.read_bytes())
    assert np.array_equal(pickle.loads(pickle.dumps(open_any(other))), VOXELS)


def _crop(image, start):
    return image[start : start + 2, 3, 5].tolist()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("nthreads", [1, 4])
def test_workers_read_what_the_parent_opened(path, method, nthreads):
    images = [MLArray.open(path, dparams={"nthreads": nthreads}), MLArray(path), MLArray(VOXELS)]
    assert all(np.array_equal(image, VOXELS) for image in images)
    context = multiprocessing.get_context(method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads: that is the test
        with context.Pool(2) as pool:
            jobs = [(image, start) for image in images for start in range(0, 20, 5)]
            found = pool.starmap_async(_crop, jobs).get(timeout=60)
    assert found == [VOXELS[start : start + 2, 3, 5].tolist() for _, start in jobs]


def _child(image, queue):
    queue.put(image[3, 4].tolist())


def test_forked_children_share_the_open_file(path):
    image = MLArray.open(path, dparams={"nthreads": 4})
    assert np.array_equal(image, VOXELS)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = context.Process(target=_child, args=(image, queue))
        child.start()
    assert queue.get(timeout=60) == VOXELS[3, 4].tolist()
    child.join(60)
    assert child.exitcode == 0
    assert np.array_equal(image, VOXELS)
