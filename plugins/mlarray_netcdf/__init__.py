"""NetCDF of both kinds, classic and NetCDF-4, by the CF conventions, for reading, through netCDF4."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_netcdf.options import NetcdfOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source

CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
"""NetCDF's classic formats: 32-bit, 64-bit offset, 64-bit data."""
HDF5 = b"\x89HDF\r\n\x1a\n"
MARKS = (b"_NCProperties", b"_nc3_strict", b"_Netcdf4Dimid", b"_Netcdf4Coordinates")
"""Attributes by which NetCDF's library knows its own HDF5 files (NetCDF Users Guide, "Interoperability")."""


class NetcdfFormat(Format[NetcdfOptions]):
    """Variables of numbers, with their coordinates, read by NetCDF's library in a process of its own."""

    name: ClassVar[str] = "netcdf"
    title: ClassVar[str] = "NetCDF-3 and NetCDF-4"
    suffixes: ClassVar[tuple[str, ...]] = (".nc", ".nc4", ".cdf", ".nc3")
    requires: ClassVar[tuple[str, ...]] = ("netCDF4", "h5py")
    install: ClassVar[str] = "mlarray[netcdf]"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for the classic signature, or for HDF5 with the marks or the suffix of NetCDF."""
        head = source.head
        if head.startswith(CLASSIC):
            return Confidence.SIGNATURE
        if head.startswith(HDF5):
            ours = any(mark in head for mark in MARKS) and b"minc-2.0" not in head
            return Confidence.PARSED if ours or source.has_suffix(*self.suffixes) else Confidence.NO
        return super().sniff(source) if not source.is_dir and not head else Confidence.NO

    def images(self, source: Source, options: NetcdfOptions, context: Context) -> Sequence[ImageRef]:
        """List the variables that hold data, not those that describe others.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_netcdf.listing:list_images", source.path, context)

    def open(self, source: Source, image: ImageRef, options: NetcdfOptions, context: Context) -> Reader:
        """Open one variable.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_netcdf.reader:open_netcdf", source.path, context, image.key, options)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [NetcdfFormat()]
