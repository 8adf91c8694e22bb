"""`GridPatches` and `Aggregator`: what is cut is put together again, in bounded memory."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mlarray import MLArray, errors

pytestmark = pytest.mark.torch
SHAPE = (30, 41, 52)


@pytest.fixture
def voxels():
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


@pytest.fixture
def path(voxels, tmp_path):
    affine = np.diag([-0.7, 0.8, 3.0, 1.0])[[1, 0, 2, 3]]
    affine[:3, 3] = (5, 6, 7)
    affine = affine[:, [2, 1, 0, 3]]
    labels = ["spatial_z", "spatial_y", "spatial_x"]
    image = MLArray(voxels, affine=affine, axis_labels=labels, patch_size=16)
    image.meta.spatial.coord_system = "LPS"
    image.save(tmp_path / "image.mla")
    return tmp_path / "image.mla"


def box_filter(image):
    """Return the mean of 5 x 5 x 5 voxels, zeros outside: a local filter, as a network's layers are."""
    import torch

    weight = torch.ones(1, 1, 5, 5, 5) / 125
    return torch.nn.functional.conv3d(image, weight, padding=2)


def slid(path, target, patch, overlap, network, batch=3, **options):
    from torch.utils.data import DataLoader

    from mlarray.torch import Aggregator, GridPatches

    grid = GridPatches(path, patch, overlap)
    with Aggregator(target, grid, **options) as out:
        for windows in DataLoader(grid, batch_size=batch):
            out.add(network(windows["image"]), windows["start"])
    return MLArray.open(target)


@pytest.mark.parametrize("patch", [16, (12, 20, 24), (40, 41, 16)])
@pytest.mark.parametrize("overlap", [0.5, 0.3])
def test_windows_cover_the_image_within_it(path, voxels, patch, overlap):
    from mlarray.torch import GridPatches

    grid = GridPatches(path, patch, overlap)
    seen = np.zeros(SHAPE, int)
    for index in range(len(grid)):
        item = grid[index]
        start = item["start"].tolist()
        inside = tuple(
            slice(max(0, s), min(s + p, n)) for s, p, n in zip(start, grid.patch, SHAPE, strict=True)
        )
        cut = tuple(slice(part.start - s, part.stop - s) for part, s in zip(inside, start, strict=True))
        assert (item["image"][0].numpy()[cut] == voxels[inside]).all()
        assert all((s >= 0 and s + p <= n) or p > n for s, p, n in zip(start, grid.patch, SHAPE, strict=True))
        seen[inside] += 1
    assert seen.min() >= 1
    assert grid[-1]["index"] == len(grid) - 1
    with pytest.raises(IndexError):
        grid[len(grid)]


@pytest.mark.parametrize("weights", ["gaussian", "constant", "crop"])
@pytest.mark.parametrize("patch", [16, (12, 20, 64)])
def test_a_filter_of_voxels_gives_what_it_gives_of_the_whole(path, voxels, tmp_path, weights, patch):
    out = slid(path, tmp_path / "a.mla", patch, 0.4, lambda image: image * 2 + 1, weights=weights)
    assert out.dtype == np.float32
    np.testing.assert_allclose(np.asarray(out), voxels * 2 + 1, rtol=1e-5, atol=1e-5)
    assert out.verify() == "sealed"


def test_a_local_filter_gives_what_it_gives_of_the_whole(path, voxels, tmp_path):
    """Windows that overlap by twice the filter's reach, cut in the middle of what they share."""
    import torch

    whole = box_filter(torch.from_numpy(voxels)[None, None])[0, 0].numpy()
    out = slid(path, tmp_path / "a.mla", 16, 0.25, box_filter, weights="crop")
    np.testing.assert_allclose(np.asarray(out), whole, rtol=1e-5, atol=1e-6)
    mean = slid(path, tmp_path / "b.mla", 16, 0.5, box_filter, weights="gaussian")
    assert abs(np.asarray(mean) - whole).mean() < 0.02  # borders of windows count little


def test_the_mean_is_weighted_as_promised(path, tmp_path):
    """Each window says its own number: what comes out is the mean of them by their weights."""
    from mlarray.torch import Aggregator, GridPatches
    from mlarray.torch.weights import WEIGHTS

    grid = GridPatches(path, (16, 20, 26), 0.5)
    total, said = np.zeros(SHAPE), np.zeros(SHAPE)
    curve = [WEIGHTS["gaussian"](length) for length in grid.patch]
    weight = np.einsum("i,j,k->ijk", *curve)
    assert curve[0].argmax() in (7, 8)
    with Aggregator(tmp_path / "a.mla", grid) as out:
        for index in reversed(range(len(grid))):
            item = grid[index]
            box = tuple(slice(s, s + p) for s, p in zip(item["start"].tolist(), grid.patch, strict=True))
            total[box] += weight
            said[box] += weight * index
            out.add(item["image"] * 0 + index, item["start"])
    np.testing.assert_allclose(np.asarray(MLArray.open(tmp_path / "a.mla")), said / total, rtol=1e-4)


def test_channels_and_labels_and_where_they_lie(path, voxels, tmp_path):
    import torch

    def network(image):
        return torch.cat([image, image * -1, image * 0 + 0.3], dim=1)

    image = MLArray.open(path)
    out = slid(path, tmp_path / "a.mla", 16, 0.5, network, channels=3)
    assert out.shape == (3, *SHAPE)
    np.testing.assert_allclose(out[1], -voxels, rtol=1e-4, atol=1e-5)
    assert out.meta.spatial.axis_labels == ["channel", "spatial_z", "spatial_y", "spatial_x"]
    labels = slid(path, tmp_path / "b.mla", 16, 0.5, network, channels=3, argmax=True)
    wanted = np.stack([voxels, -voxels, np.full_like(voxels, 0.3)])
    sure = np.sort(wanted, 0)[-1] - np.sort(wanted, 0)[-2] > 1e-4
    assert (np.asarray(labels)[sure] == wanted.argmax(0)[sure]).all()
    assert labels.dtype == np.uint8
    assert labels.meta.is_seg == True  # noqa: E712
    for one in (out, labels):
        np.testing.assert_allclose(one.affine, image.affine, atol=1e-12)
        assert one.meta.spatial.coord_system == "LPS"
    whole = slid(path, tmp_path / "c.mla", 16, 0.5, lambda image: image * 50, dtype="int16")
    assert abs(np.asarray(whole) - voxels * 50).max() <= 0.51


def test_little_memory_gives_the_same(path, tmp_path):
    few = slid(path, tmp_path / "a.mla", 16, 0.5, box_filter, memory=1)
    much = slid(path, tmp_path / "b.mla", 16, 0.5, box_filter)
    assert (np.asarray(few) == np.asarray(much)).all()
    assert sorted(os.listdir(tmp_path)) == ["a.mla", "b.mla", "image.mla"]


def test_what_cannot_be_put_together(path, tmp_path):
    from mlarray.torch import Aggregator, GridPatches

    grid = GridPatches(path, 16, 0.5)
    target = tmp_path / "a.mla"
    missing = rf"{len(grid) - 1} of {len(grid)} windows"
    with pytest.raises(errors.ArgumentError, match=missing), Aggregator(target, grid) as out:
        out.add(grid[0]["image"], grid[0]["start"])
    with pytest.raises(errors.ArgumentError, match="added before"), Aggregator(target, grid) as out:
        out.add(grid[0]["image"], grid[0]["start"])
        out.add(grid[0]["image"], grid[0]["start"])
    with pytest.raises(errors.ArgumentError, match="no window"), Aggregator(target, grid) as out:
        out.add(grid[0]["image"], grid[0]["start"] + 1)
    with pytest.raises(errors.ArgumentError, match="shape"), Aggregator(target, grid) as out:
        out.add(grid[0]["image"][:, :3], grid[0]["start"])
    for options in ({"weights": "none"}, {"channels": 0}, {"dtype": "c8"}):
        with pytest.raises(errors.ArgumentError):
            Aggregator(target, grid, **options)
    with pytest.raises(errors.WriteError):
        Aggregator(tmp_path / "nowhere" / "a.mla", grid)
    with pytest.raises(errors.ArgumentError, match="overlap"):
        GridPatches(path, 16, 1.0)
    assert os.listdir(tmp_path) == ["image.mla"]


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads its memory in /proc")
def test_memory_does_not_grow_with_the_image(tmp_path):
    """600 MB by 128 MB of sums and what windows of 2 MB need; `--gigabytes 10` is the whole of it."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.train.sliding",
        tmp_path,
        "--gigabytes",
        "0.6",
        "--patch",
        "80",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["voxels that differ"] == 0
    assert found["MB at most"] - found["MB before"] < 400
