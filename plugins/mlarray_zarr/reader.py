"""Opens one image of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, AxisValues, Channel, Meta, geometry
from mlarray_core.errors import CorruptError, MLArrayError, OptionError, SelectionError
from mlarray_core.headers import plain
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta, default_labels, labels_of_names, packing_of
from mlarray_zarr.chunk_keys import check_chunks
from mlarray_zarr.coordinates import positions_of
from mlarray_zarr.files import Files, joined, open_files
from mlarray_zarr.keeping import KEY, Kept, kept_of, kept_spatial
from mlarray_zarr.label_images import label_names, labels_of
from mlarray_zarr.ngff import Level, Multiscale, affine_of, multiscales_of, ome_of
from mlarray_zarr.nodes import ArrayInfo, Node, array_info, read_node
from mlarray_zarr.orientation import WORLD, places_of
from mlarray_zarr.voxels import open_library, read_box

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_core import MetaSpatial
    from mlarray_io import Source
    from mlarray_zarr.options import ZarrOptions


class ZarrReader(Reader):
    """One resolution of an image.

    Parameters
    ----------
    files
        Of the store, closed with the reader when it owns them.
    node, info
        The array's metadata.
    order
        Which axis of the array each axis of the image is.
    """

    def __init__(self, files: Files, node: Node, info: ArrayInfo, order: Sequence[int], owns: bool) -> None:
        self._files, self._node, self._info, self._owns = files, node, info, owns
        self._order = tuple(order)
        self._array: Any = None
        self.shape = tuple(info.shape[axis] for axis in order)
        self.dtype = info.dtype
        self.chunks = tuple(max(1, min(info.chunks[axis], info.shape[axis])) for axis in order)
        self.levels: Sequence[Reader] = ()

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        if any(part.start == part.stop for part in box):
            return np.empty([part.stop - part.start for part in box], self.dtype)
        stored: list[slice] = [slice(0, 0)] * len(box)
        for part, axis in zip(box, self._order, strict=True):
            stored[axis] = part
        try:
            voxels = read_box(self._opened(), self._info, tuple(stored))
        except (MLArrayError, MemoryError, OSError):
            raise
        except Exception as error:  # every codec has its own kinds
            text = " ".join(f"{type(error).__name__}: {error}".split())[:120]
            raise CorruptError(f"a chunk can't be decoded ({text})", path=self._files.path) from error
        return np.ascontiguousarray(voxels.transpose(self._order), self.dtype)

    def close(self) -> None:
        """Close the store."""
        self._array = None
        if self._owns:
            self._files.close()

    def _opened(self) -> Any:
        if self._array is None:
            self._array = open_library(self._files, self._node, self._info)
        return self._array


@dataclass(frozen=True)
class _Image:
    """An image that OME-Zarr describes, with what our own writer kept beside."""

    files: Files
    group: Node
    content: Multiscale
    kept: Kept | None
    options: ZarrOptions


def open_zarr(source: Source, key: str, options: ZarrOptions, context: Context) -> Reader:
    """Open the image or array called `key`.

    Parameters
    ----------
    source
        The store.
    key
        Path of the image in the store.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        Metadata makes no sense or an array is missing.
    UnsafeError
        A path leads out of the store.
    OptionError
        There is no such level.
    """
    files = open_files(source)
    try:
        where, _, number = key.strip("/").partition("#")
        node = read_node(files, where)
        if node is None:
            raise SelectionError(f"holds no image called {key!r}", path=source.where)
        if node.array is not None:
            return _open_array(files, node, options, context)
        content = multiscales_of(node)[int(number or 0)]
        return _open_image(_Image(files, node, content, kept_of(node), options), context)
    except BaseException:
        files.close()
        raise


def _open_array(files: Files, node: Node, options: ZarrOptions, context: Context) -> Reader:
    """Open an array that no multiscale metadata describes."""
    info = array_info(files, node)
    _level_exists(options.level, 1)
    kept = kept_of(node)
    order = _order(kept, info)
    reader = ZarrReader(files, node, info, order, owns=True)
    context.allow(reader.nbytes, files.path)
    check_chunks(files, node, info, context)
    labels = default_labels(len(order)) if info.names is None else labels_of_names(info.names)
    spatial = None if kept is None else kept_spatial(kept, None, len(order))
    if spatial is not None and kept is not None:
        reader.meta = _kept_meta(kept, spatial, options)
    else:
        reader.meta = bare_meta(options, len(order), labels=labels, source=_source(node))
        additions = Additions(axes=positions_of(files, node, info))
        additions.rescale = packing_of(node.attributes, info.dtype, context)
        additions.store(reader.meta)
    return reader


def _open_image(image: _Image, context: Context) -> Reader:
    count = len(image.content.levels)
    _level_exists(image.options.level, count)
    first = _open_level(image, image.options.level, context)
    first._owns = True
    context.allow(first.nbytes, image.files.path)
    others = []
    for level in range(image.options.level + 1, count):
        try:
            others.append(_open_level(image, level, context))
        except CorruptError as error:  # the image is whole without it
            context.warn(f"level {level} is left out: {error.message}")
    first.levels = others
    names = label_names(image.files, image.group.path)
    if names:
        context.warn(f"has label images: {', '.join(names[:8])}; --image chooses one")
    return first


def _open_level(image: _Image, number: int, context: Context) -> ZarrReader:
    level = image.content.levels[number]
    node = read_node(image.files, joined(image.group.path, level.path))
    if node is None:
        raise CorruptError(f"the array {level.path} is missing", path=image.files.path)
    info = array_info(image.files, node)
    if len(info.shape) != len(image.content.axes):
        what = f"{level.path} has {len(info.shape)} axes, its image {len(image.content.axes)}"
        raise CorruptError(what, path=image.files.path)
    order = _order(image.kept, info)
    check_chunks(image.files, node, info, context)
    reader = ZarrReader(image.files, node, info, order, owns=False)
    reader.meta = _image_meta(image, number, order, info.shape, context)
    return reader


def _image_meta(
    image: _Image, number: int, order: Sequence[int], shape: tuple[int, ...], context: Context
) -> Meta:
    axes = [image.content.axes[axis] for axis in order]
    kept = image.kept
    spatial = None if kept is None else kept_spatial(kept, (image.content, number), len(axes))
    if kept is not None and spatial is not None:
        return _kept_meta(kept, spatial, image.options)
    if kept is not None:
        context.warn("its OME-Zarr metadata was changed since it was written, and holds")
    level = image.content.levels[number]
    units = [axis.unit for axis in axes]
    oriented = level.stated and places_of(axes) is not None
    spatial = geometry.spatial_meta(
        affine_of(axes, _reordered(level, order)),
        axis_labels=[axis.label for axis in axes],
        axis_units=units if any(units) else None,
        coord_system=WORLD if oriented else None,
    )
    if any(axis.orientation for axis in axes) and not oriented:
        context.warn("its orientations don't span a patient's world, and are kept in the source only")
    ome = ome_of(image.group)
    is_seg = True if "image-label" in ome else None
    meta = bare_meta(image.options, len(axes), spatial=spatial, source=_source(image.group), is_seg=is_seg)
    times = _times(image, number, order, shape)
    Additions(channels=_channels(ome), axes=times, labels=labels_of(ome)).store(meta)
    return meta


def _kept_meta(kept: Kept, spatial: MetaSpatial, options: ZarrOptions) -> Meta:
    meta = kept.meta.copy()
    meta.spatial = spatial
    own = bare_meta(options, spatial.ndim or 0, spatial=spatial, is_seg=meta.is_seg.is_seg)
    meta.spatial, meta.is_seg = own.spatial, own.is_seg
    return meta


def _order(kept: Kept | None, info: ArrayInfo) -> tuple[int, ...]:
    ndim = len(info.shape)
    if kept is None or len(kept.order) != ndim:
        return tuple(range(ndim))
    return tuple(kept.order.index(axis) for axis in range(ndim))


def _reordered(level: Level, order: Sequence[int]) -> Level:
    from dataclasses import replace

    return replace(
        level,
        scale=tuple(level.scale[axis] for axis in order),
        translation=tuple(level.translation[axis] for axis in order),
    )


def _source(node: Node) -> dict[str, object]:
    attributes = {key: value for key, value in node.attributes.items() if key != KEY}
    return {"zarr_format": node.version, "attributes": plain(attributes)}


def _channels(ome: Mapping[str, object]) -> list[Channel]:
    omero = ome.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    return (
        [Channel(plain(one)) for one in channels if isinstance(one, dict)]
        if isinstance(channels, list)
        else []
    )


def _times(image: _Image, number: int, order: Sequence[int], shape: tuple[int, ...]) -> dict[int, AxisValues]:
    """Return the positions along time, where its scale says them."""
    level = image.content.levels[number]
    found: dict[int, AxisValues] = {}
    for index, axis in enumerate(order):
        content = image.content.axes[axis]
        step, start, count = level.scale[axis], level.translation[axis], shape[axis]
        if content.kind == "time" and (step, start) != (1.0, 0.0) and 2 <= count <= 100_000:
            values = [start + step * position for position in range(count)]
            found[index] = AxisValues("time", content.unit, values)
    return found


def _level_exists(level: int, count: int) -> None:
    if not 0 <= level < count:
        raise OptionError(f"expected 0 to {count - 1}, got {level}", field="level")
