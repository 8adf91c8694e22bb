"""Writes OME-Zarr: a group with one array for each resolution, made in one pass over the image each."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlarray_core import Additions, reduce
from mlarray_core.headers import restore
from mlarray_io.sdk import holds_labels, slab_shape, tiles
from mlarray_zarr.keeping import KEY, keep
from mlarray_zarr.label_images import label_attributes
from mlarray_zarr.plan import Plan, plan_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_core import Meta
    from mlarray_io import Box, Context, Reader
    from mlarray_zarr.ngff import Axis, Level
    from mlarray_zarr.options import ZarrOptions

BUDGET = 12 << 20
"""Bytes of voxels that are held at once, unless one chunk or shard has more."""
_RESERVED = (KEY, "ome", "multiscales", "omero", "image-label", "_ARRAY_DIMENSIONS")


def write_zarr(reader: Reader, target: Path, options: ZarrOptions, context: Context) -> None:
    """Write an image, as a ZIP when the name ends in ``.zip`` or ``.ozx``.

    Parameters
    ----------
    reader
        The image.
    target
        A path that doesn't exist.
    options
        Version, levels, chunks, shards and compression.
    context
        Where to report what OME-Zarr can't say.
    """
    from zarr.storage import ZipStore

    from mlarray_zarr.steady_store import SteadyStore

    plan = plan_of(reader, options, context)
    if plan.factors and holds_labels(reader, context):
        plan = replace(plan, method="mode")  # labels and truth values have no mean
    zipped = target.suffix.lower() in (".zip", ".ozx")
    store = ZipStore(target, mode="w") if zipped else SteadyStore(target)
    try:
        arrays = create(store, reader, plan, options)
        _write_whole(arrays[0], reader, plan, context)
        silent = context.silent()
        for array, level in zip(arrays[1:], plan.taken, strict=False):
            _write_whole(array, level, plan, silent)
        for fine, coarse, factor in zip(arrays, arrays[1:], plan.factors, strict=False):
            _write_coarser(fine, coarse, factor, plan, plan.method)
    finally:
        store.close()


def create(store: object, reader: Reader, plan: Plan, options: ZarrOptions) -> list[Any]:
    """Create all groups and arrays, their metadata complete: a ZIP's members can't be changed later.

    Parameters
    ----------
    store
        An empty store.
    reader
        The image.
    plan
        What is written.
    options
        Version and compression.
    """
    import zarr

    version: Literal[2, 3] = 2 if options.version == "0.4" else 3
    attributes: dict[str, Any] = {**_foreign(reader.meta), KEY: keep(reader.meta, plan.order)}
    settings: dict[str, Any] = {
        "dtype": reader.dtype,
        "chunks": plan.chunks,
        "shards": plan.shards,
        "compressors": _compressor(options),
        "fill_value": 0,
        "zarr_format": version,
    }
    if version == 2:
        settings["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
    else:
        settings["dimension_names"] = [axis.name for axis in plan.axes]
    if not plan.levels:
        return [zarr.create_array(store, shape=plan.shapes[0], attributes=attributes, **settings)]
    attributes |= _ome(reader, plan, options.version)
    zarr.create_group(store, zarr_format=version, attributes=attributes)
    return [
        zarr.create_array(store, name=level.path, shape=shape, **settings)
        for level, shape in zip(plan.levels, plan.shapes, strict=True)
    ]


def _compressor(options: ZarrOptions) -> object:
    if options.codec == "none":
        return None
    if options.version == "0.4":
        import numcodecs

        old = {"zstd": numcodecs.Zstd, "gzip": numcodecs.GZip}
        if options.codec == "blosc":
            return numcodecs.Blosc(cname="zstd", clevel=options.clevel, shuffle=numcodecs.Blosc.BITSHUFFLE)
        return old[options.codec](level=options.clevel)
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    if options.codec == "blosc":
        return BloscCodec(cname="zstd", clevel=options.clevel, shuffle="bitshuffle")
    return ZstdCodec(level=options.clevel) if options.codec == "zstd" else GzipCodec(level=options.clevel)


def _foreign(meta: Meta) -> dict[str, object]:
    """Return the attributes that another program gave the store which the image came from."""
    source = meta.source
    if meta._image_meta_format.value != "zarr" or not isinstance(source.get("attributes"), dict):
        return {}
    attributes: dict[str, object] = restore(source["attributes"])
    return {key: value for key, value in attributes.items() if key not in _RESERVED}


def _ome(reader: Reader, plan: Plan, version: str) -> dict[str, Any]:
    """Return OME-Zarr's attributes: a key of their own since 0.5, each with a version in 0.4."""
    axes = [_axis(axis) for axis in plan.axes]
    multiscale: dict[str, object] = {"name": "image"}
    if version == "0.6":
        multiscale["coordinateSystems"] = [{"name": _SYSTEM, "axes": axes}]
    else:
        multiscale["axes"] = axes
    multiscale["datasets"] = [_dataset(level, version) for level in plan.levels]
    if not plan.taken:
        multiscale["type"] = plan.method
    ome: dict[str, Any] = {"multiscales": [multiscale]}
    omero = _omero(reader, plan)
    if omero:
        ome["omero"] = omero
    if reader.meta.is_seg.is_seg is True:
        ome["image-label"] = label_attributes(Additions.of(reader.meta).labels)
    if version == "0.4":
        multiscale["version"] = version
        ome.get("image-label", {}).update(version=version)
        return ome
    return {"ome": {"version": version, **ome}}


_SYSTEM = "intrinsic"
"""Name of the coordinate system that levels lead into, as ngff-zarr 0.50 calls it."""


def _axis(axis: Axis) -> dict[str, object]:
    content: dict[str, object] = {"name": axis.name}
    if axis.kind != "custom":
        content["type"] = axis.kind
    if axis.unit and axis.kind in ("space", "time"):
        content["unit"] = axis.unit
    if axis.orientation:
        content["orientation"] = {"type": "anatomical", "value": axis.orientation}
    return content


def _dataset(level: Level, version: str) -> dict[str, Any]:
    scale = {"type": "scale", "scale": list(level.scale)}
    translation = {"type": "translation", "translation": list(level.translation)}
    steps: list[dict[str, Any]] = [scale, translation] if any(level.translation) else [scale]
    if version == "0.6":
        ends = {"input": {"path": level.path}, "output": {"name": _SYSTEM}}
        steps = [{"type": "sequence", "transformations": steps, **ends}]
    return {"path": level.path, "coordinateTransformations": steps}


def _omero(reader: Reader, plan: Plan) -> dict[str, object] | None:
    """Return how channels are shown, with what 0.4 demands of each: a colour and a window."""
    channels = Additions.of(reader.meta).channels
    at = next((i for i, axis in enumerate(plan.axes) if axis.kind == "channel"), None)
    if at is None or len(channels) != plan.shapes[0][at]:
        return None
    kind = reader.dtype
    low, high = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind in "iu" else (0, 1)
    window = {"min": float(low), "max": float(high), "start": float(low), "end": float(high)}
    shown = []
    for number, channel in enumerate(channels):
        given = restore(channel)
        own = given.get("window") if isinstance(given.get("window"), dict) else {}
        label = str(given.get("label") or given.get("name") or f"channel {number}")
        needed = {"label": label, "color": given.get("color", "FFFFFF"), "window": {**window, **own}}
        shown.append({**given, **needed})
    return {"channels": shown}


def _write_whole(array: Any, reader: Reader, plan: Plan, context: Context) -> None:
    chunks = None if reader.chunks is None else tuple(reader.chunks[axis] for axis in plan.order)
    shape = array.shape
    if 0 in shape:
        return
    step = slab_shape(shape, reader.dtype.itemsize, chunks, plan.shards or plan.chunks, BUDGET)
    for box in tiles(shape, step):
        voxels = reader[image_box(box, plan.order)].transpose(plan.order)
        array[box] = voxels
        context.progress(voxels.nbytes)


def image_box(box: Box, order: Sequence[int]) -> Box:
    """Return a box of the store as a box of the image, whose axes have another order."""
    wanted: list[slice] = [slice(0, 0)] * len(box)
    for part, axis in zip(box, order, strict=True):
        wanted[axis] = part
    return tuple(wanted)


def _write_coarser(
    fine: Any, coarse: Any, factor: tuple[int, ...], plan: Plan, method: Literal["mean", "mode"]
) -> None:
    size = coarse.dtype.itemsize * math.prod(factor)
    step = slab_shape(coarse.shape, size, None, plan.shards or plan.chunks, BUDGET)
    for box in tiles(coarse.shape, step):
        wide = tuple(
            slice(part.start * by, min(part.stop * by, size))
            for part, by, size in zip(box, factor, fine.shape, strict=True)
        )
        coarse[box] = reduce(np.asarray(fine[wide]), factor, method)
