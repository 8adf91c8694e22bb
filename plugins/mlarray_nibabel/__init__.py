"""MINC, AFNI, PAR/REC and ECAT, for reading, through nibabel."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class NibabelFormat(Format):
    """A format that nibabel reads, in a process of its own."""

    requires: ClassVar[tuple[str, ...]] = ("nibabel",)
    install: ClassVar[str] = "mlarray[nibabel]"
    partner: ClassVar[dict[str, tuple[str, ...]]] = {}

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header in another process; voxels are read there too.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_nibabel.reader import open_image

        return open_image(source.path, self.name, context)

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Return the other files that an image of this name can have."""
        stem, dot, suffix = target.name.partition(".")
        others = self.partner.get(f"{dot}{suffix}".lower(), ())
        shout = suffix.isupper()
        return tuple(target.with_name(stem + (other.upper() if shout else other)) for other in others)


class MincFormat(NibabelFormat):
    """MINC 1 (NetCDF) and 2 (HDF5)."""

    name: ClassVar[str] = "minc"
    title: ClassVar[str] = "MINC 1 and 2"
    suffixes: ClassVar[tuple[str, ...]] = (".mnc",)
    requires: ClassVar[tuple[str, ...]] = ("nibabel", "h5py")

    def sniff(self, source: Source) -> Confidence:
        """Look for NetCDF or HDF5, and for what only MINC has in them."""
        from mlarray_nibabel.signature import is_minc

        return Confidence.PARSED if is_minc(source.head) else super().sniff(source)


class AfniFormat(NibabelFormat):
    """AFNI's pairs of HEAD and BRIK."""

    name: ClassVar[str] = "afni"
    title: ClassVar[str] = "AFNI BRIK/HEAD"
    suffixes: ClassVar[tuple[str, ...]] = (".head", ".brik", ".brik.gz")
    partner: ClassVar[dict[str, tuple[str, ...]]] = {
        ".head": (".brik", ".brik.gz"), ".brik": (".head",), ".brik.gz": (".head",),
    }  # fmt: skip

    def sniff(self, source: Source) -> Confidence:
        """Look for attributes in the text of a HEAD."""
        from mlarray_nibabel.signature import is_afni

        return Confidence.PARSED if is_afni(source.head) else super().sniff(source)


class ParRecFormat(NibabelFormat):
    """Philips' pairs of PAR and REC."""

    name: ClassVar[str] = "parrec"
    title: ClassVar[str] = "Philips PAR/REC"
    suffixes: ClassVar[tuple[str, ...]] = (".par", ".rec")
    partner: ClassVar[dict[str, tuple[str, ...]]] = {".par": (".rec",), ".rec": (".par",)}

    def sniff(self, source: Source) -> Confidence:
        """Look for the comments that a PAR begins with."""
        from mlarray_nibabel.signature import is_par

        return Confidence.PARSED if is_par(source.head) else super().sniff(source)


class EcatFormat(NibabelFormat):
    """ECAT 7 matrices of positron emission tomographs."""

    name: ClassVar[str] = "ecat"
    title: ClassVar[str] = "ECAT 7"
    suffixes: ClassVar[tuple[str, ...]] = (".v",)

    def sniff(self, source: Source) -> Confidence:
        """Look for the magic."""
        return Confidence.SIGNATURE if source.head.startswith(b"MATRIX7") else super().sniff(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the formats of this plugin."""
    return [MincFormat(), AfniFormat(), ParRecFormat(), EcatFormat()]
