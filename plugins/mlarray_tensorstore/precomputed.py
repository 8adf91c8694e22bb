"""Neuroglancer's precomputed volumes: scales, finest first. Runs in the other process.

Neuroglancer, "Precomputed volume format": x is the fastest axis, sizes are in nanometres, and a voxel
reaches from its index to the next one, so its centre is half a voxel further.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Additions, Meta, geometry
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_io import ImageRef
from mlarray_io.sdk import spatial_labels
from mlarray_tensorstore.signature import check_inside, description
from mlarray_tensorstore.volume import BlocksReader, check_block, opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_tensorstore.signature import Content

ENCODINGS = frozenset({"raw", "jpeg", "png", "compressed_segmentation"})
"""Those that tensorstore has."""
LOSSY = frozenset({"jpeg"})
"""Those of them that change values."""
DTYPES = frozenset({"uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "float32"})
MOST_SCALES = 64


def list_images(path: Path, context: Context) -> Sequence[ImageRef]:
    """List the one image: its scales are its levels.

    Raises
    ------
    CorruptError
        The description makes no sense.
    """
    info = description(path, "precomputed")
    scale = _scales(info, path)[_order(info, path)[0]]
    sizes = [int(size) for size in _numbers(scale, "size", path, low=1)]
    facts = {"shape": sizes[::-1], "dtype": str(info.get("data_type", ""))}
    return [ImageRef(key="0", facts=facts, primary=True)]


def open_image(path: Path, context: Context, key: str) -> Reader:
    """Open the volume, with its coarser scales.

    Parameters
    ----------
    path
        The volume.
    context
        Limits to keep, and where warnings go.
    key
        Of the image; there is one.

    Raises
    ------
    CorruptError
        The description makes no sense.
    UnsafeError
        A scale lies outside of the volume's folder.
    LimitError
        Its blocks are larger than any that are meant.
    UnsupportedError
        Its blocks are packed in a way that isn't read.
    """
    info = description(path, "precomputed")
    readers = [_opened(path, info, number, context) for number in _order(info, path)]
    readers[0].levels = readers[1:]
    return readers[0]


def _scales(info: Content, path: Path) -> list[Content]:
    scales = info.get("scales")
    found = [one for one in scales if isinstance(one, dict)] if isinstance(scales, list) else []
    if not 0 < len(found) <= MOST_SCALES or found != scales:
        raise CorruptError(f"expected 1 to {MOST_SCALES} scales", path=path, field="scales")
    return list(found)


def _order(info: Content, path: Path) -> list[int]:
    """Return the scales by their size of voxels, the finest first: the description has them in any order."""
    found = [_numbers(scale, "resolution", path, low=0) for scale in _scales(info, path)]
    return sorted(range(len(found)), key=lambda number: math.prod(found[number]))


def _opened(path: Path, info: Content, number: int, context: Context) -> BlocksReader:
    scale = _scales(info, path)[number]
    name, key = str(info.get("data_type", "")).lower(), scale.get("key")
    if name not in DTYPES:
        raise CorruptError(f"there are no volumes of {name[:20]!r}", path=path, field="data_type")
    if not isinstance(key, str) or not key or "://" in key or key.startswith("/"):
        raise CorruptError(f"expected the name of a folder, got {str(key)[:40]!r}", path=path, field="key")
    check_inside(path, path / key)
    if (encoding := str(scale.get("encoding", ""))) not in ENCODINGS:
        way = "cloud-volume reads it, and can write it as raw"
        raise UnsupportedError(f"blocks packed as {encoding[:20]!r} aren't read", path=path, hint=way)
    sizes = _numbers(scale, "size", path, low=1)
    channels = info.get("num_channels")
    if type(channels) is not int or not 0 < channels < 1 << 20:
        raise CorruptError(f"expected a number of channels, got {channels}", path=path, field="num_channels")
    itemsize = np.dtype(name).itemsize
    chunks = scale.get("chunk_sizes")
    first = {"chunk_sizes": chunks[0]} if isinstance(chunks, list) and chunks else {}
    blocks = [min(*pair) for pair in zip(_numbers(first, "chunk_sizes", path, low=1), sizes, strict=True)]
    check_block([*map(int, blocks), channels], itemsize, path)
    context.allow(math.prod(map(int, sizes)) * channels * itemsize, path)
    meta = _meta(info, scale, path, channels)
    spec = {"driver": "neuroglancer_precomputed", "scale_index": number}
    array = opened({**spec, "kvstore": {"driver": "file", "path": f"{path}/"}})
    return BlocksReader(array, meta, path, channel=channels == 1)


def _meta(info: Content, scale: Content, path: Path, channels: int) -> Meta:
    labels = spatial_labels(3, *(["channel"] if channels > 1 else []))
    steps = _numbers(scale, "resolution", path, low=0)
    starts = _numbers(scale, "voxel_offset", path, low=None) if "voxel_offset" in scale else [0.0] * 3
    if any(step <= 0 for step in steps):
        raise CorruptError(f"expected sizes of voxels, got {steps}", path=path, field="resolution")
    origin = [(start + 0.5) * step for start, step in zip(starts, steps, strict=True)]
    affine = geometry.compose(steps[::-1], origin, np.eye(3)[:, ::-1])
    units = ["nm" if label.startswith("spatial") else "" for label in labels]
    spatial = geometry.spatial_meta(affine, axis_labels=labels, axis_units=units)
    kept = {name: value for name, value in info.items() if name != "scales"} | {"scale": scale}
    meta = Meta(source=plain(kept), spatial=spatial, is_seg=info.get("type") == "segmentation" or None)
    encoding = str(scale.get("encoding", ""))
    if encoding in LOSSY:
        Additions(lossy={"compression": encoding.upper()}).store(meta)
    return meta


def _numbers(scale: Content, name: str, path: Path, *, low: float | None) -> list[float]:
    values = scale.get(name)
    listed = values if isinstance(values, list) and len(values) == 3 else []
    found = [one for one in listed if type(one) in (int, float) and math.isfinite(one)]
    if len(found) != 3 or any(abs(one) > 1 << 60 or (low is not None and one < low) for one in found):
        raise CorruptError(f"expected three numbers, got {str(values)[:40]}", path=path, field=name)
    return found
