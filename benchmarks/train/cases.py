"""Made-up cases, a CT and labels of three classes each, in every layout that is measured."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (160, 256, 256)
PATCH = (96, 96, 96)
SMALL = (64, 96, 96)
"""Of the thousand cases."""
RESAMPLED = 8
"""Cases that are preprocessed a second time, resampled in their planes: then no value comes twice."""


def volume(seed: int, shape: tuple[int, ...] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Return a body with noise, int16, and twelve ellipsoids of three classes in it, uint8."""
    from scipy.ndimage import gaussian_filter, zoom

    chance = np.random.default_rng(seed)
    coarse = [max(2, size // 14) for size in shape]
    smooth = zoom(chance.normal(0, 1, coarse), [s / c for s, c in zip(shape, coarse, strict=True)], order=1)
    smooth = smooth[tuple(map(slice, shape))]
    z, y, x = np.ogrid[tuple(map(slice, shape))]
    half = [size / 2 for size in shape]
    body = ((y - half[1]) / (0.86 * half[1])) ** 2 + ((x - half[2]) / (0.74 * half[2])) ** 2 < 1
    image = np.where(body, 40 + 60 * smooth, -1000.0)
    labels = np.zeros(shape, np.uint8)
    for number in range(12):
        centre = [chance.uniform(0.25 * size, 0.75 * size) for size in shape]
        radius = [chance.uniform(0.04, 0.09) * size for size in shape]
        inside = sum(((g - c) / r) ** 2 for g, c, r in zip((z, y, x), centre, radius, strict=True)) < 1
        labels[inside] = 1 + number % 3
        image[inside] += 80 * (1 + number % 3)
    image = gaussian_filter(image + chance.normal(0, 12, shape), 0.7)
    return np.clip(np.round(image), -1024, 3000).astype(np.int16), labels


def affine() -> np.ndarray:
    """Return an oblique affine of voxels of 0.8 x 0.8 x 2.5 mm, axes x, y, z."""
    a, b = np.radians((7, -11))
    turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn = turn @ np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn @ np.diag([0.8, 0.8, 2.5]), (-90, -110, -40)
    return matrix


def names(folder: Path) -> list[str]:
    """Return the names of the cases in a folder."""
    return sorted(path.name.removesuffix("_seg.mla") for path in (folder / "mla").glob("*_seg.mla"))


def make(folder: Path, count: int) -> None:
    """Write the cases that aren't there yet: `.nii.gz`, `.mla` of it, and as nnU-Net preprocesses them."""
    from mlarray.nnunet.preprocessed import pack

    for layout in ("nii", "mla", "nnunet", "resampled"):
        (folder / layout).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = f"case{number:03d}"
        if not (folder / "nnunet" / f"{name}.pkl").exists():
            _case(folder, name, *volume(number), resampled=number < RESAMPLED)
            print(name, flush=True)
    for layout in ("nnunet", "resampled"):
        if not (folder / f"{layout}-mla").exists():
            pack(folder / layout, folder / f"{layout}-mla", PATCH)


def _case(folder: Path, name: str, image: np.ndarray, labels: np.ndarray, *, resampled: bool) -> None:
    import nibabel
    from scipy.ndimage import zoom

    import mlarray

    for array, suffix in ((image, ""), (labels, "_seg")):
        nifti = folder / "nii" / f"{name}{suffix}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(array.transpose(2, 1, 0), affine()), nifti)
        target, is_seg = folder / "mla" / f"{name}{suffix}.mla", bool(suffix)
        mlarray.convert(nifti, target, labels=is_seg, stats=is_seg, overwrite=True)
    _preprocessed(folder / "nnunet" / name, image, labels)
    if resampled:
        finer = (1, 1.13, 1.13)
        values = zoom(image.astype(np.float32), finer, order=3)
        _preprocessed(folder / "resampled" / name, values, zoom(labels, finer, order=0))


def _preprocessed(target: Path, image: np.ndarray, labels: np.ndarray) -> None:
    """Write what nnU-Net's preprocessing leaves: z-scores and labels, (c, z, y, x), and voxels of classes."""
    from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2

    scores = ((image - image.mean()) / image.std()).astype(np.float32)[None]
    seg = labels.astype(np.int8)[None]
    chance = np.random.default_rng(0)
    found = {}
    for value in (1, 2, 3):
        voxels = np.argwhere(seg == value)
        found[value] = voxels[chance.choice(len(voxels), min(10_000, len(voxels)), replace=False)]
    blocks, chunks = comp_blosc2_params(scores.shape, PATCH, scores.itemsize)
    seg_blocks, seg_chunks = comp_blosc2_params(seg.shape, PATCH, seg.itemsize)
    nnUNetDatasetBlosc2.save_case(
        scores, seg, {"class_locations": found, "spacing": [2.5, 0.8, 0.8]}, str(target),
        chunks=chunks, blocks=blocks, chunks_seg=seg_chunks, blocks_seg=seg_blocks,
    )  # fmt: skip


def thousand(folder: Path, count: int = 1000) -> list[tuple[Path, Path]]:
    """Return so many small cases, files of their own; made where they aren't there yet."""
    from mlarray import Meta, MLArray

    folder = folder / "thousand"
    folder.mkdir(exist_ok=True)
    pairs = [(folder / f"{number}.mla", folder / f"{number}_seg.mla") for number in range(count)]
    for number, (image, label) in enumerate(pairs):
        if label.exists():
            continue
        if number < 20:
            voxels, labels = volume(number, SMALL)
            MLArray(voxels, spacing=(2.5, 0.8, 0.8)).save(image)
            MLArray(labels, spacing=(2.5, 0.8, 0.8), meta=Meta(is_seg=True)).save(label, stats=True)
        else:
            for old, new in zip(pairs[number % 20], (image, label), strict=True):
                shutil.copyfile(old, new)
    return pairs


def boxes(folder: Path, seed: int = 0) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """Yield a case and a box, half of them around a voxel of a class drawn first: what all methods read."""
    from mlarray import MLArray

    every = names(folder)
    points = {}
    for name in every:
        found = MLArray.open(folder / "mla" / f"{name}_seg.mla").class_locations
        points[name] = [found.points(value) for value in found]
    chance, most = np.random.default_rng(seed), np.array(SHAPE) - PATCH
    while True:
        name = every[chance.integers(len(every))]
        if chance.random() < 0.5:
            some = points[name][chance.integers(len(points[name]))]
            start = np.clip(some[chance.integers(len(some))] - np.array(PATCH) // 2, 0, most)
        else:
            start = chance.integers(0, most + 1)
        yield name, tuple(slice(int(a), int(a) + p) for a, p in zip(start, PATCH, strict=True))
