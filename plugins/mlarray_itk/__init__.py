"""MetaImage, both ways; GIPL, VTK's images and Bruker's, for reading."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mlarray_io import Confidence, Format, Options, hookimpl, option

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source

_META = re.compile(rb"\s*(ObjectType|ObjectSubType|Comment|NDims)\s*=")
_SHAPE = re.compile(rb"^\s*(DimSize|ElementType|NDims)\s*=", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class MetaImageOptions(Options):
    """Settings of reading (the first two) and of writing (the others)."""

    allow_external: bool = option(
        False, "Read data files that are outside the header's folder, which a hostile header could abuse"
    )
    geometry: Literal["auto", "none"] = option(
        "auto", "Where voxels are; none leaves a senseless placement out"
    )
    compression: Literal["auto", "yes", "no"] = option(
        "auto", "Whether to write voxels compressed; auto does as a MetaImage source did, and does for others"
    )
    level: int = option(2, "Effort of compression, 1 (fast) to 9 (small)")


class MetaImageFormat(Format[MetaImageOptions]):
    """ITK's own format."""

    name: ClassVar[str] = "metaimage"
    title: ClassVar[str] = "MetaImage"
    suffixes: ClassVar[tuple[str, ...]] = (".mha", ".mhd")

    def sniff(self, source: Source) -> Confidence:
        """Look for the first field and for those that say the shape."""
        head = source.head[:8192]
        if _META.match(head) and len(set(_SHAPE.findall(head))) > 1:
            return Confidence.PARSED
        return super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: MetaImageOptions, context: Context) -> Reader:
        """Read the header; voxels come box by box, forwards when they are compressed."""
        from mlarray_itk.metareader import open_metaimage

        return open_metaimage(source.path, options, context)

    def write(self, reader: Reader, target: Path, options: MetaImageOptions, context: Context) -> None:
        """Write one file, or a header and its data beside it when the name ends in ``.mhd``."""
        from mlarray_itk.metawriter import write_metaimage

        write_metaimage(reader, target, options, context)

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Return the names that the data of a ``.mhd`` can have."""
        if target.suffix.lower() != ".mhd":
            return ()
        return target.with_suffix(".raw"), target.with_suffix(".zraw")


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return MetaImage, and what else users of ITK have."""
    from mlarray_itk.formats import BrukerFormat, GiplFormat, VtkFormat

    return [MetaImageFormat(), GiplFormat(), VtkFormat(), BrukerFormat()]
