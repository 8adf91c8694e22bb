"""Films: MP4, MOV, AVI, Matroska, MPEG and WMV, for reading, through FFmpeg as PyAV has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_io.sdk import BareOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source

_BRANDS = (
    b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp4",
    b"3gp5", b"3gp6", b"dash", b"mmp4", b"MSNV",
)  # fmt: skip
_STARTS = (b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")
"""Matroska and WebM, MPEG's program streams, Windows Media."""


class FilmFormat(Format[BareOptions]):
    """The frames of a film, decoded one after the other in a process of its own."""

    name: ClassVar[str] = "film"
    title: ClassVar[str] = "MP4, MOV, AVI, MKV, MPEG, WMV"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("av",)
    install: ClassVar[str] = "mlarray[film]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the signatures of containers."""
        head = source.head
        film = (
            (head[4:8] == b"ftyp" and head[8:12] in _BRANDS)
            or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
            or head.startswith(_STARTS)
        )
        if film:
            return Confidence.SIGNATURE
        return super().sniff(source) if not source.is_dir and not head else Confidence.NO

    def images(self, source: Source, options: BareOptions, context: Context) -> Sequence[ImageRef]:
        """List the pictures of a film: one stream each.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_films.listing:list_streams", source.path, context)

    def open(self, source: Source, image: ImageRef, options: BareOptions, context: Context) -> Reader:
        """Open one stream.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_films.reader:open_film", source.path, context, image.key, options)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [FilmFormat()]
