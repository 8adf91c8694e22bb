"""Nikon ND2, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Options, Reader, Source

SIGNATURES = (b"\xda\xce\xbe\x0a", b"\0\0\0\x0cjP  \r\n\x87\x0a")
"""How files begin: those of NIS-Elements from version 4 on, and older ones, which are JPEG 2000."""


class Nd2Format(Format):
    """Positions, times, planes and channels, read by nd2 in a process of its own."""

    name: ClassVar[str] = "nd2"
    title: ClassVar[str] = "Nikon ND2"
    suffixes: ClassVar[tuple[str, ...]] = (".nd2",)
    requires: ClassVar[tuple[str, ...]] = ("nd2",)
    install: ClassVar[str] = "mlarray[nd2]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the first chunk; older files begin as any JPEG 2000 does, and are told by their name."""
        if source.head.startswith(SIGNATURES[0]):
            return Confidence.SIGNATURE
        if source.head.startswith(SIGNATURES[1]) and source.has_suffix(*self.suffixes):
            return Confidence.PARSED
        return super().sniff(source) if not source.is_dir and not source.head else Confidence.NO

    def images(self, source: Source, options: Options, context: Context) -> Sequence[ImageRef]:
        """List the positions of the stage.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_nd2.reader:list_positions", source.path, context)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Open one position.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_nd2.reader:open_position", source.path, context, image.key)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [Nd2Format()]
