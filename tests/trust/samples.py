"""Small images of every kind that a `.mla` file can hold, and what is in them."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import blosc2
import numpy as np

from mlarray import Meta, MLArray

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Sample:
    name: str
    path: Path
    logical: int
    data: bytes


def known(image: MLArray) -> str:
    """Return everything that an image says of itself as text."""
    return json.dumps([image.meta.to_plain(), str(image.dtype), image.shape], sort_keys=True, default=str)


def sealed(folder: Path) -> list[Sample]:
    """Write sealed files."""
    rng = np.random.default_rng(1)
    small = {"chunk_size": (8, 12, 12), "block_size": (4, 6, 6)}
    volume = rng.integers(-900, 900, (20, 24, 24)).astype("i2")
    sparse = np.zeros((20, 24, 24), "f4")
    sparse[3:9, 4:9] = rng.normal(size=(6, 5, 24))
    ramp = (np.indices((128, 256, 256)).sum(0) // 7).astype("i2")
    where = {"spacing": [1.0, 2.0, 3.5], "origin": [4.0, -5.0, 6.0]}
    images = {
        "int16": MLArray(
            volume, **where, meta=Meta(source={"name": "x" * 50, "n": list(range(40))}), **small
        ),
        "zeros": MLArray(sparse, **where, **small),
        "zstd": MLArray(
            volume, **small, cparams={"codec": 5, "clevel": 3, "filters": [1, 35], "filters_meta": [0, 0]}
        ),
        "flat": MLArray(np.arange(300, dtype="u1").reshape(15, 20), meta=Meta(is_seg=True)),
        "nan": MLArray(np.full((20, 24, 24), np.nan, "f8"), **small),
        "meta": MLArray(meta=Meta(source={"only": "metadata"})),
        "large": MLArray(ramp, chunk_size=(64, 128, 128), block_size=(16, 32, 32)),
    }
    samples = [_written(folder, name, image) for name, image in images.items()]
    image = MLArray(rng.integers(-900, 900, (300, 90)).astype("i2"), spacing=[1.0, 2.0], meta={"a": 1})
    image.save(folder / "levels.mla", levels=2)
    samples.append(_read(folder, "levels", 54000))
    with MLArray.open(folder / "int16.mla", mmap_mode="r+") as image:
        image[5:9] = 3
        image.meta.extra["edited"] = True
    samples[0] = _read(folder, "int16", volume.nbytes)
    return samples


def unsealed(folder: Path) -> list[Sample]:
    """Write files as the reference does, through Blosc2 itself."""
    rng = np.random.default_rng(2)
    arrays = {
        "u-int16": rng.integers(-900, 900, (20, 24, 24)).astype("i2"),
        "u-zeros": np.zeros((20, 24, 24), "f4"),
        "u-ramp": (np.indices((128, 256, 256)).sum(0) // 7).astype("u2"),
    }
    samples = []
    for name, array in arrays.items():
        path = folder / f"{name}.mla"
        chunks = (64, 128, 128) if array.nbytes > 1 << 20 else (8, 12, 12)
        stored = blosc2.asarray(array, urlpath=str(path), mode="w", chunks=chunks, contiguous=True)
        stored.schunk.vlmeta["mlarray"] = _reference_meta(array)
        del stored
        samples.append(_read(folder, name, array.nbytes))
    blosc2.empty((20, 24, 24), "i2", urlpath=str(folder / "u-empty.mla"), mode="w", contiguous=True)
    return [*samples, _read(folder, "u-empty", 23040)]


def _reference_meta(array: Any) -> bytes:
    import gzip

    mapping = {"spatial": {"spacing": [1.0, 2.0, 3.0], "shape": list(array.shape)}, "_mlarray_version": "v0"}
    return gzip.compress(pickle.dumps({**mapping, "_has_array": {"has_array": True}}, 5), mtime=0)


def _written(folder: Path, name: str, image: MLArray) -> Sample:
    image.save(folder / f"{name}.mla")
    return _read(folder, name, 0 if image.shape is None else int(np.prod(image.shape)) * image.dtype.itemsize)


def _read(folder: Path, name: str, logical: int) -> Sample:
    path = folder / f"{name}.mla"
    return Sample(name, path, logical, path.read_bytes())
