"""`PatchDataset`: each patch is what lies at its place, and the same for any number of workers."""

import hashlib
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from mlarray import Meta, MLArray, errors
from tests.torch.conftest import SHAPES

pytestmark = pytest.mark.torch


def dataset(pairs, *args, **options):
    from mlarray.torch import PatchDataset

    return PatchDataset(pairs, *args, **options)


def padded(array, start, patch, value):
    """Return what lies at a place, by NumPy alone."""
    over = max(patch)
    wide = np.pad(array, over, constant_values=value)
    return wide[tuple(slice(s + over, s + over + p) for s, p in zip(start, patch, strict=True))]


def whole(pairs, case):
    return [np.asarray(MLArray.open(path)) for path in pairs[case]]


@pytest.mark.parametrize("margin", [0, 3])
def test_a_patch_is_what_lies_at_its_place(pairs, margin):
    patch = (6, 20, 18)  # larger than the third image
    found = dataset(pairs, patch, per_epoch=40, foreground=0.5, pad=-9, margin=margin)
    seen, hung = set(), 0
    for item in (found[index] for index in range(40)):
        image, label = whole(pairs, item["case"])
        start = item["start"].tolist()
        assert (item["image"][0].numpy() == padded(image, start, patch, -9)).all()
        assert (item["label"][0].numpy() == padded(label, start, patch, 0)).all()
        assert item["image"].shape == (1, *patch)
        hung += any(s < 0 or s + p > n for s, p, n in zip(start, patch, image.shape, strict=True))
        seen.add(item["case"])
    assert seen == {0, 1, 2}
    assert hung > (25 if margin else 0)


def test_stored_types_are_sent_unless_others_are_asked_for(pairs):
    import torch

    stored, changed = dataset(pairs, 8)[0], dataset(pairs, 8, dtype="float32")[0]
    assert (stored["image"].dtype, stored["label"].dtype) == (torch.int32, torch.uint8)
    assert (changed["image"].dtype, changed["label"].dtype) == (torch.float32, torch.uint8)
    assert dataset(pairs, 8, dtype=torch.float16)[0]["image"].dtype == torch.float16
    for wrong in ("float33", "nn", 3):
        with pytest.raises(errors.ArgumentError, match="no type"):
            dataset(pairs, 8, dtype=wrong)


def test_foreground_patches_lie_around_voxels_of_a_class_drawn_first(pairs):
    found = dataset(pairs, 3, per_epoch=300, foreground=1.0)
    centres = [int(found[index]["label"][0, 1, 1, 1]) for index in range(300)]
    assert set(centres) == {1, 7}
    assert 100 < centres.count(7) < 200  # one voxel in each case, and half of the patches
    only = dataset(pairs, 3, per_epoch=30, foreground=1.0, classes=[7, 99])
    assert {int(only[index]["label"][0, 1, 1, 1]) for index in range(30)} == {7}
    never = dataset(pairs, 3, per_epoch=300, foreground=0.0)
    share = np.mean([int(never[index]["label"][0, 1, 1, 1]) > 0 for index in range(300)])
    assert share < 0.05


def test_random_patches_are_spread_over_the_whole_image(folder):
    found = dataset([(folder / "case0_image.mla", None)], (4, 4, 4), per_epoch=2000)
    starts = np.array([found[index]["start"].tolist() for index in range(2000)])
    for axis, size in enumerate(SHAPES[0]):
        counts = np.bincount(starts[:, axis], minlength=size - 3)
        assert len(counts) == size - 3
        assert (abs(counts - counts.mean()) < 6 * np.sqrt(counts.mean())).all()
    assert set(found[0]) == {"image", "case", "start"}


def test_several_images_of_a_case_are_channels(pairs, folder):
    both = [([image, str(image).replace("image", "second")], label) for image, label in pairs]
    item = dataset(both, 8, seed=3)[5]
    assert item["image"].shape == (2, 8, 8, 8)
    start = item["start"].tolist()
    box = tuple(slice(s, s + 8) for s in start)
    assert (item["image"][0].numpy() == whole(pairs, item["case"])[0][box]).all()
    assert (item["image"][1] == item["image"][0] + 1).all()


def test_other_axes_are_channels(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 99, (3, 10, 11, 12, 2)).astype(np.int16)
    labels = (voxels[0, ..., 0] > 50).astype(np.uint8)
    axes = ["temporal", "spatial_z", "spatial_y", "spatial_x", "channel"]
    MLArray(voxels, axis_labels=axes, spacing=(1, 2, 3)).save(tmp_path / "a.mla")
    MLArray(labels, spacing=(1, 2, 3), meta=Meta(is_seg=True)).save(tmp_path / "b.mla", stats=True)
    item = dataset([(tmp_path / "a.mla", tmp_path / "b.mla")], 4)[1]
    z, y, x = item["start"].tolist()
    patch = voxels[:, z : z + 4, y : y + 4, x : x + 4]
    assert item["image"].shape == (6, 4, 4, 4)
    assert (item["image"][2 * 2 + 1].numpy() == patch[2, ..., 1]).all()
    assert (item["label"][0].numpy() == labels[z : z + 4, y : y + 4, x : x + 4]).all()


def test_two_dimensions_and_images_in_memory():
    image = MLArray(np.arange(600, dtype=np.float32).reshape(20, 30))
    labels = MLArray((np.asarray(image) > 500).astype(np.uint8))
    with pytest.warns(UserWarning, match="1 of 1 label maps hold no class locations"):
        found = dataset([(image, labels)], (6, 7), foreground=1)
    item = found[0]
    y, x = item["start"].tolist()
    assert (item["image"][0].numpy() == np.asarray(image)[y : y + 6, x : x + 7]).all()
    assert item["label"].any()


def test_the_place_depends_on_seed_epoch_and_index_alone(pairs):
    found = dataset(pairs, 8, seed=1)
    first = [found[index]["start"].tolist() for index in range(20)]
    assert first == [dataset(pairs, 8, seed=1)[index]["start"].tolist() for index in range(20)]
    assert found[-1]["start"].tolist() == found[249]["start"].tolist()
    found.set_epoch(1)
    assert first != [found[index]["start"].tolist() for index in range(20)]
    assert first != [dataset(pairs, 8, seed=2)[index]["start"].tolist() for index in range(20)]
    assert len(found) == 250
    with pytest.raises(IndexError):
        found[250]


def digest(found, **options):
    from torch.utils.data import DataLoader

    whole = hashlib.sha256()
    for batch in DataLoader(found, batch_size=2, **options):
        whole.update(batch["image"].numpy().tobytes() + batch["label"].numpy().tobytes())
        whole.update(batch["start"].numpy().tobytes() + batch["case"].numpy().tobytes())
    return whole.hexdigest()


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker:UserWarning")
def test_workers_however_many_and_started_however_give_the_same(pairs):
    found = dataset(pairs, 8, per_epoch=12, foreground=0.5)
    alone = digest(found)
    for context in ("fork", "spawn", "forkserver"):
        assert digest(found, num_workers=4, multiprocessing_context=context) == alone
    assert digest(found, num_workers=1, multiprocessing_context="spawn") == alone


def test_workers_that_live_on_see_the_next_epoch(pairs):
    from torch.utils.data import DataLoader

    found = dataset(pairs, 8, per_epoch=8)
    loader = DataLoader(
        found, num_workers=2, persistent_workers=True, multiprocessing_context="fork", batch_size=2
    )
    epochs = []
    for epoch in (0, 1, 0):
        found.set_epoch(epoch)
        epochs.append([batch["start"].tolist() for batch in loader])
    assert epochs[0] == epochs[2] != epochs[1]


def test_transforms_come_after_reading(pairs):
    found = dataset(pairs, 8, transform=lambda item: (item["image"].float() * 2, item["label"]))
    image, label = found[3]
    assert (image == dataset(pairs, 8)[3]["image"] * 2).all()
    assert label.shape == (1, 8, 8, 8)


def test_it_pickles_as_little_without_open_files(pairs):
    found = dataset(pairs * 30, 8)
    found[0]
    assert len(pickle.dumps(found)) < 30_000
    assert (pickle.loads(pickle.dumps(found))[7]["image"] == found[7]["image"]).all()


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
import os
from mlarray.torch import PatchDataset
folder = sys.argv[1]
pairs = [(f"{folder}/{n}.mla", f"{folder}/{n}_label.mla") for n in range(60)]
found = PatchDataset(pairs, 4, per_epoch=150, foreground=0.5)
most = 0
for index in range(150):
    found[index]
    most = max(most, len(os.listdir("/proc/self/fd")))
held = [open(os.devnull) for _ in range(128 - most - 2)]  # others take what is left
for index in range(150):
    found[index]
print(most)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="counts descriptors in /proc")
def test_more_files_than_may_be_open(folder, tmp_path):
    for number in range(60):
        os.link(folder / "case0_image.mla", tmp_path / f"{number}.mla")
        os.link(folder / "case0_label.mla", tmp_path / f"{number}_label.mla")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert 40 < int(done.stdout) < 128


def test_what_is_wrong_is_said_at_once(pairs, folder, tmp_path):
    image, label = pairs[0]
    for wrong, message in (
        ([], "no cases"),
        ([(image,)], "pair"),
        ([image], "pair"),
        ([{"image": image}], "pair"),
        ([(3, label)], "path, a URL or an MLArray"),
        ([([], label)], "at least one"),
    ):
        with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError), match=message):
            dataset(wrong, 8)
    with pytest.raises(errors.ArgumentError, match=r"case1_label\.mla: it isn't on the grid.*shape"):
        dataset([*pairs, (image, pairs[1][1])], 8)
    with pytest.raises(errors.NotFoundError, match="nowhere"):
        dataset([*pairs, (image, tmp_path / "nowhere.mla")], 8)
    moved = MLArray(np.asarray(MLArray.open(label)), spacing=(3, 0.8, 0.9))
    with pytest.raises(errors.ArgumentError, match="spacing"):
        dataset([(image, moved)], 8, foreground=0)
    with pytest.raises(errors.ArgumentError, match="type"):
        dataset([(image, MLArray(np.zeros(SHAPES[0]), spacing=(3, 0.8, 0.7)))], 8, foreground=0)
    for options, message in (
        ({"patch": 0}, "patch"),
        ({"patch": (8, 8)}, "patch has 2"),
        ({"patch": 2.5}, "whole numbers"),
        ({"margin": -1}, "margin"),
        ({"foreground": 2}, "foreground"),
        ({"per_epoch": 0}, "per_epoch"),
        ({"pad": 0.5}, "can't be 0.5"),
    ):
        with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError), match=message):
            dataset(pairs, **{"patch": 8, **options})


def test_urls(pairs):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in pairs[0]:
        memory.pipe(f"/torch/{path.name}", path.read_bytes())
    urls = [tuple(f"memory://torch/{path.name}" for path in pairs[0])]
    there, here = dataset(urls, 8, foreground=1)[4], dataset(pairs[:1], 8, foreground=1)[4]
    assert (there["image"] == here["image"]).all()
    assert (there["label"] == here["label"]).all()
    memory.rm("/torch", recursive=True)
