"""FITS, the images of astronomy, for reading, through astropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_fits.options import FitsOptions
from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source

SIGNATURE = b"SIMPLE  ="
"""How the first card begins (FITS 4.0, 4.4.1.1)."""


class FitsFormat(Format[FitsOptions]):
    """Images in the units of a file, tiles included, read by astropy in a process of its own."""

    name: ClassVar[str] = "fits"
    title: ClassVar[str] = "FITS"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fits.fz",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("astropy",)
    install: ClassVar[str] = "mlarray[fits]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the first card, in a gzipped file too."""
        if source.head.startswith(SIGNATURE) or (source.is_gzip and source.plain_head.startswith(SIGNATURE)):
            return Confidence.SIGNATURE
        return super().sniff(source) if not source.is_dir and not source.head else Confidence.NO

    def images(self, source: Source, options: FitsOptions, context: Context) -> Sequence[ImageRef]:
        """List the units that hold an image; tables and empty ones are left out.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_fits.listing:list_images", source.path, context)

    def open(self, source: Source, image: ImageRef, options: FitsOptions, context: Context) -> Reader:
        """Open one unit.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_fits.reader:open_fits", source.path, context, image.key, options)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [FitsFormat()]
