"""TIFF and its relatives: OME-TIFF, ImageJ, BigTIFF, GeoTIFF, STK, LSM, whole slides (SVS, NDPI, SCN ...)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mlarray_io import Confidence, Format, Options, hookimpl, option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source


@dataclass(frozen=True, kw_only=True)
class TiffOptions(Options):
    """Settings of reading (`level`, `ome`) and of writing (the others)."""

    level: int = option(0, "Level of a pyramid to read, 0 for full resolution")
    ome: bool = option(True, "Heed OME-XML; no: read pages in the order in which they lie")
    flavour: Literal["auto", "ome", "imagej", "plain"] = option(
        "auto", "What to write; auto: OME-TIFF, or plain where OME has no such data type"
    )
    compression: Literal["deflate", "lzw", "zstd", "none"] = option(
        "deflate", "Codec to write; ImageJ is written without"
    )
    effort: int = option(4, "Effort of deflate (0 to 12) and zstd (1 to 22)")
    tile: int = option(512, "Side of the square tiles to write, a multiple of 16; 0 for strips")
    pyramid: int | Literal["auto"] = option(
        "auto", "Coarser levels to write; auto: as many as the source has; 0: none"
    )
    bigtiff: Literal["auto", "yes", "no"] = option("auto", "Write BigTIFF; auto: when 4 GB might not do")


class TiffFormat(Format[TiffOptions]):
    """TIFF and its relatives."""

    name: ClassVar[str] = "tiff"
    title: ClassVar[str] = "TIFF, OME-TIFF, ImageJ, GeoTIFF, STK, LSM, whole slides"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".ome.tiff", ".ome.tif", ".tif", ".tiff", ".ome.btf", ".btf", ".tf8", ".tf2", ".stk", ".lsm", ".svs",
        ".ndpi", ".scn", ".bif", ".qptiff", ".gtiff", ".companion.ome",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("tifffile", "imagecodecs")
    install: ClassVar[str] = "mlarray[tiff]"

    def sniff(self, source: Source) -> Confidence:
        """Look at the byte order mark, the version and where the first page is."""
        from mlarray_tiff.signature import is_companion, recognise

        if source.is_dir:
            return Confidence.NO
        signature = recognise(source.head)
        if signature is not None:
            return Confidence.PARSED if signature.first_page < source.size else Confidence.SIGNATURE
        if is_companion(source.head):
            return Confidence.SIGNATURE
        return super().sniff(source)

    def images(self, source: Source, options: TiffOptions, context: Context) -> Sequence[ImageRef]:
        """List the series; the first one is primary."""
        from mlarray_tiff.reader import list_series

        return list_series(source.path, options, context)

    def open(self, source: Source, image: ImageRef, options: TiffOptions, context: Context) -> Reader:
        """Read the headers of one series; voxels come by tiles and strips."""
        from mlarray_tiff.reader import open_series

        return open_series(source.path, image.key, options, context)

    def write(self, reader: Reader, target: Path, options: TiffOptions, context: Context) -> None:
        """Write OME-TIFF, or what `flavour` says."""
        from mlarray_tiff.writer import write_tiff

        write_tiff(reader, target, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [TiffFormat()]
