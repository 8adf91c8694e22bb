"""Every example of the user's README, run in its order in one folder: they use one another's files."""

import re
from pathlib import Path

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_core.container.open import read_meta

PAGE = (Path(__file__).parent / "data" / "api" / "user_examples.md").read_text("utf-8")
EXAMPLES = re.findall(r"^## (.*?)$\n+```python\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the examples in order up to one; return its names, what it printed and the metadata then."""
    folder = tmp_path_factory.mktemp("examples")
    done = []

    def until(title):
        for name, code in EXAMPLES[len(done) :]:
            printed = []
            scope = {"print": lambda value, to=printed: to.append(str(value))}
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                exec(compile(code, name, "exec"), scope)
            scope["metadata"] = {path.name: read_meta(path)[0] for path in folder.glob("*.mla")}
            done.append((name, scope, printed))
            if name == title:
                break
        return next((folder, scope, printed) for name, scope, printed in done if name == title)

    return until


def test_all_examples_are_here():
    assert len(EXAMPLES) == 10


@pytest.mark.parametrize("title", [title for title, _ in EXAMPLES])
def test_every_example_runs(run, title):
    run(title)


def test_default_usage(run):
    _, scope, _ = run("Default usage")
    assert np.array_equal(scope["image"].to_numpy(), scope["array"])
    assert scope["image"].shape == (128, 256, 256)


def test_memory_mapped_usage(run):
    folder, scope, _ = run("Memory-mapped usage")
    assert scope["crop"].shape == (10, 10, 256)
    assert np.array_equal(scope["image"].to_numpy(), scope["array"])
    assert np.array_equal(MLArray(folder / "sample.mla").to_numpy(), scope["array"])


def test_metadata_inspection(run):
    _, scope, printed = run("Metadata inspection and manipulation")
    assert printed == [
        "[1.0, 1.0, 1.5]",
        "[10.0, 10.0, 30.0]",
        "{'patient_id': '123', 'modality': 'CT'}",
    ]
    meta = scope["metadata"]["with-metadata.mla"]
    assert meta.spatial.spacing == [1.0, 5.3, 1.5]
    assert meta.source["study_id"] == "new-study"


def test_copying_with_overrides(run):
    folder, _, _ = run("Copy metadata with overrides")
    assert MLArray(folder / "copied-metadata.mla").spacing == [0.8, 0.8, 1.0]


def test_standardized_metadata(run):
    folder, _, printed = run("Standardized metadata usage")
    image = MLArray(folder / "with-metadata.mla")
    assert image.meta.is_seg == False  # noqa: E712 - the comparison is what is tested
    assert image.meta.source == {"patient_id": "123", "modality": "CT", "study_id": "study-001"}
    assert printed == ["{'patient_id': '123', 'modality': 'CT'}", "True"]


@pytest.mark.parametrize(
    ("title", "name", "expected"),
    [
        ("Custom isotropic patch size (512)", "patch-512.mla", {"patch_size": [512, 512, 512]}),
        ("Custom non-isotropic patch size", "patch-non-iso.mla", {"patch_size": [128, 192, 256]}),
        (
            "Manual chunk/block size",
            "manual-chunk-block.mla",
            {"patch_size": None, "chunk_size": [1, 128, 128], "block_size": [1, 32, 32]},
        ),
        ("Let Blosc2 itself configure chunk/block size", "blosc2-auto.mla", {"patch_size": None}),
    ],
)
def test_patch_sizes(run, title, name, expected):
    folder, _, _ = run(title)
    image = MLArray(folder / name)
    stored = image.meta.blosc2.to_plain(include_none=True)
    assert {key: stored[key] for key in expected} == expected
    assert np.array_equal(image.to_numpy(), MLArray(folder / "sample.mla").to_numpy())


def test_default_patch_size(run):
    folder, _, _ = run("Default patch size (192)")
    for name in ("default-patch.mla", "default-patch-relayout.mla"):
        assert MLArray(folder / name).meta.blosc2.patch_size == [192, 192, 192]
