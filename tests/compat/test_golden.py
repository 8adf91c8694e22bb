"""Files that were written once and are never written again: what was readable stays readable.

``G0`` to ``G8`` are files of the reference's releases, ``ours`` files of this package that the reference
0.0.54 was seen to open, with equal voxels and metadata.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

import mlarray
from mlarray import Meta, MLArray
from mlarray_core.array.image import open_any
from mlarray_core.container.open import read_meta
from mlarray_core.metadata import generations

FOLDER = Path(__file__).parent / "golden"
EARLIER = sorted(path for path in FOLDER.glob("G*") if path.suffix != ".json")
OURS = sorted(FOLDER.glob("ours-*.mla"))
CASES = os.environ.get("MLARRAY_CASES")
SAMPLES = sorted((Path(CASES).parent / "mla-generations").glob("*/*.m*")) if CASES else []

VOXELS = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
STORED = {
    "patch_size": None,
    "chunk_size": (3, 6, 4),
    "block_size": (3, 2, 4),
    "cparams": {"codec": 1, "clevel": 0},
}
MADE = {
    "ours-parts": lambda: MLArray(
        VOXELS, (1.0, 2.0, 0.5), (4.0, 5.0, 6.5), [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
        meta=Meta(source={"a": {"b": [1, None]}}, spatial={"coord_system": "LPS"}, is_seg=False), **STORED,
    ),
    "ours-affine": lambda: MLArray(
        VOXELS.astype("f4"), affine=[[1.2, 0.1, 0, 5], [0, 2, 0.3, -6], [0.2, 0, 3.1, 7], [0, 0, 0, 1]],
        meta=Meta(bbox=[[[0, 1], [2, 3], [4, 5]]], extra={"e": "\u00fc"}), **STORED,
    ),
    "ours-labels": lambda: MLArray(
        VOXELS, axis_labels=["channel", "spatial_y", "spatial_x"], spacing=(1.5, 2.5), **STORED
    ),
    "ours-boxes": lambda: MLArray(meta=Meta(bbox=[[[0, 1], [2, 3]]], extra={"target": 0.5})),
}  # fmt: skip


def expected(path):
    return json.loads(path.with_suffix(".json").read_text("utf-8"))


def assert_voxels(image, array):
    if array is None:
        assert image.shape is None
        return
    assert (list(image.shape), image.dtype.str) == (array["shape"], array["dtype"])
    assert hashlib.sha256(np.ascontiguousarray(image.to_numpy()).tobytes()).hexdigest() == array["sha256"]


def assert_meta(meta, wanted):
    wanted = dict(wanted)
    index = wanted.pop("non_spatial_axis", None)
    labels = meta.spatial.axis_labels or []
    assert [i for i, label in enumerate(labels) if not label.startswith("spatial")] == (
        [] if index is None else [index]
    )
    for name, value in wanted.items():
        home = next(part for part in (meta, meta.spatial, meta.bbox) if name in part._names())
        assert getattr(home, name) == value, name


def test_every_generation_is_here():
    assert {expected(path)["generation"] for path in EARLIER} == {f"G{number}" for number in range(9)}
    assert {path.stem for path in OURS} == set(MADE)


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
def test_earlier_releases(path, tmp_path):
    wanted = expected(path)
    for image in (open_any(path), mlarray.read(path)):
        assert_voxels(image, wanted["array"])
        assert_meta(image.meta, wanted["meta"])
    meta, _, _ = read_meta(path)
    assert_meta(meta, wanted["meta"])
    image.save(tmp_path / "lifted.mla")
    lifted = MLArray(tmp_path / "lifted.mla")
    assert_voxels(lifted, wanted["array"])
    assert_meta(lifted.meta, wanted["meta"])


@pytest.mark.parametrize("path", [p for p in EARLIER if p.suffix == ".mla"], ids=lambda path: path.stem)
def test_earlier_releases_are_edited_in_place(path, tmp_path):
    wanted = expected(path)
    copy = tmp_path / "copy.mla"
    copy.write_bytes(path.read_bytes())
    with MLArray.open(copy, mmap_mode="r+") as image:
        image.meta.extra["edited"] = True
        voxels = None if image.shape is None else image.to_numpy()
        if voxels is not None:
            image[-1:] = voxels[-1:] = 1
    edited = MLArray(copy)
    assert edited.meta.extra["edited"] is True
    assert voxels is None or np.array_equal(edited, voxels)
    assert_meta(edited.meta, {name: value for name, value in wanted["meta"].items() if name != "extra"})


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_own_files(path):
    wanted = expected(path)
    image = MLArray(path)
    assert_voxels(image, wanted["array"])
    assert image.meta.to_plain() == wanted["meta"]
    assert image.verify() == "sealed"
    assert np.array_equal(image, MADE[path.stem]()) or image.shape is None


@pytest.mark.parametrize("name", MADE)
def test_we_still_write_what_the_reference_opened(name, tmp_path):
    MADE[name]().save(tmp_path / "now.mla")
    now, then = (tmp_path / "now.mla").read_bytes(), (FOLDER / f"{name}.mla").read_bytes()
    if now == then:
        return
    with_meta = [generations.decode(stored(data)) for data in (now, then)]
    assert with_meta[0] == with_meta[1]
    assert len(now) == pytest.approx(len(then), abs=200)


def stored(data):
    from mlarray_core.container import frame
    from mlarray_core.container.stored_meta import stored_metadata

    def read(at, count):
        return data[at : at + count]

    return stored_metadata(read, frame.parse(read, len(data)))


@pytest.mark.skipif(not SAMPLES, reason="MLARRAY_CASES is not set: the other samples are not here")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_all_samples(path):
    wanted = json.loads(path.with_suffix(".json").read_text("utf-8"))
    image, array = open_any(path), wanted["array"]
    assert_meta(image.meta, wanted.get("user_meta_expected") or {})
    if array is None:
        assert image.shape is None
    elif "values" in array:
        voxels = np.array(array["values"], array["dtype"]).reshape(array["shape"])
        assert np.array_equal(image, voxels)
        assert image.dtype == voxels.dtype
    else:
        count = int(np.prod(array["shape"]))
        voxels = np.arange(count) % (1000 if "1000" in array["formula"] else count)
        assert np.array_equal(image, voxels.reshape(array["shape"]).astype(array["dtype"]))
