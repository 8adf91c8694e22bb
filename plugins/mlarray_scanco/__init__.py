"""Scanco's images of micro-CT: ISQ and AIM, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class ScancoFormat(Format):
    """Reconstructions (ISQ) and processed images (AIM) of Scanco's scanners."""

    name: ClassVar[str] = "scanco"
    title: ClassVar[str] = "Scanco ISQ and AIM"
    suffixes: ClassVar[tuple[str, ...]] = (".isq", ".rsq", ".aim")

    def sniff(self, source: Source) -> Confidence:
        """Look for the magic of ISQ and AIM 030, and for the lengths that an AIM 020 begins with."""
        from mlarray_scanco.signature import kind_of

        kind = kind_of(source.head)
        if kind is None:
            return super().sniff(source)
        return Confidence.PARSED if kind == "isq" else Confidence.SIGNATURE

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header; voxels come box by box.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_scanco.reader import open_scanco

        return open_scanco(source.path, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [ScancoFormat()]
