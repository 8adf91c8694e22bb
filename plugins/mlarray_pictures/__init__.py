"""PNG, JPEG, BMP, JPEG 2000 and WebP: single pictures, and folders of equally sized ones as volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, Source, hookimpl
from mlarray_pictures.options import PictureOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader
    from mlarray_io.sdk import Privacy


class PictureFormat(Format[PictureOptions]):
    """Pictures, and folders of slices."""

    name: ClassVar[str] = "pictures"
    title: ClassVar[str] = "PNG, JPEG, BMP, JPEG 2000, WebP"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".png", ".pngs", ".jpg", ".jpeg", ".bmp", ".dib", ".jp2", ".j2k", ".jpx", ".jpc", ".j2c", ".webp",
    )  # fmt: skip
    target_suffixes: ClassVar[tuple[str, ...]] = (".png", ".pngs")
    requires: ClassVar[tuple[str, ...]] = ("imagecodecs",)
    install: ClassVar[str] = "mlarray[pictures]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the signatures, in a folder for that of its first picture and for nothing else in it."""
        from mlarray_pictures.signature import kind_of, pictures_in

        if not source.is_dir:
            if kind_of(source.head) is not None:
                return Confidence.SIGNATURE
            return super().sniff(source) if not source.head else Confidence.NO
        found, others = pictures_in(source.path, self.suffixes)
        if not found or others > len(found):
            return Confidence.NO
        certain = not others and kind_of(Source(found[0]).head) is not None
        return Confidence.SIGNATURE if certain else Confidence.SUFFIX

    def images(self, source: Source, options: PictureOptions, context: Context) -> Sequence[ImageRef]:
        """List one volume, or the pictures of a folder that doesn't say that they are one.

        Parameters
        ----------
        source
            What is read.
        options
            The user's settings.
        context
            Has the limits, and is told what is left out, lost or odd.
        """
        from mlarray_pictures.reader import list_pictures

        return list_pictures(source, self.suffixes, options, context)

    def open(self, source: Source, image: ImageRef, options: PictureOptions, context: Context) -> Reader:
        """Open a picture, or a folder of slices in natural order, decoded one by one.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_pictures.reader import open_pictures
        from mlarray_pictures.signature import is_georeferenced

        if is_georeferenced(source.head):
            why = "its boxes of GeoJP2 or GML aren't read; gdal_translate -of GTiff IN OUT.tif keeps it"
            context.loss("where the picture lies on the earth", why)
        return open_pictures(source, image.key, self.suffixes, options, context)

    def write(self, reader: Reader, target: Path, options: PictureOptions, context: Context) -> None:
        """Write one PNG, or a folder of them when the name ends in ``.pngs``.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_pictures.writer import write_pictures

        write_pictures(reader, target, options, context)

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep what the pixels mean, not texts, dates and places.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_pictures.header import deidentified

        return deidentified(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [PictureFormat()]
