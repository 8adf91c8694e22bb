"""Opens one raster."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.windows import Window

from mlarray_core import Additions, AxisValues, Channel, Meta, Rescale, geometry
from mlarray_core.errors import NotFoundError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_gdal.place import affine_of, world_of
from mlarray_gdal.raster import check_file, explained, names_of, open_checked
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta, voxel_dtype

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_gdal.raster import Raster
    from mlarray_io.sdk import BareOptions

_TYPES = {"complex_int16": "complex64", "complex_int32": "complex128"}
MOST_BANDS = 10_000
"""Bands whose tags are kept."""


class RasterReader(Reader):
    """A raster.

    Parameters
    ----------
    path
        The file.
    raster
        Closed with the reader.
    dtype
        That holds the values of all bands.
    meta
        The metadata.
    """

    def __init__(self, path: Path, raster: Raster, dtype: np.dtype[Any], meta: Meta) -> None:
        self._path, self._raster, self.dtype, self.meta = path, raster, dtype, meta
        self._banded = raster.count > 1
        plane = (int(raster.height), int(raster.width))
        self.shape = (int(raster.count), *plane) if self._banded else plane
        block = tuple(min(int(side), size) for side, size in zip(raster.block_shapes[0], plane, strict=True))
        self.chunks = (1, *block) if self._banded else block

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            bands, (rows, columns) = (box[0] if self._banded else slice(0, 1)), box[-2:]
            window = Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
            with explained(self._path):
                found = self._raster.read(list(range(bands.start + 1, bands.stop + 1)), window=window)
            out[...] = found.reshape(out.shape)
        return out

    def close(self) -> None:
        """Close the file."""
        self._raster.close()


def open_raster(path: Path, context: Context, key: str, options: BareOptions) -> Reader:
    """Open the raster whose number is `key`. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where warnings are reported.
    key
        Number of the raster.
    options
        What the user says of it.

    Raises
    ------
    CorruptError
        GDAL finds it damaged.
    NotFoundError
        There is no such raster.
    UnsupportedError
        It holds none, or GDAL would cut its values off.
    UnsafeError
        It leads out of its folder.
    LimitError
        It is larger than the host allows.
    """
    with explained(path):
        file = check_file(path)
        raster = open_checked(file)
        try:
            names = names_of(raster)
            if not key.isdecimal() or int(key) >= max(1, len(names)):
                raise NotFoundError(f"holds no raster {key}")
            if names:
                raster.close()
                raster = open_checked(file, names[int(key)])
            if not raster.count:
                raise UnsupportedError("holds no raster: only text, drawings or data that GDAL doesn't show")
            _check_signs(raster)
            dtype = voxel_dtype(np.result_type(*(_TYPES.get(name, name) for name in raster.dtypes)), path)
            size = raster.count * raster.height * raster.width * dtype.itemsize
            context.allow(size, path)
            _check_blocks(raster, path, context)
            if file.grids > 1:
                context.loss(
                    "where pixels of some bands lie",
                    "their grids' headers differ; that of the first is kept",
                )
            return RasterReader(path, raster, dtype, _meta(raster, options, context))
        except BaseException:
            raster.close()
            raise


def _check_signs(raster: Raster) -> None:
    """Refuse signed samples of few bits in JPEG 2000: GDAL makes zeros of negative ones."""
    if raster.tags().get("NITF_PVTYPE") == "SI" and any(name.startswith("uint") for name in raster.dtypes):
        raise UnsupportedError("holds signed samples, of which GDAL reads the negative ones as zeros")


def _check_blocks(raster: Raster, path: Path, context: Context) -> None:
    block = max(math.prod(shape) for shape in raster.block_shapes)
    context.allow(block * 16, path)


def _meta(raster: Raster, options: BareOptions, context: Context) -> Meta:
    banded = raster.count > 1
    labels = ["channel"] * banded + ["spatial_y", "spatial_x"]
    affine = affine_of(raster)
    spatial = geometry.spatial_meta(
        affine, axis_labels=labels, axis_units=None, coord_system=None if affine is None else world_of(raster)
    )
    source: dict[str, Any] = {"driver": str(raster.driver), "tags": plain(dict(raster.tags()))}
    if raster.crs:
        source["crs_wkt"] = str(raster.crs.to_wkt())
    tags = [_band(raster, number) for number in range(1, min(raster.count, MOST_BANDS) + 1)]
    source["bands"] = tags
    points, system = raster.gcps
    if points:
        context.loss("where pixels lie", "ground control points make no affine; they are kept in the source")
        source["ground_control_points"] = [
            [point.row, point.col, point.x, point.y, point.z or 0.0] for point in points
        ]
        source["ground_control_system"] = str(system.to_wkt()) if system else ""
    meta = bare_meta(options, len(labels), labels=labels, source=source, spatial=spatial)
    additions = Additions(rescale=_rescale(raster, context))
    if banded:
        names = [str(one.get("name") or number) for number, one in enumerate(tags, 1)]
        additions.axes[0] = AxisValues("band", "", names)
        additions.channels = [Channel(one) for one in tags]
    additions.store(meta)
    marks = {value for value in raster.nodatavals if value is not None}
    if marks:
        context.warn(
            f"missing values are marked by {', '.join(map(str, sorted(marks)))}, and stay as they are"
        )
    return meta


def _band(raster: Raster, number: int) -> dict[str, Any]:
    at = number - 1
    found: dict[str, Any] = {str(name): str(value) for name, value in raster.tags(number).items()}
    name = raster.descriptions[at] or found.get("GRIB_COMMENT") or ""
    if name:
        found["name"] = str(name)
    if raster.nodatavals[at] is not None:
        found["nodata"] = plain(float(raster.nodatavals[at]))
    if raster.units[at]:
        found["unit"] = str(raster.units[at])
    return found


def _rescale(raster: Raster, context: Context) -> Rescale | None:
    """Return the factors of all bands, which are not applied, as those of GeoTIFF aren't."""
    pairs = set(zip(raster.scales, raster.offsets, strict=True))
    if pairs == {(1.0, 0.0)}:
        return None
    if len(pairs) > 1:
        context.loss("factors of the bands", "they differ from band to band, and are in the source")
        return None
    context.warn("scale and offset are kept and not applied")
    scale, offset = pairs.pop()
    return Rescale(
        float(scale),
        float(offset),
        str(np.dtype(_TYPES.get(raster.dtypes[0], raster.dtypes[0]))),
        applied=False,
    )
