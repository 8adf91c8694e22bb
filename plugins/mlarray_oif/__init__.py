"""Olympus OIF and OIB, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Options, Reader, Source

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How compound files of Microsoft's begin, of which OIB is one."""
_TEXT = b"\xff\xfe[\0"
"""How the settings in an OIF begin: as UTF-16, with a section."""


class OifFormat(Format):
    """Planes of a FluoView microscope, read by oiffile in a process of its own."""

    name: ClassVar[str] = "oif"
    title: ClassVar[str] = "Olympus OIF, OIB"
    suffixes: ClassVar[tuple[str, ...]] = (".oib", ".oif")
    requires: ClassVar[tuple[str, ...]] = ("oiffile",)
    install: ClassVar[str] = "mlarray[oif]"
    mixed_parts: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Go by the name and the first bytes: other programs write compound files too."""
        starts = (_COMPOUND,) if source.has_suffix(".oib") else (_TEXT, b"[")
        if source.is_dir or not source.has_suffix(*self.suffixes):
            return Confidence.NO
        return Confidence.PARSED if source.head.startswith(starts) else Confidence.NO

    def parts(self, source: Source) -> tuple[Path, ...]:
        """Return the planes that an OIF has in the folder beside it."""
        if source.url is not None or not source.has_suffix(".oif"):
            return ()
        return tuple(sorted(source.path.with_name(f"{source.path.name}.files").glob("*")))

    def images(self, source: Source, options: Options, context: Context) -> Sequence[ImageRef]:
        """List the image, and the reference images taken beside it.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_oif.reader:list_series", source.path, context)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Open one of them.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_oif.reader:open_series", source.path, context, image.key)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [OifFormat()]
