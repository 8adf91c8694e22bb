"""How an array is cut and compressed: chunk and block shapes, codec and filters. Pure.

A block is what is decompressed at least, a chunk what is compressed at once. Blocks of 12 to 64 KiB decode
fast and keep what a patch reads beyond its edge small; chunks of 0.25 to 1 MiB stay in a core's cache while
they are taken apart, and keep the index short. Measured on CT, MR, label maps and slides against the layout
of mlarray 0.0.54 (docs/benchmarks.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlarray_core.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_PATCH_SIZE = 192

LZ4, LZ4HC, ZSTD = 1, 2, 5
NOFILTER, SHUFFLE, BYTEDELTA = 0, 1, 35
ALWAYS_SPLIT = 1
"""Compress the bytes of an item apart from one another: decodes 5 to 10 % faster than Blosc2's own choice."""

PROFILES = ("default", "fast", "small", "slices", "auto")
"""``slices`` takes the axis that is cut along after a colon, 0 without any: ``slices:2``."""

# Block and chunk of the trailing spatial axes, by bytes of a voxel (all components together).
_SHAPES: dict[int, dict[int, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    3: {
        1: ((32, 32, 48), (64, 64, 96)),
        2: ((16, 16, 32), (32, 64, 64)),
        4: ((16, 16, 16), (32, 48, 64)),
        8: ((16, 16, 16), (32, 32, 64)),
        16: ((8, 16, 16), (32, 32, 32)),
    },
    2: {
        1: ((128, 256), (512, 1024)),
        2: ((128, 128), (512, 512)),
        4: ((64, 128), (256, 512)),
        8: ((64, 64), (256, 256)),
        16: ((32, 64), (128, 256)),
    },
    1: {size: ((32768 // size,), (524288 // size,)) for size in (1, 2, 4, 8, 16)},
}
_LARGE = 1 << 29
"""Voxels from which on a volume is large: most of its chunks are read once, so that a slice across its last
axis pays for every voxel that a block and a chunk have along it."""
_SHAPES_LARGE = {2: ((16, 24, 16), (32, 48, 128))}


@dataclass(frozen=True)
class Layout:
    """Chunk and block shape of an array and how its chunks are compressed.

    Parameters
    ----------
    chunks, blocks
        In items, one number for each axis.
    cparams
        Plain compression parameters: codec number, level, filter numbers.
    patch_size
        What it was planned for, one number for each spatial axis, or None.
    """

    chunks: tuple[int, ...]
    blocks: tuple[int, ...]
    cparams: Mapping[str, object] = field(default_factory=dict)
    patch_size: tuple[int, ...] | None = None


def partition(
    shape: Sequence[int],
    itemsize: int,
    spatial: Sequence[bool],
    patch: Sequence[int],
    inner: Sequence[bool] = (),
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return chunk and block shape.

    Parameters
    ----------
    shape
        Of the whole array.
    itemsize
        Bytes of an item.
    spatial
        For each axis, whether patches extend along it.
    patch
        Patch size along each spatial axis.
    inner
        For each axis, whether it is always read whole, as the components of a colour are.
    """
    inner = inner or [False] * len(shape)
    axes = [axis for axis, flag in enumerate(spatial) if flag][-3:]
    if not axes:
        # without space every axis is as good; those of length one, as CIFTI has four of, would fill no chunk
        outer = [axis for axis, flag in enumerate(inner) if not flag]
        axes = [axis for axis in outer if shape[axis] > 1][-3:] or outer[-3:]
    if not axes:
        axes, inner = list(range(len(shape)))[-3:], [False] * len(shape)
    if not axes:
        return (), ()
    width = itemsize * math.prod(shape[axis] for axis, flag in enumerate(inner) if flag)
    block, chunk = _ideal([shape[axis] for axis in axes], width)
    blocks, chunks = [1] * len(shape), [1] * len(shape)
    for grown, ideal, patches in ((blocks, block, 1), (chunks, chunk, 4)):
        limits = _limits(shape, spatial, [patches * size for size in patch], axes)
        for axis, size in zip(axes, _grow(ideal, limits), strict=True):
            grown[axis] = size
    _fill_inner(shape, inner, blocks, chunks, itemsize)
    for axis in range(len(shape)):
        chunks[axis] = min(shape[axis], _round_up(max(chunks[axis], blocks[axis]), blocks[axis]))
        blocks[axis] = min(blocks[axis], shape[axis])
    return tuple(chunks), tuple(blocks)


def slices(
    shape: Sequence[int],
    itemsize: int,
    spatial: Sequence[bool],
    axis: int,
    inner: Sequence[bool] = (),
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return chunk and block shape for reading whole slices across one axis: blocks are one slice thick.

    Parameters
    ----------
    shape, itemsize, spatial, inner
        As `partition` takes them.
    axis
        Of the array, the one that slices are numbered along.

    Raises
    ------
    ArgumentError
        There is no such spatial axis.
    """
    if not 0 <= axis < len(shape) or not spatial[axis]:
        known = ", ".join(str(number) for number, flag in enumerate(spatial) if flag)
        raise ArgumentError(f"slices can't be numbered along axis {axis}", hint=f"Spatial axes are {known}")
    others = [flag and number != axis for number, flag in enumerate(spatial)]
    if not any(others):
        return partition(shape, itemsize, spatial, shape, inner)
    sizes = [size for size, flag in zip(shape, others, strict=True) if flag]
    chunks, blocks = partition(shape, itemsize, others, sizes, inner)
    thick = max(1, min(shape[axis], 524288 // (math.prod(chunks) * itemsize or 1)))
    return (*chunks[:axis], thick, *chunks[axis + 1 :]), blocks


def profile_of(text: str) -> tuple[str, int]:
    """Return the name of a profile and the axis that it speaks of, such as 2 for ``slices:2``.

    Raises
    ------
    ArgumentError
        There is no such profile.
    """
    name, colon, axis = text.partition(":")
    if name not in PROFILES or (colon and (name != "slices" or not axis.isdecimal())):
        what = f"no profile is called {text!r}{did_you_mean(text, PROFILES)}"
        raise ArgumentError(what, hint=f"Choose one of {', '.join(PROFILES)}")
    return name, int(axis or 0)


def _ideal(shape: Sequence[int], width: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return block and chunk from the table, for spatial axes of these sizes and voxels of `width` bytes."""
    table = _SHAPES[len(shape)]
    size = min((size for size in table if size >= width), default=16)
    large = len(shape) == 3 and math.prod(shape) >= _LARGE
    return _SHAPES_LARGE.get(size, table[size]) if large else table[size]


def _limits(
    shape: Sequence[int], spatial: Sequence[bool], patch: Sequence[int], axes: Sequence[int]
) -> list[int]:
    """Return how far a size may grow along each of `axes`: never past the array, nor past `patch`."""
    wanted = dict(zip([axis for axis, flag in enumerate(spatial) if flag], patch, strict=False))
    return [max(1, min(shape[axis], wanted.get(axis, shape[axis]))) for axis in axes]


def _grow(ideal: Sequence[int], limits: Sequence[int]) -> list[int]:
    """Return `ideal` cut to `limits`, grown along the other axes until it holds about as much again."""
    target = math.prod(ideal)
    sizes = [min(size, limit) for size, limit in zip(ideal, limits, strict=True)]
    while True:
        free = [axis for axis in range(len(sizes)) if sizes[axis] < limits[axis]]
        if not free or math.prod(sizes) * 2 > target:
            return sizes
        axis = min(free, key=lambda a: sizes[a])
        sizes[axis] = min(2 * sizes[axis], limits[axis])


def _fill_inner(
    shape: Sequence[int], inner: Sequence[bool], blocks: list[int], chunks: list[int], itemsize: int
) -> None:
    for axis, flag in enumerate(inner):
        if flag:
            blocks[axis] = max(1, min(shape[axis], 65536 // (math.prod(blocks) * itemsize)))
            chunks[axis] = max(blocks[axis], min(shape[axis], (2 << 20) // (math.prod(chunks) * itemsize)))


def _round_up(size: int, step: int) -> int:
    return -(-size // step) * step if step else size


def compression(
    itemsize: int, profile: str = "default", *, picture: bool = False, labels: bool = False
) -> dict[str, object]:
    """Return compression parameters.

    Parameters
    ----------
    itemsize
        Bytes of an item. Single bytes aren't shuffled: that stores the same and decodes three times slower.
    profile
        ``fast`` (to write), ``small`` (on disk), or another one, which all begin with the default.
    picture
        Whether the values are samples of a colour picture, which repeat less than those of a label map.
    labels
        Whether the values are known to be labels: they repeat as a whole, so that those of several bytes are
        smaller and faster to read unshuffled, and the highest level finds more.
    """
    filters = [SHUFFLE] if itemsize > 1 else [NOFILTER]
    if profile == "fast":
        codec, level = (LZ4, 9) if itemsize > 1 else (ZSTD, 1)
    elif profile == "small":
        codec, level = ZSTD, 1 if itemsize > 1 else 3 if picture else 5
        filters = [SHUFFLE, BYTEDELTA] if itemsize > 1 else filters
    else:
        codec, level = LZ4HC, 6 if itemsize > 1 else 7 if picture else 5
        if labels:
            return label_candidates(itemsize)["plain"]
    params: dict[str, object] = {"codec": codec, "clevel": level, "filters": filters}
    params["filters_meta"] = _filters_meta(filters, itemsize)
    return params if itemsize == 1 or profile == "small" else {**params, "splitmode": ALWAYS_SPLIT}


def candidates(itemsize: int, *, picture: bool = False) -> dict[str, dict[str, object]]:
    """Return the compressions that the profile ``auto`` tries, by name."""
    tried = {name: compression(itemsize, name, picture=picture) for name in ("default", "small")}
    tried["light"] = {**tried["default"], "codec": LZ4, "clevel": 9}
    plain = {"filters": [NOFILTER], "filters_meta": [0]}
    tried["stored"] = {"codec": LZ4, "clevel": 0, **plain}
    if itemsize > 1:
        tried["unshuffled"] = label_candidates(itemsize)["plain"]
    return tried


def label_candidates(itemsize: int) -> dict[str, dict[str, object]]:
    """Return the compressions of labels, by name; ``plain`` leaves the bytes of an item together."""
    high: dict[str, object] = {"codec": LZ4HC, "clevel": 9, "filters_meta": [0]}
    tried: dict[str, dict[str, object]] = {"plain": {**high, "filters": [NOFILTER]}}
    if itemsize > 1:
        tried["shuffled"] = {**high, "filters": [SHUFFLE], "splitmode": ALWAYS_SPLIT}
    return tried


def choose_labels(sizes: Mapping[str, int]) -> str:
    """Return the name of the compression for labels, of how many bytes each candidate makes of a sample.

    The default stays unless another makes much less of it: it is up to three times as fast to write.
    """
    best = min((name for name in sizes if name != "default"), key=sizes.__getitem__)
    return "default" if "default" in sizes and sizes[best] > 0.85 * sizes["default"] else best


def choose(sizes: Mapping[str, int]) -> str:
    """Return the name of the compression to use, of how many bytes each candidate makes of a sample.

    What hardly shrinks is stored, for it reads fastest so. Smaller beats faster to read only by a wide
    margin; faster to write wins where it costs next to nothing.
    """
    best = min((name for name in ("default", "unshuffled") if name in sizes), key=sizes.__getitem__)
    if sizes[best] > 0.95 * sizes["stored"]:
        return "stored"
    if sizes["small"] < 0.65 * sizes[best]:
        return "small"
    return "light" if sizes["light"] <= 1.02 * sizes[best] else best


def _filters_meta(filters: list[int], itemsize: int) -> list[int]:
    return [itemsize if number == BYTEDELTA else 0 for number in filters]
