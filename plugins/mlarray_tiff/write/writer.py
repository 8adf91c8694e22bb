"""Writes OME-TIFF, ImageJ's TIFF and plain TIFF, as a stream."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from tifffile import TiffWriter

from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_io.sdk import fitting_levels, holds_labels
from mlarray_tiff.georeference import GEO_TAGS
from mlarray_tiff.ome.write import PIXEL_TYPES, ome_xml
from mlarray_tiff.tags import FORMAT, extra_tags
from mlarray_tiff.write.colours import colour_arguments
from mlarray_tiff.write.content import content_of, imagej_metadata, json_metadata, resolution, tell_losses
from mlarray_tiff.write.geo_tags import geo_tags
from mlarray_tiff.write.pieces import Scratch, image_pieces, planes, tiles
from mlarray_tiff.write.plan import Plan, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_tiff.options import TiffOptions
    from mlarray_tiff.write.pieces import Piece

_BIG = 3_900_000_000
"""Classic TIFF ends at 4 GiB; voxels that don't compress leave room for tags."""

_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
_CODECS = {"deflate": "adobe_deflate", "lzw": "lzw", "zstd": "zstd", "none": None}
_SMALLEST = 64
"""Levels stop before a side gets shorter than this."""


def write_tiff(reader: Reader, target: Path, options: TiffOptions, context: Context) -> None:
    """Write an image.

    Parameters
    ----------
    reader
        The image.
    target
        Where to.
    options
        Flavour, compression, tiles, pyramid.
    context
        Where to report what TIFF can't hold.

    Raises
    ------
    UnsupportedError
        TIFF, or the flavour asked for, has no such data type or so many axes.
    """
    _check_options(options)
    flavour = _flavour(reader, options, target, context)
    plan = plan_of(reader, "TZC" if flavour == "imagej" else None)
    tell_losses(reader, plan, flavour, context)
    if flavour == "imagej":
        if reader.levels:
            context.loss("coarser levels", "ImageJ's TIFF has none")
        _write_imagej(reader, plan, target, context)
    else:
        _Writing(reader, plan, target, options, context, flavour).run()


def _check_options(options: TiffOptions) -> None:
    if options.tile < 0 or options.tile % 16:
        raise ArgumentError(f"expected a multiple of 16, got {options.tile}", field="tile")
    most = {"deflate": 12, "zstd": 22}.get(options.compression, options.effort)
    if not 0 <= options.effort <= most:
        raise ArgumentError(f"expected 0 to {most}, got {options.effort}", field="effort")
    if isinstance(options.pyramid, int) and not 0 <= options.pyramid <= 32:
        raise ArgumentError(f"expected 0 to 32, got {options.pyramid}", field="pyramid")


def _flavour(reader: Reader, options: TiffOptions, target: Path, context: Context) -> str:
    """Return what to write; refuse types that it has not."""
    name = reader.dtype.name
    if reader.dtype.kind not in "biuf" or reader.dtype.itemsize > 8:
        raise UnsupportedError(
            f"TIFF programs have no data type {name}",
            path=target,
            hint="Convert its real and imaginary parts, or its magnitude, or write .mla, .npy or NIfTI",
        )
    if options.flavour == "imagej" and name not in _IMAGEJ_TYPES:
        raise UnsupportedError(
            f"ImageJ has no data type {name}, only {', '.join(_IMAGEJ_TYPES)}",
            path=target,
            hint="Convert the values first, or write OME-TIFF with -o flavour=ome",
        )
    if name in PIXEL_TYPES or options.flavour in ("plain", "imagej"):
        return "ome" if options.flavour == "auto" else options.flavour
    if options.flavour == "ome":
        raise UnsupportedError(
            f"OME-TIFF has no data type {name}", path=target, hint="Write it with -o flavour=plain"
        )
    context.warn(f"OME-TIFF has no data type {name}, so this is plain TIFF")
    return "plain"


class _Writing:
    """One file that is being written, with its levels."""

    def __init__(
        self, reader: Reader, plan: Plan, target: Path, options: TiffOptions, context: Context, flavour: str
    ) -> None:
        self._reader, self._plan, self._target = reader, plan, target
        self._options, self._context, self._flavour = options, context, flavour
        self._dtype = np.dtype(reader.dtype).newbyteorder("<")
        self._tile = options.tile
        self._source = reader.meta.source if reader.meta.source.get("format") == FORMAT else {}

    def run(self) -> None:
        """Write full resolution, then each level below it."""
        kept = self._kept()
        sizes = self._sizes(kept)
        arguments = self._arguments()
        with ExitStack() as stack:
            file = stack.enter_context(
                TiffWriter(self._target, bigtiff=self._big(), ome=False, byteorder="<")
            )
            pieces: Iterator[Piece] = self._pieces(self._reader, self._plan)
            for number, (rows, columns) in enumerate(sizes):
                scratch = None
                if number + 1 < len(sizes) and not kept:
                    scratch = stack.enter_context(self._scratch(*sizes[number + 1]))
                below = {} if number else self._first(len(sizes) - 1)
                self._write(file, pieces, (rows, columns), scratch, {**arguments, **below}, number)
                if scratch is not None:
                    pieces = scratch.pieces(self._tile)
                elif number < len(kept):
                    pieces = self._pieces(kept[number], self._level_plan(kept[number]))

    def _pieces(self, reader: Reader, plan: Plan) -> Iterator[Piece]:
        folder = self._target.parent
        return image_pieces(reader, plan, self._tile, self._dtype, self._context, folder)

    def _write(
        self,
        file: TiffWriter,
        pieces: Iterator[Piece],
        size: tuple[int, int],
        scratch: Scratch | None,
        arguments: dict[str, Any],
        number: int,
    ) -> None:
        # tifffile drops trailing axes of length one of what it describes itself, and takes rows for columns
        described = self._flavour == "plain" and size[1] > 1
        if self._tile:
            data: Iterator[Any] = tiles(pieces, self._tile, scratch)
            arguments = {**arguments, "tile": (self._tile, self._tile)}
        else:
            data = planes(pieces, self._plan.sample_count if self._plan.planar else 0, scratch)
        file.write(
            data,
            shape=self._plan.sizes(*size) if described else self._plan.page_shape(*size),
            dtype=self._dtype,
            subfiletype=1 if number else 0,
            maxworkers=self._context.threads,
            buffersize=8 << 20,
            **arguments,
        )

    def _arguments(self) -> dict[str, Any]:
        """Return what all levels share."""
        arguments: dict[str, Any] = {
            "metadata": None,
            "software": False,
            **colour_arguments(self._plan, self._reader),
        }
        codec = _CODECS[self._options.compression]
        if self._dtype.kind == "b":
            codec = codec if codec in (None, "adobe_deflate", "lzw") else "adobe_deflate"
        if codec is not None:
            arguments["compression"] = codec
            if codec != "lzw":
                arguments["compressionargs"] = {"level": self._options.effort}
            if self._dtype.kind in "iu" and self._dtype.itemsize <= 4 and "colormap" not in arguments:
                arguments["predictor"] = 2
        return arguments

    def _first(self, levels: int) -> dict[str, Any]:
        """Return what only full resolution has: the description, resolution, the source's tags."""
        content = content_of(self._reader, self._plan, self._target)
        arguments: dict[str, Any] = {"software": "mlarray", **resolution(content.scales)}
        if levels:
            arguments["subifds"] = levels
        geo = geo_tags(self._reader, self._source)
        arguments["extratags"] = [*extra_tags(self._source, frozenset(GEO_TAGS)), *geo]
        if self._flavour == "plain":
            described = json_metadata(content)
            if self._plan.columns > 1:
                arguments["metadata"] = described
            else:  # as tifffile writes it, who would leave out the axis
                shape = self._plan.sizes(self._plan.rows, self._plan.columns)
                arguments["description"] = json.dumps({"shape": shape, **described})
        else:
            arguments["description"] = ome_xml(content, self._reader.meta, self._target, self._context)
        return arguments

    def _big(self) -> bool:
        if self._options.bigtiff != "auto":
            return self._options.bigtiff == "yes"
        return self._reader.nbytes * 4 // 3 > _BIG

    def _kept(self) -> list[Reader]:
        """Return the levels of the source that are written as they are."""
        asked = self._options.pyramid
        levels = list(self._reader.levels)
        if levels and asked and self._reader.meta.is_seg.value is True:
            levels = [level for level, _ in fitting_levels(self._reader)[0]]  # none that invents labels
        kept = [level for level in levels if self._fits(level)]
        if asked == "auto" and len(kept) < len(self._reader.levels):
            lost = len(self._reader.levels) - len(kept)
            self._context.loss(
                f"{lost} of {len(self._reader.levels)} coarser levels",
                "those of TIFF have as many planes as the image, and of a label map its labels",
            )
        if asked == "auto":
            return kept
        return kept[:asked] if len(kept) >= asked else []

    def _fits(self, level: Reader) -> bool:
        """Say whether a level of the source has the same pages, only smaller ones."""
        same = [
            mine == own or axis in (self._plan.row, self._plan.column)
            for axis, (mine, own) in enumerate(zip(self._reader.shape, level.shape, strict=True))
        ]
        return all(same) and level.dtype == self._reader.dtype

    def _level_plan(self, level: Reader) -> Plan:
        return replace(self._plan, shape=level.shape)

    def _sizes(self, kept: Sequence[Reader]) -> list[tuple[int, int]]:
        """Return rows and columns of each level to write, finest first."""
        sizes = [(self._plan.rows, self._plan.columns)]
        if kept:
            plans = [self._level_plan(level) for level in kept]
            return sizes + [(plan.rows, plan.columns) for plan in plans]
        asked = self._options.pyramid
        count = asked if isinstance(asked, int) else max(0, len(self._source.get("levels", ())) - 1)
        while len(sizes) <= count and min(sizes[-1]) >= 2 * _SMALLEST:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        if isinstance(asked, int) and len(sizes) <= count:
            self._context.warn(f"{len(sizes) - 1} of {count} levels are written, the next would be too small")
        return sizes

    def _method(self) -> Literal["mean", "mode"]:
        """Return how voxels of coarser levels are made: labels and indices of colours have no mean."""
        if colour_arguments(self._plan, self._reader).get("colormap") is not None:
            return "mode"
        return "mode" if holds_labels(self._reader, self._context) else "mean"

    def _scratch(self, rows: int, columns: int) -> Any:
        plan = self._plan
        separate = plan.sample_count if plan.planar else 1
        inner = 1 if plan.planar else plan.sample_count
        shape = (plan.pages * separate, rows, columns, inner)
        return closing(Scratch(self._target.parent, shape, self._dtype, self._method()))


def _write_imagej(reader: Reader, plan: Plan, target: Path, context: Context) -> None:
    """Write an ImageJ hyperstack: big-endian, uncompressed, whole planes (ImageJ's own reader)."""
    if plan.samples is not None and (reader.dtype.name != "uint8" or plan.sample_count not in (3, 4)):
        raise UnsupportedError(
            f"ImageJ has no colours of {plan.sample_count} {reader.dtype.name}",
            path=target,
            hint="Write OME-TIFF with -o flavour=ome",
        )
    content = content_of(reader, plan, target)
    dtype = np.dtype(reader.dtype).newbyteorder(">")
    pages = image_pieces(reader, plan, 0, dtype, context, target.parent)
    sizes = [plan.size_of(letter) for letter in "TZC"]
    colours = plan.samples is not None
    shape = (*sizes, plan.rows, plan.columns, plan.sample_count)
    metadata = imagej_metadata(content, context)
    metadata["axes"] = "TZCYXS"
    with TiffWriter(target, imagej=True, byteorder=">") as file:
        file.write(
            _imagej_planes(pages, plan),
            shape=shape,
            dtype=dtype,
            photometric="rgb" if colours else "minisblack",
            metadata=metadata,
            **resolution(content.scales, imagej=True),
        )
    if math.prod(shape) * dtype.itemsize > _BIG:
        context.warn("other programs than ImageJ may read only the first plane of a file over 4 GB")


def _imagej_planes(pieces: Iterator[Piece], plan: Plan) -> Iterator[np.ndarray[Any, Any]]:
    """Yield planes with their colours interleaved, which is how ImageJ wants them."""
    separate = plan.sample_count if plan.planar else 0
    for page in planes(pieces, separate, None):
        yield np.moveaxis(page, 0, -1) if separate > 1 else page
