"""Files that we and the reference 0.0.54 exchange, in both directions, the reference in its own environment.

Set ``MLARRAY_REFERENCE_PYTHON`` to the interpreter of an environment with ``mlarray==0.0.54``.
"""

import hashlib
import json
import os
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from mlarray import Meta, MLArray

PYTHON = os.environ.get("MLARRAY_REFERENCE_PYTHON")
SCRIPT = Path(__file__).with_name("reference_side.py")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="MLARRAY_REFERENCE_PYTHON is not set to a Python with mlarray 0.0.54"
)

VOXELS = np.arange(9 * 10 * 11, dtype=np.int16).reshape(9, 10, 11)
TURNED = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
SHEARED = [[1.2, 0.1, 0, 5], [0, 2.0, 0.3, -6], [0.2, 0, 3.1, 7], [0, 0, 0, 1]]
SMALL = {"patch_size": None, "chunk_size": 4, "block_size": 2}

OURS = {
    "plain": lambda: MLArray(VOXELS),
    "parts": lambda: MLArray(VOXELS, (1.0, 2.0, 0.5), (4.0, 5.0, 6.5), TURNED, meta={"a": {"b": [1, None]}}),
    "affine": lambda: MLArray(VOXELS, affine=SHEARED, meta={"nan": [1.5, "\u00fc"]}),
    "labels": lambda: MLArray(VOXELS, axis_labels=["channel", "spatial_y", "spatial_x"], spacing=(1.5, 2.5)),
    "own label": lambda: MLArray(VOXELS, axis_labels=["gene", "spatial_y", "spatial_x"]),
    "world": lambda: MLArray(VOXELS, meta=Meta(spatial={"coord_system": "LPS"}, is_seg=True)),
    "ras": lambda: MLArray(VOXELS, meta=Meta(spatial={"coord_system": "RAS"}, extra={"k": [1]})),
    "boxes": lambda: MLArray(
        VOXELS, meta=Meta(bbox={"bboxes": [[[0, 1]] * 3], "scores": [0.5], "labels": ["a"]})
    ),
    "boxes only": lambda: MLArray(meta=Meta(bbox=[[[0, 1], [2, 3]]], extra={"target": 1.5})),
    "chunks": lambda: MLArray(VOXELS, **SMALL),
    "patches": lambda: MLArray(np.tile(VOXELS, (9, 9, 9)), patch_size=24),
    "fast": lambda: MLArray(VOXELS, profile="fast", **SMALL),
    "small": lambda: MLArray(VOXELS, profile="small", **SMALL),
    "zlib": lambda: MLArray(VOXELS, cparams={"codec": 4, "clevel": 9}, **SMALL),
    "stored": lambda: MLArray(VOXELS, cparams={"clevel": 0}, **SMALL),
    "zeros": lambda: MLArray.zeros((40, 50, 60), "f4"),
    "sparse": lambda: MLArray(np.pad(VOXELS, 40)),
    **{
        f"dtype {dtype}": lambda dtype=dtype: MLArray(VOXELS.astype(dtype), **SMALL)
        for dtype in ["?", "i1", "u1", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
    },
    **{
        f"shape {shape}": lambda shape=shape: MLArray(np.arange(np.prod(shape), dtype="f4").reshape(shape))
        for shape in [(1,), (50,), (20, 30), (2, 3, 4, 5), (2, 2, 2, 2, 2, 2), (3, 0, 2)]
    },
}


def ask(*jobs):
    """Let the reference do its jobs, and return its answers."""
    asked = json.dumps([[str(part) if isinstance(part, Path) else part for part in job] for job in jobs])
    done = subprocess.run(
        [PYTHON, str(SCRIPT)],
        input=asked,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def described(image):
    """Describe one of our images as the reference describes its own."""
    voxels = image.to_numpy() if image.shape else None
    labels, world = image.meta.spatial.axis_labels, image.meta.spatial.coord_system
    return {
        "shape": None if image.shape is None else list(image.shape),
        "dtype": None if voxels is None else voxels.dtype.str,
        "sha256": None if voxels is None else hashlib.sha256(voxels.tobytes()).hexdigest(),
        "spacing": image.spacing,
        "origin": image.origin,
        "direction": image.direction,
        "affine": None if image.affine is None else image.affine.tolist(),
        "labels": None if labels is None else list(labels),
        "source": dict(image.meta.source),
        "extra": dict(image.meta.extra),
        "is_seg": image.meta.is_seg.value,
        "bbox": image.meta.bbox.to_mapping(include_none=False),
        "coord_system": None if world is None else str(world),
    }


def assert_same(found, expected):
    assert "error" not in found, found
    if expected["shape"] is None:
        found = {**found, "shape": None, "dtype": None, "sha256": None, "affine": None}
    if expected["coord_system"] is not None:
        found = {**found, "coord_system": found["coord_system"].rpartition(".")[2]}
    if expected["affine"] is not None and found["spacing"] is not None and expected["spacing"] is None:
        found = {**found, "spacing": None, "origin": None, "direction": None}
    if found["spacing"] is None and expected["spacing"] is not None:  # we derive them from the affine
        found = {**found, **{name: expected[name] for name in ("spacing", "origin", "direction")}}
    if found["affine"] is not None:
        assert np.allclose(found["affine"], expected["affine"], rtol=1e-14, atol=0)
        found = {**found, "affine": expected["affine"]}
    assert found == expected


def quietly(call, *arguments, **options):
    """Call without the warning that somebody else edited the file."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*edited by another program")
        return call(*arguments, **options)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Write every one of our images, and let the reference describe, save and edit it."""
    folder = tmp_path_factory.mktemp("ours")
    jobs, names = [], {}
    for number, (name, make) in enumerate(OURS.items()):
        path = folder / f"{number}.mla"
        make().save(path)
        for purpose in ("edited", "annotated", "touched"):
            (folder / f"{number}-{purpose}.mla").write_bytes(path.read_bytes())
        names[name] = len(jobs)
        jobs += [
            ("describe", path),
            ("describe", path, "open"),
            ("resave", path, folder / f"{number}-saved.mla"),
            ("touch", folder / f"{number}-touched.mla"),
            ("edit", folder / f"{number}-annotated.mla", 7, "edited", False),
            ("edit", folder / f"{number}-edited.mla"),
        ]
    answers = ask(*jobs)
    return {
        name: (folder / f"{number}.mla", answers[names[name] : names[name] + 6])
        for number, name in enumerate(OURS)
    }


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("how", ["load", "open"])
def test_the_reference_reads_ours(ours, name, how):
    path, answers = ours[name]
    assert_same(answers[how == "open"], described(MLArray(path)))


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("purpose", ["saved", "touched"])
def test_ours_survive_the_reference(ours, name, purpose):
    path, answers = ours[name]
    answer = answers[2 if purpose == "saved" else 3]
    assert answer is None, answer
    again = quietly(MLArray, path.with_name(f"{path.stem}-{purpose}.mla"))
    assert described(again) == described(MLArray(path))


@pytest.mark.parametrize("name", OURS)
def test_metadata_that_the_reference_edits(ours, name):
    path, answers = ours[name]
    assert answers[4] is None, answers[4]
    again = quietly(MLArray, path.with_name(f"{path.stem}-annotated.mla"))
    expected = described(MLArray(path))
    expected["source"]["edited"] = "by the reference"
    assert described(again) == expected


@pytest.mark.parametrize("name", [name for name in OURS if name not in ("boxes only", "shape (3, 0, 2)")])
def test_voxels_that_the_reference_edits(ours, name):
    path, answers = ours[name]
    assert answers[5] is None, answers[5]
    again = quietly(MLArray, path.with_name(f"{path.stem}-edited.mla"))
    expected = MLArray(path).to_numpy()
    expected[:1] = 7
    assert np.array_equal(again, expected)
    assert again.meta.source["edited"] == "by the reference"


def test_edits_of_a_sealed_file_are_noticed(ours):
    path, _ = ours["chunks"]
    with pytest.warns(UserWarning, match="edited by another program"):
        MLArray(path.with_name(f"{path.stem}-edited.mla"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Files that the reference wrote, and its own description of them."""
    folder = tmp_path_factory.mktemp("theirs")
    assert ask(("write", folder)) == [None]
    paths = sorted(folder.glob("*.mla"))
    answers = ask(*(("describe", path) for path in paths))
    return {path.stem: (path, answer) for path, answer in zip(paths, answers, strict=True)}


THEIRS = ["affine", "auto", "boxes", "created", "labels", "line", "parts", "seg"]


def test_the_reference_wrote_all(theirs):
    assert sorted(theirs) == THEIRS


@pytest.mark.parametrize("name", THEIRS)
def test_we_read_theirs(theirs, name):
    path, answer = theirs[name]
    for image in (MLArray(path), MLArray.open(path)):
        assert_same(answer, described(image))


@pytest.mark.parametrize("name", THEIRS)
def test_theirs_survive_us(theirs, name, tmp_path):
    path, _ = theirs[name]
    saved, edited = tmp_path / "saved.mla", tmp_path / "edited.mla"
    MLArray(path).save(saved)
    edited.write_bytes(path.read_bytes())
    expected = described(MLArray(path))
    with MLArray.open(edited, mmap_mode="r+") as image:
        image.meta.source["edited"] = 1
        if image.shape:
            image[:1] = 7
            voxels = image.to_numpy()
    after_save, after_edit = ask(("describe", saved), ("describe", edited))
    assert_same(after_save, expected)
    expected["source"]["edited"] = 1
    if expected["shape"]:
        expected["sha256"] = hashlib.sha256(voxels.tobytes()).hexdigest()
    assert_same(after_edit, expected)


def test_created_and_edited_files(tmp_path):
    path = tmp_path / "a.mla"
    with MLArray.create(path, VOXELS.shape, VOXELS.dtype, meta={"k": 1}, **SMALL) as image:
        for z, plane in enumerate(VOXELS):
            image[z] = plane
    with MLArray.open(path, mmap_mode="r+") as image:
        image[2:5, 3] = -1
    assert_same(ask(("describe", path))[0], described(MLArray(path)))
    ask(("edit", path))
    image = quietly(MLArray.open, path, mmap_mode="r+")
    image[1] = 3
    quietly(image.close)
    assert_same(ask(("describe", path))[0], described(quietly(MLArray, path)))


def test_the_label_table_survives_the_reference(tmp_path):
    path = tmp_path / "a.mla"
    code = {"scheme": "SCT", "value": "10200004", "meaning": "Liver"}
    image = MLArray(VOXELS % 3, meta=Meta(is_seg=True), **SMALL)
    image.meta.labels = [{"value": 1, "name": "liver", "color": "#dd8265", "code": code}, {"value": 2}]
    image.save(path)
    assert_same(ask(("describe", path))[0], described(MLArray(path)))
    ask(("edit", path))
    assert quietly(MLArray, path).meta.labels == image.meta.labels


@pytest.fixture
def levelled(tmp_path):
    """A file with coarser levels, and what the image is without them."""
    path = tmp_path / "levels.mla"
    MLArray(np.tile(VOXELS, (9, 9, 9)), spacing=(1.0, 1.0, 1.0)).save(path, levels="auto")
    assert len(MLArray.open(path).levels) == 1
    return path, described(MLArray(path))


@pytest.mark.parametrize("how", ["load", "open"])
def test_the_reference_reads_images_with_levels(levelled, how):
    path, expected = levelled
    before = path.read_bytes()
    assert_same(ask(("describe", path, *(["open"] if how == "open" else [])))[0], expected)
    assert path.read_bytes() == before


@pytest.mark.parametrize("job", ["edit", "touch"])
def test_levels_are_gone_after_the_reference_wrote(levelled, job):
    path, expected = levelled
    assert ask((job, path)) == [None]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        image = MLArray(path)
        assert MLArray.open(path).levels == []
    assert any("coarser levels are gone" in str(one.message) for one in told)
    wanted = np.tile(VOXELS, (9, 9, 9))
    if job == "edit":
        wanted[:1] = 7
        expected["source"]["edited"] = "by the reference"
    np.testing.assert_array_equal(image.to_numpy(), wanted)
    assert image.meta.source == expected["source"]
