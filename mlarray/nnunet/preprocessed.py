"""nnU-Net's preprocessed folders, to and from `.mla`: bit-equal arrays, and its properties as they are."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Meta
from mlarray_core.array.image import MLArray, open_any
from mlarray_core.chunks.params import codec_number
from mlarray_core.errors import ArgumentError, NotFoundError
from mlarray_core.publish import atomic

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    Array = np.ndarray[Any, Any]
    Folder = str | os.PathLike[str]

QUICK = {"codec": codec_number("blosclz"), "clevel": 5}
"""Compression of intensities, normalised floats whose last bits are noise: BloscLZ soon gives up on these and
stores them. 96-cubes of a CT are read in 1.9 ms from 32 MB; with our default, LZ4HC, in 2.9 ms from 27 MB."""
CHUNK = 1 << 17
"""Bytes of a chunk of intensities: nnU-Net's loader goes through 15 MB a patch, and a chunk of this size is
still in a core's cache when it is cut. Twice as much, in blocks of 32 kB, takes up to 1.1 times as long and
0.8 % less space."""


def pack(source: Folder, target: Folder, patch_size: Sequence[int] | None = None) -> list[str]:
    """Make `.mla` files of the ``.b2nd`` files of a preprocessed folder.

    Parameters
    ----------
    source
        Folder of one configuration, such as ``nnUNet_preprocessed/Dataset004_Hippocampus/nnUNetPlans_2d``.
    target
        Folder to write to; another one, since nnU-Net tells its kind by the files in it.
    patch_size
        That of the plans, which training reads. None for the default.

    Returns
    -------
    list of str
        Names of the cases.

    Raises
    ------
    ArgumentError
        Both folders are the same (a ValueError).
    NotFoundError
        There are no cases, or a part of one is missing.
    """
    cases = []
    for name, parts in _cases(source, target, ".b2nd"):
        for path in parts:
            is_seg = path.stem == f"{name}_seg"
            save_array(
                open_any(path).to_numpy(), Path(target) / f"{path.stem}.mla", patch_size, is_seg=is_seg
            )
        cases.append(name)
    return cases


def unpack(source: Folder, target: Folder) -> list[str]:
    """Make ``.b2nd`` files of `.mla` files: copies, since each `.mla` is one.

    Parameters
    ----------
    source
        Folder of preprocessed `.mla` files.
    target
        Another folder.

    Returns
    -------
    list of str
        Names of the cases.

    Raises
    ------
    ArgumentError
        Both folders are the same (a ValueError).
    NotFoundError
        There are no cases, or a part of one is missing.
    """
    cases = []
    for name, parts in _cases(source, target, ".mla"):
        for path in parts:
            _copy(path, Path(target) / f"{path.stem}.b2nd")
        cases.append(name)
    return cases


def save_array(
    array: Array, path: Path, patch_size: Sequence[int] | None, *, is_seg: bool | None = None
) -> None:
    """Save a preprocessed array.

    Its place is not noted: nnU-Net has cropped, turned and resampled it, and keeps what it did in the plans
    and properties.

    Parameters
    ----------
    array
        Channels first, or without channels.
    path
        Of the `.mla` file.
    patch_size
        Patch that training reads, for each spatial axis; a 2-D one is of the last two axes.
    is_seg
        Whether it holds labels.
    """
    spatial = min(array.ndim, 3)
    labels = ["channel"] * (array.ndim - spatial) + ["spatial"] * spatial
    patch = list(array.shape[-spatial:]) if patch_size is None else [1] * (spatial - len(patch_size))
    patch += list(patch_size or [])
    layout: dict[str, Any] = {"patch_size": patch}
    if array.dtype.kind == "f":
        mask = [label == "spatial" for label in labels]
        chunks, blocks = MLArray.comp_blosc2_params(array.shape, patch, mask, bytes_per_pixel=array.itemsize)
        _halve(chunks, blocks, CHUNK // array.itemsize)
        layout = {"chunk_size": chunks, "block_size": blocks, "cparams": QUICK}
    meta = Meta(is_seg=is_seg, spatial={"axis_labels": labels})
    MLArray(np.ascontiguousarray(array), meta=meta, **layout).save(path)


def _halve(chunks: list[int], blocks: list[int], most: int) -> None:
    """Make chunks smaller, first axes first and in whole blocks, until they have at most so many items."""
    for axis, block in enumerate(blocks):
        while math.prod(chunks) > most and chunks[axis] > block:
            chunks[axis] = -(-chunks[axis] // (2 * block)) * block


def _cases(source: Folder, target: Folder, suffix: str) -> Iterator[tuple[str, list[Path]]]:
    """Yield the name and the arrays of each case, whose properties are copied first."""
    here, there = Path(source), Path(target)
    if here.resolve() == there.resolve():
        raise ArgumentError("source and target are the same folder", path=there)
    names = sorted(path.stem for path in here.glob("*.pkl"))
    if not names:
        raise NotFoundError("no preprocessed cases (.pkl) in this folder", path=here)
    there.mkdir(parents=True, exist_ok=True)
    for name in names:
        parts = [here / f"{name}{suffix}", here / f"{name}_seg{suffix}"]
        for path in parts:
            if not path.is_file():
                raise NotFoundError(f"missing: the case {name} has only its .pkl", path=path)
        _copy(here / f"{name}.pkl", there / f"{name}.pkl")
        yield name, parts


def _copy(source: Path, target: Path) -> None:
    with atomic(target, overwrite=True) as temporary:
        shutil.copyfile(source, temporary)
