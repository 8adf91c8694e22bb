"""The layout that an image gets: what was asked for, what its metadata remember, or what suits it."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import Grid
from mlarray_core.chunks.header import DELTA
from mlarray_core.chunks.params import plain_cparams, plain_dparams
from mlarray_core.errors import ArgumentError, ArgumentTypeError, MetadataError, ModeError
from mlarray_core.layout import shapes as layout
from mlarray_core.layout.sampling import best_compression, label_compression
from mlarray_core.layout.shapes import DEFAULT_PATCH_SIZE, Layout
from mlarray_core.meta import Meta, MetaBlosc2
from mlarray_core.meta.labels import is_spatial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_core.layout.request import DParams, LayoutRequest, Sizes
    from mlarray_core.layout.sampling import Voxels


def plan_layout(
    meta: Meta, shape: tuple[int, ...], dtype: np.dtype[Any], request: LayoutRequest, voxels: Voxels | None
) -> Layout:
    """Return the layout of an array.

    Parameters
    ----------
    meta
        Its metadata: axis labels, and the layout that it had before.
    shape, dtype
        Of the array.
    request
        What is asked for.
    voxels
        The array, or what reads it by boxes. The profile ``auto`` looks at it and needs it; the default looks
        at arrays alone, for whether they are labels.

    Raises
    ------
    ArgumentError
        There is no such profile, or ``auto`` is asked for without voxels.
    ModeError
        Patch and chunk size are both given, or one of chunk and block size is missing (a RuntimeError).
    """
    name, axis = layout.profile_of(request.profile)
    labels = _labels(meta, shape)
    spatial = [is_spatial(label) for label in labels]
    inner = [_is_inner(label, last=at == len(labels) - 1) for at, label in enumerate(labels)]
    labelled = meta.is_seg.is_seg is True and dtype.kind in "iu"
    params = layout.compression(dtype.itemsize, name, picture=any(inner), labels=labelled)
    if name == "slices":
        if request.chunk is not None or request.block is not None:
            raise ArgumentError("give either the profile 'slices' or chunk_size and block_size, not both")
        plan = Layout(*layout.slices(shape, dtype.itemsize, spatial, axis, inner), params)
    else:
        plan = _partition(_completed(request, meta, sum(spatial), len(shape)), shape, dtype, spatial, inner)
    if name == "auto":
        if voxels is None:
            raise ArgumentError("the profile 'auto' needs the voxels at once", hint="Choose another profile")
        params = best_compression(voxels, Grid(shape, plan.chunks, plan.blocks, dtype), picture=any(inner))
    if name == "default" and isinstance(voxels, np.ndarray) and request.cparams is None and not any(inner):
        grid = Grid(shape, plan.chunks, plan.blocks, dtype)
        params = label_compression(voxels, grid, known=labelled) or params
    return replace(plan, cparams=_with_given(params, plain_cparams(request.cparams)))


def _with_given(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """Return compression parameters in which those that were given replace the others."""
    filters = given.get("filters")
    if filters is None:
        return {**params, **given}
    numbers = filters if isinstance(filters, list) else [filters]
    if DELTA in numbers:
        raise ArgumentError(
            "Blosc2's delta filter can't be used: it gives other voxels when parts of a chunk are read",
            field="cparams",
            hint="Choose SHUFFLE, or SHUFFLE and BYTEDELTA with ZSTD",
        )
    return {**params, "filters_meta": [0] * len(numbers), **given}


def _completed(request: LayoutRequest, meta: Meta, spatial_ndim: int, ndim: int) -> LayoutRequest:
    """Return a request without contradictions, in which the word ``default`` is replaced by sizes."""
    if (request.chunk is None) != (request.block is None):
        raise ModeError("chunk_size and block_size go together: give both or none")
    if request.chunk is not None and request.patch is not None and not request.keeps_patch:
        raise ModeError("give either patch_size or chunk_size and block_size, not both")
    if not request.keeps_patch or request.chunk is not None:
        return request
    patch, chunk, block = _inherited(meta.blosc2, spatial_ndim, ndim)
    return replace(request, patch=patch, chunk=chunk, block=block)


def _partition(
    request: LayoutRequest,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    spatial: list[bool],
    inner: list[bool],
) -> Layout:
    """Return chunk and block shape, as they are given or as a patch size leads to them."""
    if request.chunk is not None:
        return _explicit(shape, request.chunk, request.block)
    if request.patch is None:
        return Layout(*codec.automatic_partition(shape, dtype))
    sizes = _per_axis(request.patch, sum(spatial), "patch_size")
    return Layout(*layout.partition(shape, dtype.itemsize, spatial, sizes, inner), patch_size=sizes)


def _is_inner(label: str, *, last: bool) -> bool:
    """Whether an axis is read whole: components, and channels that lie beside one another."""
    return label == "components" or (label == "channel" and last)


def note_layout(meta: Meta, plan: Layout, dparams: DParams) -> None:
    """Write a layout into the metadata.

    Parameters
    ----------
    meta
        Of the image.
    plan
        Its layout.
    dparams
        Decompression parameters to note beside it.
    """
    section = MetaBlosc2(
        chunk_size=list(plan.chunks),
        block_size=list(plan.blocks),
        patch_size=None if plan.patch_size is None else list(plan.patch_size),
        cparams=dict(plan.cparams),
        dparams={"nthreads": 1, **plain_dparams(dparams)},
    )
    meta._set_by_library(blosc2=section)


def _labels(meta: Meta, shape: Sequence[int]) -> list[str]:
    labels = meta.spatial.axis_labels
    if labels is None:
        return ["spatial"] * len(shape)
    if len(labels) != len(shape):
        raise MetadataError(
            f"expected one label for each of {len(shape)} axes, got {len(labels)}",
            field="spatial.axis_labels",
        )
    return [str(getattr(label, "value", label)) for label in labels]


def _inherited(stored: MetaBlosc2, spatial_ndim: int, ndim: int) -> tuple[Sizes, Sizes, Sizes]:
    """Return patch, chunk and block size of existing metadata, or the default patch size."""
    if stored.patch_size is not None and len(stored.patch_size) == spatial_ndim:
        return tuple(stored.patch_size), None, None
    if stored.chunk_size is not None and stored.block_size is not None and len(stored.chunk_size) == ndim:
        return None, tuple(stored.chunk_size), tuple(stored.block_size)
    return DEFAULT_PATCH_SIZE, None, None


def _explicit(shape: tuple[int, ...], chunk: Sizes, block: Sizes) -> Layout:
    chunks, blocks = (
        _per_axis(size, len(shape), name) for size, name in ((chunk, "chunk_size"), (block, "block_size"))
    )
    chunks = tuple(min(c, s) for c, s in zip(chunks, shape, strict=True))
    blocks = tuple(min(b, c) for b, c in zip(blocks, chunks, strict=True))
    return Layout(chunks, blocks)


def _per_axis(value: Sizes | str, count: int, name: str) -> tuple[int, ...]:
    sizes = (int(value),) * count if isinstance(value, (int, np.integer)) else _whole(value, name)
    if len(sizes) != count:
        raise MetadataError(f"expected {count} numbers, got {len(sizes)}", field=f"blosc2.{name}")
    if any(size < 1 for size in sizes):
        raise MetadataError("expected numbers > 0", field=f"blosc2.{name}")
    return sizes


def _whole(value: object, name: str) -> tuple[int, ...]:
    try:
        return tuple(operator.index(size) for size in value)  # type: ignore[attr-defined]
    except TypeError:
        raise ArgumentTypeError(
            f"{name} must be a whole number or a sequence of them, not {value!r}"
        ) from None


def is_array(value: object) -> bool:
    """Whether NumPy can make an array of `value` by one of its protocols."""
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def normal_shape(shape: object) -> tuple[int, ...]:
    """Return a shape as a tuple of integers.

    Raises
    ------
    ArgumentError
        A size is negative or there are more than 16 axes.
    """
    sizes = (int(shape),) if isinstance(shape, (int, np.integer)) else _whole(shape, "shape")
    if any(size < 0 for size in sizes) or len(sizes) > 16:
        raise ArgumentError(f"{sizes} is no shape: up to 16 axes of size >= 0 are allowed")
    return sizes
