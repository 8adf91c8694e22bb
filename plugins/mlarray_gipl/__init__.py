"""GIPL, of Guy's Image Processing Lab, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, ImageRef, Options, Reader, Source

_GIPL = (b"\xef\xff\xe9\xb0", b"\x2a\xe3\x89\xb8")
"""At byte 252 (itkGiplImageIO.cxx, GIPL_MAGIC_NUMBER and GIPL_MAGIC_NUMBER2)."""


class GiplFormat(Format):
    """Guy's Image Processing Lab."""

    name: ClassVar[str] = "gipl"
    title: ClassVar[str] = "GIPL"
    suffixes: ClassVar[tuple[str, ...]] = (".gipl", ".gipl.gz")

    def sniff(self, source: Source) -> Confidence:
        """Look for the magic, in a gzipped file too."""
        return Confidence.SIGNATURE if source.plain_head[252:256] in _GIPL else super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header; voxels come box by box, forwards when they are gzipped.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_gipl.reader import open_gipl

        return open_gipl(source.path, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [GiplFormat()]
