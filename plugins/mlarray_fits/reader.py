"""Opens one unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta, Rescale, geometry
from mlarray_core.errors import CorruptError, NotFoundError, UnsupportedError
from mlarray_core.rescale import dtype_after, rescale_or_none
from mlarray_fits.cards import source_of, values_of
from mlarray_fits.pixels import Pixels, pixels_of
from mlarray_fits.units import each_unit, explained, is_compressed, open_units, reason_against
from mlarray_fits.wcs import System
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import PackedBytes, RawData, bare_meta, open_bytes, read_box

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_fits.options import FitsOptions
    from mlarray_fits.units import Unit
    from mlarray_io.sdk import Bytes

TILE_BEST = 10_000
"""How many pixels a byte of compressed tiles can stand for: those of one value take almost nothing."""


class FitsReader(Reader):
    """One image.

    Parameters
    ----------
    pixels
        What its numbers mean.
    meta
        The metadata.
    rescale
        Slope and intercept.
    undefined
        Whether undefined pixels of scaled integers become NaN.
    """

    def __init__(self, pixels: Pixels, meta: Meta, rescale: Rescale | None, *, undefined: bool) -> None:
        self._pixels, self._rescale, self._undefined = pixels, rescale, undefined
        self.dtype, self.meta = dtype_after(pixels.plain, rescale), meta

    def _stored(self, box: Box) -> np.ndarray[Any, Any]:
        raise NotImplementedError

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            out[...] = self._pixels.convert(self._stored(box), self._rescale, undefined=self._undefined)
        return out


class PlainReader(FitsReader):
    """An image whose pixels lie in the file in order. `lie` puts them there."""

    def lie(self, file: Bytes, raw: RawData) -> None:
        """Say where they are.

        Parameters
        ----------
        file
            The file, unpacked.
        raw
            How they lie in it.
        """
        self._file, self._raw = file, raw
        self.shape = raw.shape
        if file.forward:
            self.chunks = (*(1 for _ in self.shape[:-2]), *self.shape[-2:])

    def _stored(self, box: Box) -> np.ndarray[Any, Any]:
        return read_box(self._file, self._raw, box)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TileReader(FitsReader):
    """An image in compressed tiles, which astropy unpacks. `lie` says of which unit."""

    def lie(self, units: Unit, unit: Unit) -> None:
        """Say where they are.

        Parameters
        ----------
        units
            The open file.
        unit
            One of it.
        """
        self._units, self._unit = units, unit
        self.shape = tuple(unit.shape)
        self.chunks = tuple(min(tile, size) for tile, size in zip(unit.tile_shape, self.shape, strict=True))

    def _stored(self, box: Box) -> np.ndarray[Any, Any]:
        with explained(self._units.filename() or ""):
            found: np.ndarray[Any, Any] = np.asarray(self._unit.section[box])
            return found

    def close(self) -> None:
        """Close the file."""
        self._units.close()


def open_fits(path: Path, context: Context, key: str, options: FitsOptions) -> Reader:
    """Open the unit whose number is `key`. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where warnings are reported.
    key
        Number of the unit.
    options
        The format's settings.

    Raises
    ------
    CorruptError
        astropy finds the file damaged, or it is too short for what its header says.
    NotFoundError
        There is no such unit.
    UnsupportedError
        It is no image.
    LimitError
        It is larger than the host allows.
    """
    units = open_units(path)
    try:
        with explained(path):
            return _opened(units, path, context, key, options)
    except BaseException:
        units.close()
        raise


def _opened(units: Unit, path: Path, context: Context, key: str, options: FitsOptions) -> Reader:
    unit = next((unit for number, unit in each_unit(units) if str(number) == key), None)
    if unit is None:
        raise NotFoundError(f"holds no unit {key}", path=path)
    reason = reason_against(unit)
    if reason is not None:
        raise UnsupportedError(f"unit {key} is no image: {reason or 'it stores no pixels'}", path=path)
    pixels, shape = pixels_of(unit), tuple(int(size) for size in unit.shape)
    rescale = rescale_or_none(pixels.slope, pixels.intercept, pixels.plain, raw=context.raw)
    context.allow(math.prod(shape) * dtype_after(pixels.plain, rescale).itemsize, path)
    undefined = options.missing == "nan"
    if pixels.blank is not None and (rescale is None or not rescale.applied):
        context.warn(f"undefined pixels are marked by BLANK {pixels.blank}, and stay as they are")
    meta = _meta(units, unit, key, options, rescale)
    if is_compressed(unit):
        _check_tiles(unit, shape, path)
        tiles = TileReader(pixels, meta, rescale, undefined=undefined)
        tiles.lie(units, unit)
        method = _lossy_method(path, int(key))
        if method:
            _add_lossy(meta, method)
        return tiles
    file = open_bytes(path)
    size = file.limit
    if isinstance(file, PackedBytes):
        size = file.length(file.limit)  # and its checksum is right: there may be units behind this one
        file.finish = lambda: None  # type: ignore[method-assign]
    raw = RawData(shape, pixels.stored, int(unit.fileinfo()["datLoc"]))
    if raw.offset + raw.nbytes > size:
        raise CorruptError(
            f"ends {raw.offset + raw.nbytes - size:,} bytes before the pixels of unit {key} do",
            path=path,
            hint="Was it copied whole?",
        )
    units.close()
    plain = PlainReader(pixels, meta, rescale, undefined=undefined)
    plain.lie(file, raw)
    return plain


def _check_tiles(unit: Unit, shape: tuple[int, ...], path: Path) -> None:
    size = path.stat().st_size
    tile = math.prod(unit.tile_shape)
    if min(unit.tile_shape) < 1 or math.prod(shape) > size * TILE_BEST or tile > size * TILE_BEST:
        raise CorruptError(
            f"its header describes {math.prod(shape):,} pixels, which {size:,} bytes can't hold", path=path
        )


def _meta(units: Unit, unit: Unit, key: str, options: FitsOptions, rescale: Rescale | None) -> Meta:
    source: dict[str, Unit] = {"unit": int(key), "name": str(unit.name), **source_of(unit)}
    if int(key):
        source["primary"] = source_of(units[0])
    system = System(values_of(unit), unit.shape)
    labels, known = system.labels(), system.spacing()
    spacing, by_label = None, {}
    if known is not None:
        spacing, by_label = known[0], dict(zip(("spatial_y", "spatial_x"), known[1], strict=True))
    axes = system.positions()
    units_of = [by_label.get(label, axes[at].unit if at in axes else "") for at, label in enumerate(labels)]
    spatial = geometry.spatial_meta(
        None, axis_labels=labels, axis_units=units_of if any(units_of) else None, spacing=spacing
    )
    meta = bare_meta(options, len(labels), labels=labels, source=source, spatial=spatial)
    Additions(axes=axes, rescale=rescale).store(meta)
    return meta


def _add_lossy(meta: Meta, method: str) -> None:
    additions = Additions.of(meta)
    additions.lossy = {"method": method}
    additions.store(meta)


def _lossy_method(path: Path, number: int) -> str | None:
    """Return by what compressed tiles lost something; None when they didn't.

    Floating point numbers became integers where there is a ZSCALE, and H-compress smooths where its scale is
    over 0 (FITS 4.0, 10.1.3 and 10.4.4).
    """
    with open_units(path, packed=True) as units:
        header = units[number].header
        codec = str(header.get("ZCMPTYPE", ""))
        names = [str(header.get(f"TTYPE{at}", "")) for at in range(1, int(header.get("TFIELDS", 0)) + 1)]
        if "ZSCALE" in names or "ZSCALE" in header:
            return f"FITS {codec} of quantised values"
        given = {header.get(f"ZNAME{at}"): header.get(f"ZVAL{at}") for at in range(1, 10)}
        smoothed = codec == "HCOMPRESS_1" and (given.get("SCALE") or 0) > 0
        return "FITS HCOMPRESS_1" if smoothed else None
