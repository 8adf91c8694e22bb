"""Settings of TIFF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_io import Options, option


@dataclass(frozen=True, kw_only=True)
class TiffOptions(Options):
    """Settings of reading (`level`, `ome`, `missing`) and of writing (the others)."""

    level: int = option(0, "Level of a pyramid to read, 0 for full resolution", reading=True)
    ome: bool = option(True, "Use OME-XML; no: read pages in the order in which they lie", reading=True)
    missing: Literal["refuse", "fill"] = option(
        "refuse", "Compressed tiles with a place and no size; fill: as GDAL's nodata, or 0", reading=True
    )
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
