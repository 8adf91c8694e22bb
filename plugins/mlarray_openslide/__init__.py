"""Whole slides that aren't TIFF: MIRAX, Hamamatsu VMS and VMU, Sakura; for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Options, Reader, Source

_KEYS = (b"[Virtual Microscope Specimen]", b"[Uncompressed Virtual Microscope Specimen]")
"""How the key files of Hamamatsu's slides begin."""
_SQLITE = b"SQLite format 3\0"


class OpenSlideFormat(Format):
    """Slides of several files, read by OpenSlide in a process of its own."""

    name: ClassVar[str] = "openslide"
    title: ClassVar[str] = "MIRAX, Hamamatsu VMS and VMU, Sakura"
    suffixes: ClassVar[tuple[str, ...]] = (".mrxs", ".vms", ".vmu", ".svslide")
    requires: ClassVar[tuple[str, ...]] = ("openslide",)
    install: ClassVar[str] = "mlarray[openslide]"
    mixed_parts: ClassVar[bool] = True
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Go by the first bytes, and for MIRAX, whose own file is a preview, by the folder beside it."""
        if source.is_dir or source.url is not None:
            return Confidence.NO
        if source.head.lstrip(b"\xef\xbb\xbf").startswith(_KEYS):
            return Confidence.PARSED
        if source.has_suffix(".svslide") and source.head.startswith(_SQLITE):
            return Confidence.PARSED
        mirax = source.has_suffix(".mrxs") and (source.path.with_suffix("") / "Slidedat.ini").is_file()
        return Confidence.PARSED if mirax else Confidence.NO

    def parts(self, source: Source) -> tuple[Path, ...]:
        """Return the files that hold the tiles."""
        from mlarray_openslide.files import files_of

        return files_of(source.path)

    def images(self, source: Source, options: Options, context: Context) -> Sequence[ImageRef]:
        """List the slide, and the label, the overview and others by their names.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images
        from mlarray_openslide.files import files_of

        files_of(source.path)
        return served_images("mlarray_openslide.reader:list_images", source.path, context)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Open the slide with its levels, or one of the images beside it.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader
        from mlarray_openslide.files import files_of

        files_of(source.path)
        return served_reader("mlarray_openslide.reader:open_slide", source.path, context, image.key)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [OpenSlideFormat()]
