"""Formats beside MetaImage that users of ITK have: GIPL, VTK's images, Bruker's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format

if TYPE_CHECKING:
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
        """Read the header; voxels come box by box, forwards when they are gzipped."""
        from mlarray_itk.gipl import open_gipl

        return open_gipl(source.path, context)


class VtkFormat(Format):
    """VTK's legacy format, as far as it holds images."""

    name: ClassVar[str] = "vtk"
    title: ClassVar[str] = "VTK structured points"
    suffixes: ClassVar[tuple[str, ...]] = (".vtk",)

    def sniff(self, source: Source) -> Confidence:
        """Look for the first line and for the kind of data."""
        head = source.head[:1024].lower()
        if head.startswith(b"# vtk datafile version") and b"structured_points" in head:
            return Confidence.SIGNATURE
        return super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header; voxels come box by box, those that are text are decoded at once."""
        from mlarray_itk.vtk import open_vtk

        return open_vtk(source.path, context)


class BrukerFormat(Format):
    """Bruker's 2dseq, with its parameters beside it."""

    name: ClassVar[str] = "bruker"
    title: ClassVar[str] = "Bruker 2dseq"
    requires: ClassVar[tuple[str, ...]] = ("SimpleITK",)
    install: ClassVar[str] = "mlarray[itk]"

    def sniff(self, source: Source) -> Confidence:
        """Go by the name, which the scanner gives: the voxels have no header."""
        return Confidence.SUFFIX if source.name.lower() == "2dseq" and not source.is_dir else Confidence.NO

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the parameters in another process; voxels are read there too, whole."""
        from mlarray_itk.bruker import open_bruker

        return open_bruker(source.path, context)
