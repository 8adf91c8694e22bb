"""TIFF and its relatives: OME-TIFF, ImageJ, BigTIFF, GeoTIFF, STK, LSM, whole slides (SVS, NDPI, SCN ...)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_tiff.options import TiffOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy

OPENED_IN_CHILD = "mlarray_tiff.read.reader:open_series"
"""What opens a file whose codec a damaged file can crash, in another process."""


class TiffFormat(Format[TiffOptions]):
    """TIFF and its relatives."""

    name: ClassVar[str] = "tiff"
    title: ClassVar[str] = "TIFF, OME-TIFF, ImageJ, GeoTIFF, STK, LSM, whole slides"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".ome.tiff", ".ome.tif", ".tif", ".tiff", ".ome.btf", ".btf", ".tf8", ".tf2", ".stk", ".lsm", ".svs",
        ".ndpi", ".scn", ".bif", ".qptiff", ".gtiff", ".companion.ome",
    )  # fmt: skip
    target_suffixes: ClassVar[tuple[str, ...]] = (
        ".ome.tiff", ".ome.tif", ".tif", ".tiff", ".ome.btf", ".btf", ".tf8", ".tf2",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("tifffile", "imagecodecs")
    install: ClassVar[str] = "mlarray[tiff]"

    def sniff(self, source: Source) -> Confidence:
        """Look at the byte order mark, the version and where the first page is."""
        from mlarray_tiff.signature import is_companion, is_dicom, is_indexed, recognise

        if source.is_dir or is_dicom(source.head):
            return Confidence.NO
        signature = recognise(source.head)
        if signature is not None and is_indexed(source.head):
            return Confidence.SIGNATURE  # the format of the whole data set comes first, where its index is
        if signature is not None:
            return Confidence.PARSED if signature.first_page < source.size else Confidence.SIGNATURE
        if is_companion(source.head):
            return Confidence.SIGNATURE
        return super().sniff(source)

    def images(self, source: Source, options: TiffOptions, context: Context) -> Sequence[ImageRef]:
        """List the series; the first one is primary.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_tiff.read.reader import list_series

        return list_series(source.path, options, context)

    def parts(self, source: Source) -> tuple[Path, ...]:
        """Return the other files of a set, with its companion."""
        from mlarray_tiff.ome.members import members_of

        return tuple(members_of(source.path))

    def open(self, source: Source, image: ImageRef, options: TiffOptions, context: Context) -> Reader:
        """Read the headers of one series; voxels come by tiles and strips.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_tiff.read.reader import needs_child, open_series

        reader = open_series(source.path, context, image.key, options)
        if not needs_child(reader):
            return reader
        from mlarray_io.sdk import served_reader

        reader.close()
        return served_reader(OPENED_IN_CHILD, source.path, context, image.key, options)

    def write(self, reader: Reader, target: Path, options: TiffOptions, context: Context) -> None:
        """Write OME-TIFF, or what `flavour` says.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_tiff.write.writer import write_tiff

        write_tiff(reader, target, options, context)

    def identifying(self, source: Mapping[str, Any]) -> Sequence[str]:
        """Tags, and elements of OME-XML, that say who, when and where."""
        from mlarray_tiff.privacy import identifying

        return identifying(source)

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep the tags of layout, resolution, colour and georeference.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_tiff.privacy import deidentified

        return deidentified(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [TiffFormat()]
