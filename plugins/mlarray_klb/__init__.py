"""Keller lab blocks, of light-sheet microscopes, for reading, through pyklb."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class KlbFormat(Format):
    """Up to five axes in compressed blocks, read by pyklb in a process of its own."""

    name: ClassVar[str] = "klb"
    title: ClassVar[str] = "Keller lab block"
    suffixes: ClassVar[tuple[str, ...]] = (".klb",)
    requires: ClassVar[tuple[str, ...]] = ("pyklb",)
    install: ClassVar[str] = "mlarray[klb]"

    def sniff(self, source: Source) -> Confidence:
        """Read the header, which has no mark, and see whether it makes sense."""
        from mlarray_klb.header import is_klb

        return Confidence.SIGNATURE if is_klb(source.head, source.size) else super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header; blocks are unpacked where they are asked for.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_klb.reader:open_klb", source.path, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [KlbFormat()]
