"""The ways in which other formats are written: each suffix, to a free name and over an older image."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlarray import MLArray
from mlarray_io.api import write
from mlarray_io.engine.registry import installed
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.sdk.context import Context
from mlarray_io.sdk.source import Source
from mlarray_io.testing.specimens import whole
from tests.faults.way import Way, digest, nothing

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Format

SHAPE = (3, 20, 33)
OPTIONS = {
    ".zarr": {"levels": 1, "chunk_size": (2, 16, 20)},
    ".ome.tif": {"pyramid": 1, "tile": 16},
    ".mha": {"compression": "no"},
    ".mhd": {"compression": "no"},
    ".nhdr": {"encoding": "raw"},
}
"""Settings under which a small image is written in several pieces, and data files keep their names."""


def image(version: int, suffix: str) -> MLArray:
    """Return one of two images, of the same shape and type, with other voxels and another geometry."""
    shape = SHAPE[1:] if suffix == ".png" else SHAPE
    voxels = np.random.default_rng(version).integers(0, 900, shape).astype("u2")
    if suffix not in (".png", ".pngs"):
        voxels = voxels.astype("i2")
    spacing = [1.0 + version, 0.5, 0.25][-len(shape) :]
    return MLArray(voxels, spacing=[step + version / 4 for step in spacing])


def put(folder: Path, version: int, suffix: str, overwrite: bool = True) -> None:
    """Write an image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(
            image(version, suffix), folder / f"scan{suffix}", overwrite=overwrite,
            options=OPTIONS.get(suffix), threads=1,
        )  # fmt: skip


def look(folder: Path, suffix: str) -> object:
    """Return voxels, those of coarser levels too, and where the image lies."""
    path = folder / f"scan{suffix}"
    if not path.exists():
        return None
    source, context = Source(path), Context(threads=1)
    format = installed().identify(source, None)
    options = format.options_type()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = images_of(source, format, options, context)[0]
        with open_image(source, format, found, options, context) as reader:
            sums = [digest(whole(one)) for one in (reader, *reader.levels)]
            return {"voxels": sums, "place": repr(reader.meta.spatial.to_mapping())}


def suffixes(format: Format) -> tuple[str, ...]:
    """Return the suffixes of files that a format writes."""
    return () if format.name == "mla" else format.written_suffixes


def ways() -> dict[str, Way]:
    """Return two ways for each suffix that is written."""
    found = {}
    for format in installed().formats:
        for suffix in suffixes(format):
            new, seen = partial(put, version=2, suffix=suffix), partial(look, suffix=suffix)
            found[f"{format.name} {suffix}"] = Way(nothing, new, seen)
            found[f"{format.name} {suffix} over"] = Way(partial(put, version=1, suffix=suffix), new, seen)
    return found


WAYS = ways()
