"""Rasters of the earth that GDAL reads: ERDAS Imagine, NITF, GRIB, GeoJP2, ESRI grids and local VRT."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_io.sdk import BareOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source


class GdalFormat(Format[BareOptions]):
    """A raster with its place in a reference system, read by GDAL in a process of its own."""

    name: ClassVar[str] = "gdal"
    title: ClassVar[str] = "ERDAS Imagine, NITF, GRIB, GeoJP2, ESRI grid, VRT"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".ntf", ".nitf", ".nsf", ".grib", ".grb", ".grib2", ".grb2", ".asc", ".vrt",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("rasterio",)
    install: ClassVar[str] = "mlarray[gdal]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the signatures; a JPEG 2000 without a place on the earth is a picture."""
        from mlarray_gdal.signature import driver_of

        if source.is_dir or not source.head:
            return Confidence.NO if source.is_dir else super().sniff(source)
        found = driver_of(source.head)
        if found is None:
            return Confidence.NO
        return Confidence.PARSED if found == "JP2OpenJPEG" else Confidence.SIGNATURE

    def images(self, source: Source, options: BareOptions, context: Context) -> Sequence[ImageRef]:
        """List the raster, or those that a file holds several of.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_gdal.listing:list_rasters", source.path, context)

    def open(self, source: Source, image: ImageRef, options: BareOptions, context: Context) -> Reader:
        """Open one raster, all of its bands.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_gdal.reader:open_raster", source.path, context, image.key, options)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [GdalFormat()]
