"""Voxels without a header, and those of a header in text: Interfile, ENVI, ESRI and VGStudio, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_raw.options import DescribedOptions, RawOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy


class RawFormat(Format[RawOptions]):
    """Voxels alone, of which the user says what they are."""

    name: ClassVar[str] = "raw"
    title: ClassVar[str] = "raw voxels"
    suffixes: ClassVar[tuple[str, ...]] = (".raw", ".vol", ".bin", ".dat")

    def open(self, source: Source, image: ImageRef, options: RawOptions, context: Context) -> Reader:
        """Take the file as the options say.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_raw.bare import open_raw

        return open_raw(source.path, options, context)


class DescribedFormat(Format[DescribedOptions]):
    """Voxels in a file of their own, with a header in text beside it: either of the two can be named."""

    headers: ClassVar[tuple[str, ...]]
    """What the name of a header ends in, those that others have too included."""
    data: ClassVar[tuple[str, ...]]
    """What the names of data files end in."""

    def sniff(self, source: Source) -> Confidence:
        """Look at the first lines, and for a header that names the file."""
        from mlarray_raw.beside import header_beside, is_header

        if source.is_dir or source.url is not None:
            return super().sniff(source)
        if is_header(self.name, source.head):
            return Confidence.PARSED
        if header_beside(self.name, source.path, self.headers, self.data) is not None:
            return Confidence.SIGNATURE
        return super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: DescribedOptions, context: Context) -> Reader:
        """Read the header; voxels come box by box.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_raw.reader import open_described

        return open_described(self, source, options, context)

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Return the names that the other file can have: the data of a header, the header of data."""
        suffix = target.suffix
        others = self.data if suffix.lower() in self.headers else self.headers
        shout = suffix.isupper()
        return tuple(target.with_suffix(end.upper() if shout else end) for end in others)

    def parts(self, source: Source) -> tuple[Path, ...]:
        """Return the other of header and data, by their names."""
        from mlarray_raw.beside import data_beside, header_beside, is_header

        if source.url is not None:
            return ()
        if is_header(self.name, source.head):
            other = data_beside(source.path, self.data)
        else:
            other = header_beside(self.name, source.path, self.headers, self.data)
        return () if other is None else (other,)

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep the keys that say how voxels lie.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_raw.privacy import deidentified

        return deidentified(self.name, source)


class InterfileFormat(DescribedFormat):
    """Interfile 3.3, as of nuclear medicine, and what STIR and Siemens made of it."""

    name: ClassVar[str] = "interfile"
    title: ClassVar[str] = "Interfile"
    suffixes: ClassVar[tuple[str, ...]] = (".hv", ".h33", ".ahv")
    headers: ClassVar[tuple[str, ...]] = (".hv", ".h33", ".ahv", ".hdr", ".hs")
    data: ClassVar[tuple[str, ...]] = (".v", ".i33", ".img")


class EnviFormat(DescribedFormat):
    """ENVI's rasters of any interleave."""

    name: ClassVar[str] = "envi"
    title: ClassVar[str] = "ENVI"
    headers: ClassVar[tuple[str, ...]] = (".hdr",)
    data: ClassVar[tuple[str, ...]] = ("", ".img", ".dat", ".bin", ".raw", ".bsq", ".bil", ".bip")


class EsriFormat(DescribedFormat):
    """ESRI's rasters of any interleave."""

    name: ClassVar[str] = "esri"
    title: ClassVar[str] = "ESRI BIL, BIP, BSQ"
    suffixes: ClassVar[tuple[str, ...]] = (".bil", ".bip", ".bsq")
    headers: ClassVar[tuple[str, ...]] = (".hdr",)
    data: ClassVar[tuple[str, ...]] = (".bil", ".bip", ".bsq")

    def sidecars(self, target: Path) -> tuple[Path, ...]:
        """Return the names that the file of the reference system may have."""
        from mlarray_raw.projection import ENDS

        return tuple(target.with_suffix(end) for end in ENDS)


class VgiFormat(DescribedFormat):
    """Volumes of VGStudio, which most CT programs of industry write."""

    name: ClassVar[str] = "vgi"
    title: ClassVar[str] = "VGStudio VGI"
    suffixes: ClassVar[tuple[str, ...]] = (".vgi",)
    headers: ClassVar[tuple[str, ...]] = (".vgi",)
    data: ClassVar[tuple[str, ...]] = (".vol", ".raw")


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the formats of this plugin."""
    return [RawFormat(), InterfileFormat(), EnviFormat(), EsriFormat(), VgiFormat()]
