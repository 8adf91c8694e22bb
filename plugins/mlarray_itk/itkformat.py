"""The formats that only SimpleITK reads here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format

if TYPE_CHECKING:
    from mlarray_io import Context, ImageRef, Options, Reader, Source

GIPL = (b"\xef\xff\xe9\xb0", b"\x2a\xe3\x89\xb8")
"""Big-endian, at byte 252 (itkGiplImageIO.cxx, GIPL_MAGIC_NUMBER and GIPL_MAGIC_NUMBER2)."""


class ItkFormat(Format):
    """GIPL, VTK's structured points, MRC, Bruker's 2dseq, LSM and BMP."""

    name: ClassVar[str] = "itk"
    title: ClassVar[str] = "GIPL, VTK image, MRC, Bruker 2dseq, LSM, BMP"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".gipl", ".gipl.gz", ".vtk", ".mrc", ".lsm", ".bmp",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("SimpleITK",)
    install: ClassVar[str] = "mlarray[itk]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the magics of GIPL, VTK and MRC."""
        if signed_suffix(source):
            return Confidence.SIGNATURE
        if source.name == "2dseq" and not source.is_dir:
            return Confidence.SUFFIX
        return super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header in another process; voxels are read there too, whole."""
        from mlarray_itk.itkreader import open_itk

        return open_itk(source.path, signed_suffix(source), context)


def signed_suffix(source: Source) -> str:
    """Return the suffix that a file should have by its magic, nothing for a file without one."""
    head = source.plain_head
    if head[252:256] in GIPL:
        return ".gipl.gz" if source.is_gzip else ".gipl"
    if head.startswith(b"# vtk DataFile Version") and b"STRUCTURED_POINTS" in head[:1024]:
        return ".vtk"
    return ".mrc" if head[208:212] == b"MAP " else ""
