"""N5 containers: every array in them, fastest axis first (N5 specification 4.0.0). Runs in the other process.

An array ``s0`` with ``s1``, ``s2`` ... beside it is one image with coarser versions.
"""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Meta, geometry
from mlarray_core.errors import CorruptError, MLArrayError, NotFoundError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_core.meta import is_spatial
from mlarray_io import ImageRef
from mlarray_io.sdk import default_labels, labels_of_names
from mlarray_tensorstore.signature import check_inside, description, is_dataset
from mlarray_tensorstore.volume import BlocksReader, check_block, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_io import Context, Reader
    from mlarray_tensorstore.signature import Content

MOST_FOLDERS = 20_000
MOST_IMAGES = 2000
MOST_AXES = 32
PARAMETERS = {
    "raw": (),
    "gzip": ("level", "useZlib"),
    "bzip2": ("blockSize",),
    "xz": ("preset",),
    "zstd": ("level",),
    "blosc": ("cname", "clevel", "shuffle", "blocksize"),
}
"""Packings that tensorstore has for N5, and those of their parameters that it knows."""
_OF_LEVELS = ("axes", "units", "resolution", "pixelResolution")
"""What a group of levels may say in place of each of them (n5-viewer)."""
DEFAULTS = {"cname": "lz4", "clevel": 5, "shuffle": 1}
"""Blosc's, which only writing needs."""
_LEVEL = re.compile(r"s([1-9]\d{0,2})")


def list_images(path: Path, context: Context) -> Sequence[ImageRef]:
    """List the arrays of a container; coarser versions are none of their own.

    Raises
    ------
    CorruptError
        The attributes of the container aren't JSON.
    """
    found = []
    for folder in _folders(path):
        name = folder.relative_to(path).as_posix()
        try:
            attributes = description(folder, "n5")
        except MLArrayError as error:
            context.skip(name, error.message, lost=True)
            continue
        if not is_dataset(attributes) or (
            _LEVEL.fullmatch(folder.name) and _is_array(folder.with_name("s0"))
        ):
            continue
        dimensions = attributes["dimensions"]
        facts = (
            {"shape": dimensions[::-1], "dtype": attributes["dataType"]}
            if isinstance(dimensions, list)
            else {}
        )
        key = "/" if name == "." else name
        found.append(ImageRef(key=key, facts=facts, name=name.replace("/", "_") if name != "." else ""))
        if len(found) == MOST_IMAGES:
            break
    return found


def _folders(path: Path) -> Iterator[Path]:
    """Yield the container and the folders in it, but for those of blocks, which lie in arrays."""
    waiting, count = [path], 0
    while waiting and count < MOST_FOLDERS:
        folder = waiting.pop()
        count += 1
        yield folder
        if is_dataset(_attributes(folder)):
            continue
        with os.scandir(folder) as entries:
            inner = sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
        waiting += [folder / name for name in reversed(inner)]


def _attributes(folder: Path) -> Content:
    try:
        return description(folder, "n5")
    except MLArrayError:
        return {}


def _is_array(folder: Path) -> bool:
    return is_dataset(_attributes(folder))


def open_image(path: Path, context: Context, key: str) -> Reader:
    """Open one array, with those that are coarser.

    Parameters
    ----------
    path
        The container.
    context
        Limits to keep, and where warnings go.
    key
        Path of the array in it.

    Raises
    ------
    NotFoundError
        There is no such array.
    UnsafeError
        It is outside of the container.
    CorruptError
        Its attributes make no sense.
    UnsupportedError
        Its blocks are packed in a way that isn't read.
    LimitError
        Its blocks are larger than any that are meant.
    """
    folder = path if key == "/" else path / key
    check_inside(path, folder)
    if not _is_array(folder):
        raise NotFoundError(f"holds no array {key}", path=path)
    reader = _opened(folder, context)
    levels: list[BlocksReader] = []
    while folder.name == "s0" and _is_array(folder.with_name(f"s{len(levels) + 1}")):
        level = folder.with_name(f"s{len(levels) + 1}")
        check_inside(path, level)
        levels.append(_opened(level, context))
    reader.levels = levels
    return reader


def _opened(folder: Path, context: Context) -> BlocksReader:
    attributes = {**_shared(folder), **description(folder, "n5")}
    sizes = _sizes(attributes, "dimensions", folder)
    blocks = _sizes(attributes, "blockSize", folder)
    name = str(attributes["dataType"])
    if not re.fullmatch(r"u?int(8|16|32|64)|float(32|64)", name) or len(blocks) != len(sizes):
        raise CorruptError(f"there are no arrays of {name[:20]!r} in blocks of {blocks}", path=folder)
    dtype = np.dtype(name)
    check_block(blocks, dtype.itemsize, folder)
    context.allow(math.prod(sizes) * dtype.itemsize, folder)
    if len(sizes) > MOST_AXES:
        raise CorruptError(f"has {len(sizes)} axes", path=folder)
    spatial = _spatial(attributes, len(sizes))
    # told instead of read: tensorstore refuses what else others write into the compression's parameters
    metadata = {
        "dimensions": sizes,
        "blockSize": blocks,
        "dataType": name,
        "compression": _compression(attributes, folder),
    }
    kept = {"driver": "file", "path": f"{folder}/"}
    array = opened({"driver": "n5", "kvstore": kept, "metadata": metadata, "assume_metadata": True})
    return BlocksReader(array, Meta(source=plain(attributes), spatial=spatial), folder)


def _shared(folder: Path) -> Content:
    """Return what a group says of the levels in it, of which this is one: of the finest, and the factors."""
    level = re.fullmatch(r"s(0|[1-9]\d{0,2})", folder.name)
    if level is None:
        return {}
    group = _attributes(folder.parent)
    found = {name: group[name] for name in _OF_LEVELS if name in group}
    scales, number = group.get("scales"), int(level[1])
    if isinstance(scales, list) and number < len(scales):
        found["downsamplingFactors"] = scales[number]
    return found


def _compression(attributes: Content, folder: Path) -> dict[str, object]:
    """Return type and parameters of the packing; before N5 2.0 there was a name alone, compressionType."""
    given = attributes.get("compression", {"type": attributes.get("compressionType", "raw")})
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or kind not in PARAMETERS:
        raise UnsupportedError(f"blocks packed as {str(kind)[:20]!r} aren't read", path=folder)
    found = {name: given[name] for name in PARAMETERS[kind] if name in given}
    return {"type": kind, **(DEFAULTS if kind == "blosc" else {}), **found}


def _sizes(attributes: Content, name: str, folder: Path) -> list[int]:
    values = attributes[name]
    if (
        not isinstance(values, list)
        or not values
        or not all(type(one) is int and 0 < one < 1 << 60 for one in values)
    ):
        raise CorruptError(f"expected sizes over 0, got {str(values)[:40]}", path=folder, field=name)
    return values


def _spatial(attributes: Content, count: int) -> MetaSpatial:
    """Return axes, spacing and position as far as they are told.

    By units and resolution, or pixelResolution, of the finest level, times downsamplingFactors (n5-viewer),
    or by a transform of names, scales and translations, slowest first (COSEM).
    """
    transform = attributes.get("transform")
    if isinstance(transform, dict) and (found := _transformed(transform, count)) is not None:
        return found
    names = _texts(attributes.get("axes"), count)
    labels = default_labels(count) if names is None else labels_of_names(names[::-1])
    pixels = attributes.get("pixelResolution")
    pixels = pixels if isinstance(pixels, dict) else {"dimensions": pixels}
    spaces = sum(map(is_spatial, labels))
    factors = _numbers(attributes.get("downsamplingFactors"), count) or [1.0] * count
    finest = _numbers(attributes.get("resolution"), count)
    units = _texts(attributes.get("units"), count) or [str(pixels.get("unit", ""))] * count
    finest = finest or _numbers(pixels.get("dimensions"), count)
    finest = finest or _numbers(pixels.get("dimensions"), spaces, count) or [0.0] * count
    told = [step * factor for step, factor in zip(finest, factors, strict=True)]
    shown = units[::-1] if any(units) else None
    at = [axis for axis, label in enumerate(reversed(labels)) if is_spatial(label)]
    steps = [told[axis] for axis in at]
    if not steps or min(steps) <= 0:
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=shown)
    if max(factors) <= 1:
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=shown, spacing=steps[::-1])
    # a coarser voxel begins where its first finer one does, so its centre lies further
    origin = [(factors[axis] - 1) / 2 * finest[axis] for axis in at]
    affine = geometry.compose(steps[::-1], origin, np.eye(len(at))[:, ::-1])
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=shown)


def _transformed(transform: Content, count: int) -> MetaSpatial | None:
    """Return what a transform of COSEM says of all axes, None where it doesn't."""
    names, units = _texts(transform.get("axes"), count), _texts(transform.get("units"), count)
    scale, shift = (_numbers(transform.get(name), count) for name in ("scale", "translate"))
    if names is None or units is None or scale is None or shift is None:
        return None
    if transform.get("ordering", "C") == "F":  # as the attributes of N5 have them
        names, units, scale, shift = names[::-1], units[::-1], scale[::-1], shift[::-1]
    labels = labels_of_names(names)
    at = [axis for axis, label in enumerate(labels) if is_spatial(label)]
    if not at or min(scale[axis] for axis in at) <= 0:
        return None
    affine = geometry.compose(
        [scale[axis] for axis in at], [shift[axis] for axis in reversed(at)], np.eye(len(at))[:, ::-1]
    )
    return geometry.spatial_meta(affine, axis_labels=labels, axis_units=units)


def _texts(values: object, count: int) -> list[str] | None:
    fits = isinstance(values, list) and len(values) == count and all(isinstance(one, str) for one in values)
    return list(values) if fits else None  # type: ignore[call-overload]


def _numbers(values: object, count: int, filled: int = 0) -> list[float] | None:
    """Return finite numbers, one for each axis; `filled` up with ones for those that are slower."""
    fits = isinstance(values, list) and len(values) == count
    numbers = [one for one in values if type(one) in (int, float) and math.isfinite(one)] if fits else []  # type: ignore[attr-defined]
    if not numbers or len(numbers) != count:
        return None
    return [float(one) for one in numbers] + [1.0] * max(filled - count, 0)
