"""Leica LIF and LOF, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Options, Reader, Source

_MAGIC, _TEXT = b"\x70\0\0\0", b"\x2a"
"""What the first block begins with, and at byte 8 its text."""


class LifFormat(Format):
    """Images of one experiment, read by liffile in a process of its own."""

    name: ClassVar[str] = "lif"
    title: ClassVar[str] = "Leica LIF, LOF"
    suffixes: ClassVar[tuple[str, ...]] = (".lif", ".lof")
    requires: ClassVar[tuple[str, ...]] = ("liffile",)
    install: ClassVar[str] = "mlarray[lif]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the first block and its text."""
        head = source.head
        if head.startswith(_MAGIC) and head[8:9] == _TEXT:
            return Confidence.SIGNATURE
        return super().sniff(source) if not source.is_dir and not head else Confidence.NO

    def images(self, source: Source, options: Options, context: Context) -> Sequence[ImageRef]:
        """List the images.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_lif.reader:list_images", source.path, context)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Open one image.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_lif.reader:open_image", source.path, context, image.key)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [LifFormat()]
