"""Opens one series of a TIFF file, or one level of its pyramid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta, geometry
from mlarray_core.errors import CorruptError, LimitError, SelectionError
from mlarray_io import Box, Context, ImageRef, Reader
from mlarray_tiff.axes import axis_additions, axis_labels, axis_units, spacing
from mlarray_tiff.georeference import coarser, crs, geo_affine
from mlarray_tiff.open_file import OpenTiff, open_tiff, understood
from mlarray_tiff.read import micromanager, microscopes
from mlarray_tiff.read.access import voxels_of
from mlarray_tiff.read.description import Described, describe, imagej_rescale, to_source
from mlarray_tiff.read.private_names import stored_pages
from mlarray_tiff.read.segments import sizeless
from mlarray_tiff.read.voxels import Voxels, is_left_out, native

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tifffile import TiffPageSeries

    from mlarray_tiff.options import TiffOptions

_FREE = 4 << 30
_MOST_RATIO = 20_000
"""Sparse slides hold 10,000 voxels a byte; above 4 GiB, more is no image unless the user says so."""

_LOSSY = (6, 7, 33003, 33004, 33005, 33007, 34712, 34892, 50001, 50002, 52546, 22610, 34934, 34887)
"""JPEG, JPEG 2000, WebP, JPEG XL, JPEG XR and LERC, which may have lost something; PNG (34933) never has."""

_MAY_BE_LOSSLESS = (33003, 33004, 33005, 34712, 50001, 50002, 52546, 22610, 34934, 34887)
"""Those of them that have a lossless mode, which tifffile doesn't tell apart."""

_JPEG_XR = frozenset({22610, 34934})


_ASSOCIATED = 1
"""ExtraSamples (TIFF 6.0, section 18)."""


class TiffReader(Reader):
    """One open series or level.

    Parameters
    ----------
    opened
        The file.
    series
        What to read.
    meta
        The metadata.
    context
        Says how many tiles are decoded at once, and the most bytes that the user allows.
    owns
        Whether the file is closed with the reader.
    fills
        Whether compressed segments without a size are left out, instead of damage.
    """

    def __init__(
        self,
        opened: OpenTiff,
        series: TiffPageSeries,
        meta: Meta,
        context: Context,
        *,
        owns: bool,
        fills: bool = False,
    ) -> None:
        self._opened, self._owns = opened, owns
        self._voxels: Voxels = voxels_of(series, opened.path, context.threads, context.max_bytes, fills=fills)
        self.shape = tuple(int(size) for size in series.shape)
        self.dtype = np.dtype(series.dtype).newbyteorder("=")
        self.meta, self.chunks = meta, self._voxels.chunks
        self.compressions = {int(level.keyframe.compression) for level in series.levels}

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        with understood(self._opened.path):
            return native(self._voxels.read(box))

    def close(self) -> None:
        """Close the files."""
        for level in self.levels:
            level.close()
        self._voxels.close()
        if self._owns:
            self._opened.close()


def list_series(path: Path, options: TiffOptions, context: Context) -> list[ImageRef]:
    """List the series of a file, the first one primary.

    Parameters
    ----------
    path
        The file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    """
    opened = open_tiff(path, ome=options.ome)
    try:
        series = opened.series()
        return [
            ImageRef(
                key=str(index),
                title="thumbnail"
                if microscopes.is_thumbnail(one)
                else one.name or f"{one.kind or 'series'} {index}",
                primary=index == 0,
                facts={
                    "shape": tuple(one.shape),
                    "axes": one.axes,
                    "dtype": str(one.dtype),
                    "kind": one.kind,
                },
                name=path.stem if len(series) == 1 else _name(one),
                aliases=(_name(one),) if _name(one) else (),
            )
            for index, one in enumerate(series)
        ]
    finally:
        opened.close()


def _name(series: TiffPageSeries) -> str:
    """Return the name of a position of Micro-Manager; those of other series may be anything."""
    return series.name if series.kind == micromanager.KIND else ""


def open_series(path: Path, context: Context, key: str, options: TiffOptions) -> TiffReader:
    """Open one series, or the level of it that the options name.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.
    key
        Number of the series.
    options
        The format's settings.

    Raises
    ------
    CorruptError
        The file is damaged, or planes are missing.
    LimitError
        It describes more than it can hold, or more than the host allows.
    SelectionError
        It has no such level.
    """
    opened = open_tiff(path, ome=options.ome)
    try:
        series = opened.series()
        chosen = series[int(key)]
        level = _level(chosen, options.level, opened.path)
        with understood(opened.path):
            _check(level, opened, context)
            meta = _meta(opened, series, int(key))
            if options.level:
                meta = coarser(meta, _factors(chosen.shape, level.shape))
            _tell(opened, series, int(key), context)
            _tell_sizes(meta, context)
            fills = options.missing == "fill"
            if fills:
                _tell_filled(level, context)
            reader = TiffReader(opened, level, meta, context, owns=True, fills=fills)
            reader.levels = _levels(opened, chosen, options, meta, context)
        return reader
    except BaseException:
        opened.close()
        raise


def needs_child(reader: TiffReader) -> bool:
    """Return whether the codec of a file ends the process on damage: jxrlib (JPEG XR) divides by zero."""
    return not _JPEG_XR.isdisjoint(reader.compressions)


def _level(series: TiffPageSeries, number: int, path: Path) -> TiffPageSeries:
    if not 0 <= number < len(series.levels):
        have = f"levels 0 to {len(series.levels) - 1}" if len(series.levels) > 1 else "one level, 0"
        raise SelectionError(f"has no level {number}", path=path, field="level", hint=f"It has {have}")
    return series.levels[number]


def _check(series: TiffPageSeries, opened: OpenTiff, context: Context) -> None:
    """Refuse missing planes and sizes that the file can't hold, before anything is allocated."""
    nbytes = math.prod(map(int, series.shape)) * np.dtype(series.dtype).itemsize
    context.allow(nbytes, opened.path)
    pages = stored_pages(series)
    # tifffile gives planes of a Micro-Manager stack that the file doesn't hold the place 0
    cut = series.kind == micromanager.KIND
    found = [page for page in pages if page is not None and not (cut and is_left_out(page))]
    if len(found) < len(pages):
        hint = "Put the files that hold them beside it, or read what is here with -o ome=no"
        raise CorruptError(
            f"{len(pages) - len(found)} of {len(pages)} planes are missing",
            path=opened.path,
            hint="Was it copied whole?" if cut else hint,
        )
    parents = {page.parent.filehandle.path: page.parent.filehandle.size for page in found}
    size = sum(parents.values())
    if context.max_bytes is None and nbytes > max(_FREE, _MOST_RATIO * size):
        raise LimitError(
            f"its header describes {nbytes:,} bytes of voxels, the file has {size:,}",
            path=opened.path,
            hint="Allow it with --max-bytes (max_bytes=) if the file is to be trusted",
        )


def _levels(
    opened: OpenTiff, series: TiffPageSeries, options: TiffOptions, meta: Meta, context: Context
) -> Sequence[Reader]:
    """Open the coarser levels that have the same axes."""
    fine = series.levels[options.level]
    fills = options.missing == "fill"
    found = []
    for level in series.levels[options.level + 1 :]:
        if level.axes == fine.axes and level.dtype == fine.dtype:
            _check(level, opened, context)
            own = coarser(meta, _factors(fine.shape, level.shape))
            found.append(TiffReader(opened, level, own, context, owns=False, fills=fills))
    return found


def _factors(fine: Sequence[int], coarse: Sequence[int]) -> list[float]:
    return [_factor(big, small) for big, small in zip(fine, coarse, strict=True)]


def _factor(big: int, small: int) -> float:
    """Return how many voxels became one: a whole number if one, rounded up or down, explains the sizes."""
    ratio = big / small
    for whole in (1 << max(0, round(math.log2(ratio))), max(1, round(ratio))):
        if small in (big // whole, -(-big // whole)):
            return whole
    return ratio


def _tell_filled(series: TiffPageSeries, context: Context) -> None:
    """Say how many segments of an image are filled because the user said so."""
    count = sum(sizeless(page) for page in stored_pages(series) if page is not None)
    if count:
        context.warn(f"{count} of its segments have no size and are filled")


def _tell(opened: OpenTiff, series: Sequence[TiffPageSeries], index: int, context: Context) -> None:
    """Name the other series, planned frames, colours multiplied by alpha, and segments without a size."""
    chosen = series[index]
    if chosen.keyframe.compression == 1 and sizeless(chosen.keyframe):
        context.warn("segments of it have no size, and are read as long as uncompressed ones are")
    if chosen.kind == micromanager.KIND:
        planned, positions = micromanager.planned(chosen)
        if planned > len(chosen):
            context.warn(f"its acquisition was to have {planned} planes and ended after {len(chosen)}")
        if positions > len(series):
            context.warn(f"{positions - len(series)} of {positions} positions are in files that aren't here")
    for text in microscopes.unread(opened.file, chosen):
        context.warn(text)
    if _ASSOCIATED in tuple(chosen.keyframe.extrasamples):
        context.warn("its colours are multiplied by their alpha (ExtraSamples 1), and stay so")
    others = [
        f"{at} ({one.name or one.kind}, {one.axes} {one.shape})"
        for at, one in enumerate(series)
        if at != index and not microscopes.is_thumbnail(one)
    ]
    if others:
        shown = ", ".join(others[:8]) + (" ..." if len(others) > 8 else "")
        context.warn(f"series {index} is read; --image chooses another: {shown}")


def _tell_sizes(meta: Meta, context: Context) -> None:
    """Say along which axes the size of voxels is unknown, where along others it is known."""
    spatial = meta.spatial
    if spatial.spacing is None or not spatial.axis_units or not spatial.axis_labels:
        return
    units = {
        label: unit
        for label, unit in zip(spatial.axis_labels, spatial.axis_units, strict=True)
        if label.startswith("spatial")
    }
    unknown = [label.removeprefix("spatial_") for label, unit in units.items() if not unit]
    if 0 < len(unknown) < len(units):
        context.warn(
            f"the size of voxels along {', '.join(unknown)} is unknown: 1 stands for it, without a unit"
        )


def _meta(opened: OpenTiff, series: Sequence[TiffPageSeries], index: int) -> Meta:
    """Return the metadata of a series at full resolution."""
    one = series[index]
    described = describe(opened, one, index)
    meta = Meta(source=to_source(opened, series, index))
    meta.spatial = _spatial(one.axes, described)
    lossy: dict[str, Any] = {}
    if one.keyframe.compression in _LOSSY:
        codec = one.keyframe.compression
        lossy = {"compression": getattr(codec, "name", str(codec))}
        if codec in _MAY_BE_LOSSLESS:
            lossy["certain"] = False
    Additions(
        rescale=imagej_rescale(opened, one),
        axes=axis_additions(one.axes, one.shape, described.scales, described.times, described.names),
        channels=described.channels,
        lossy=lossy,
    ).store(meta)
    return meta


def _spatial(axes: str, described: Described) -> Any:
    labels, units = axis_labels(axes), axis_units(axes, described.scales)
    affine = geo_affine(described.tags, axes)
    if affine is not None:
        return geometry.spatial_meta(
            affine, axis_labels=labels, axis_units=None, coord_system=crs(described.tags)
        )
    return geometry.spatial_meta(
        None, axis_labels=labels, axis_units=units, spacing=spacing(axes, described.scales)
    )
