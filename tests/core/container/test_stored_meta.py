"""Metadata in a file: what is decoded and made of them at opening, and what when somebody asks."""

from __future__ import annotations

import pickle
import threading
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import blosc2
import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.chunks.grid import Grid
from mlarray_core.container.contents import Contents
from mlarray_core.container.frame_writer import FrameWriter
from mlarray_core.container.stored_meta import stored_metadata
from mlarray_core.errors import CorruptError, MetadataError, MLArrayError, ReadOnlyError, UnsafeError
from mlarray_core.metadata import generations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOXELS = np.random.default_rng(0).integers(0, 900, (20, 24, 24)).astype("i2")
PARTS: list[Callable[[MLArray], Any]] = [
    lambda image: image.meta,
    lambda image: image.spacing,
    lambda image: image.affine,
    lambda image: image.spatial_ndim,
    lambda image: image.shear,
    repr,
    deepcopy,
    pickle.dumps,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mla"
    MLArray(VOXELS, spacing=(1, 2, 3), meta={"a": [1]}, patch_size=8).save(path)
    return path


def with_metadata(path: Path, metadata: bytes) -> Path:
    """Write a sealed file with voxels and with these metadata."""
    grid = Grid(VOXELS.shape, (10, 12, 12), (5, 6, 6), VOXELS.dtype)
    with path.open("w+b") as file:
        writer = FrameWriter(file, grid, {"codec": 1, "clevel": 1})
        writer.put_all((number, VOXELS[grid.box(number)]) for number in range(grid.nchunks))
        writer.finish(metadata)
    return path


def test_unverified_metadata_are_decoded_when_they_are_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    plain = generations.decode
    monkeypatch.setattr(generations, "decode", lambda raw: decoded.append(1) or plain(raw))
    image = MLArray.open(path, verify="none")
    assert (image.shape, image.dtype, image.ndim, len(image)) == ((20, 24, 24), np.int16, 3, 20)
    assert np.array_equal(image[3:9, 4:20], VOXELS[3:9, 4:20])
    assert np.array_equal(np.asarray(image), VOXELS)
    image.prefetch([np.s_[:4]])
    image.close()
    assert decoded == []
    with MLArray.open(path, verify="none") as image:
        assert image.spacing == [1, 2, 3]
        assert image.meta.source == {"a": [1]}
    assert decoded == [1]
    MLArray.open(path).close()
    assert decoded == [1, 1]


@pytest.mark.parametrize(
    ("verify", "sealed", "waits"),
    [
        ("none", True, True),
        ("none", False, True),
        ("touch", True, True),
        ("touch", False, False),
        ("full", True, False),
        ("full", False, False),
    ],
)
def test_when_they_are_made(path: Path, tmp_path: Path, verify: str, sealed: bool, waits: bool) -> None:
    if not sealed:
        path = unsealed(path, tmp_path / "b.mla")
    for opened in (MLArray.open(path, verify=verify), MLArray.load(path, verify=verify)):
        assert opened.shape == VOXELS.shape
        assert (not opened._state.lazy.is_made) == waits
        assert opened.meta.source == {"a": [1]}
        assert opened._state.lazy.is_made


def unsealed(path: Path, target: Path) -> Path:
    """Copy a file as a program that knows no seal writes it."""
    contents = Contents(path.read_bytes())
    array = blosc2.asarray(VOXELS, urlpath=str(target), mode="w", contiguous=True)
    array.schunk.vlmeta["mlarray"] = stored_metadata(contents.read, contents.frame)
    return target


@pytest.mark.parametrize("dparams", [None, {"nthreads": 2}])
@pytest.mark.parametrize("verify", ["none", "touch"])
def test_late_ones_are_the_same_as_early_ones(path: Path, dparams: Any, verify: str) -> None:
    with (
        MLArray.open(path, dparams=dparams, verify=verify) as late,
        MLArray.open(path, dparams=dparams, verify="full") as early,
    ):
        assert late.meta == early.meta
        assert late.meta.blosc2.dparams == early.meta.blosc2.dparams == {"nthreads": 1, **(dparams or {})}
        assert repr(late) == repr(early)
        assert late.meta is late.meta
        assert np.array_equal(late.affine, early.affine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        (generations._gzip(b"\x80\x05cos\nsystem\n(S'true'\ntR."), UnsafeError),
        (generations._gzip(pickle.dumps({"source": {"data": {}}, "_has_array": print}, 5)), UnsafeError),
        (b"no metadata at all", CorruptError),
        (generations._gzip(pickle.dumps([1, 2], 5)), CorruptError),
    ],
)
def test_what_is_refused_at_opening_is_refused_late_without_verification(
    tmp_path: Path, metadata: bytes, error: type
) -> None:
    path = with_metadata(tmp_path / "a.mla", metadata)
    for verify in ("touch", "full"):
        with pytest.raises(error, match=str(path)):
            MLArray.open(path, verify=verify)
    image = MLArray.open(path, verify="none")
    assert np.array_equal(image[...], VOXELS)
    for part in [*PARTS, *PARTS]:
        with pytest.raises(error, match=str(path)):
            part(image)
    with pytest.raises(error):
        image.save(tmp_path / "b.mla")
    assert not (tmp_path / "b.mla").exists()
    image.close()
    for mode in ("r+", "c"):
        with pytest.raises(error), MLArray.open(path, mmap_mode=mode, verify="none") as image:
            image[0] = 1


def test_metadata_that_deny_the_voxels(tmp_path: Path) -> None:
    denial = generations._gzip(pickle.dumps({"_has_array": {"has_array": False}}, 5))
    path = with_metadata(tmp_path / "a.mla", denial)
    for verify in ("touch", "full"):
        assert MLArray.open(path, verify=verify).shape is None
    image = MLArray.open(path, verify="none")
    assert image.shape == VOXELS.shape
    with pytest.raises(CorruptError, match="no voxels"):
        _ = image.meta


def test_geometry_that_does_not_fit_is_kept_aside_as_ever(tmp_path: Path) -> None:
    crooked = generations._gzip(pickle.dumps({"spatial": {"spacing": [1, 0, 1]}}, 5))
    path = with_metadata(tmp_path / "a.mla", crooked)
    for verify in ("none", "touch"):
        image = MLArray.open(path, verify=verify)
        with pytest.warns(UserWarning, match="spacing"):
            assert image.spacing is None
        with pytest.raises(MetadataError):
            image.spacing = (1, 0, 1)
    with pytest.warns(UserWarning, match="spacing"):
        MLArray.open(path, verify="full").close()


def test_metadata_without_voxels_are_read_at_once(tmp_path: Path) -> None:
    MLArray(meta={"a": 1}).save(tmp_path / "a.mla")
    image = MLArray.open(tmp_path / "a.mla", verify="none")
    assert (image.shape, image.meta.source.to_plain()) == (None, {"a": 1})


def test_what_was_set_stays(path: Path, tmp_path: Path) -> None:
    with MLArray.open(path, verify="none") as image:
        image.meta.source["b"] = 2
        image.spacing = (4, 5, 6)
        twin = pickle.loads(pickle.dumps(image))
        assert twin.spacing == deepcopy(image).spacing == [4, 5, 6]
        with pytest.raises(ReadOnlyError):
            image.meta.blosc2 = None  # type: ignore[assignment]
        image.save(tmp_path / "b.mla")
    assert MLArray(tmp_path / "b.mla").meta.source == {"a": [1], "b": 2}


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_editing_without_having_looked(path: Path, mode: str) -> None:
    with MLArray.open(path, mmap_mode=mode, verify="none") as image:
        image[0] = 7
        assert (image[0] == 7).all()
    again = MLArray.open(path)
    assert (again[0] == 7).all() == (mode == "r+")
    assert (again.spacing, again.meta.source.to_plain()) == ([1, 2, 3], {"a": [1]})


def test_threads_that_ask_at_once_get_one_object(path: Path) -> None:
    for _ in range(20):
        image = MLArray.open(path, verify="none")
        start = threading.Barrier(8)
        got: list[Any] = []

        def ask(image: MLArray = image, start: threading.Barrier = start, got: list[Any] = got) -> None:
            start.wait()
            got.append(image.meta)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 8
        assert {id(meta) for meta in got} == {id(image.meta)}


def test_closed_images_have_no_metadata(path: Path) -> None:
    image = MLArray.open(path, verify="none")
    image.close()
    with pytest.raises(MLArrayError, match="closed"):
        _ = image.meta
    with pytest.raises(MLArrayError, match="closed"):
        _ = image.spacing
