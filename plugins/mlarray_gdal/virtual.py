"""Virtual rasters (VRT): XML that names other files, checked before GDAL follows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from mlarray_core.errors import CorruptError, NotFoundError, UnsafeError
from mlarray_gdal.signature import driver_of

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 16 << 20
_NAMES = ("SourceFilename", "SourceDataset")
_KNOWN = ("VRTDataset", "VRTRasterBand", "VRTSourcedRasterBand")
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""TIFF, BigTIFF, PNG, JPEG."""
_FORBIDDEN = {
    "PixelFunctionType", "PixelFunctionCode", "PixelFunctionLanguage", "OpenOptions", "GDALWarpOptions",
    "PansharpeningOptions", "ProcessingSteps", "Array", "Group", "OverviewList", "Overview", "MaskBand",
}  # fmt: skip
"""What runs functions, opens files in other ways, or holds further sources."""


def check_virtual(path: Path) -> None:
    """Refuse a virtual raster that does more than put together rasters of its own folder.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    CorruptError
        It is no such XML.
    UnsafeError
        It leads out of its folder, to a server, or to code.
    NotFoundError
        A raster that it names is missing.
    """
    content = path.read_bytes()
    if len(content) > LARGEST:
        raise UnsafeError(f"is a virtual raster of {len(content):,} bytes", path=path)
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise UnsafeError("declares entities, which no virtual raster needs", path=path)
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError) as error:
        raise CorruptError("is no XML", path=path) from error
    if root.tag != "VRTDataset" or root.get("subClass"):
        raise UnsafeError(
            f"is a virtual raster of the kind {root.get('subClass')!r}, which isn't read", path=path
        )
    for element in root.iter():
        kind = element.get("subClass", "VRTSourcedRasterBand") if element.tag == "VRTRasterBand" else ""
        if element.tag in _FORBIDDEN or (kind and kind not in _KNOWN):
            raise UnsafeError(
                f"uses {kind if element.tag == 'VRTRasterBand' else element.tag}, which isn't read", path=path
            )
        if element.tag in _NAMES:
            _check_source(path, element)


def _check_source(path: Path, element: ElementTree.Element) -> None:
    name = (element.text or "").strip()
    relative = element.get("relativeToVRT") == "1"
    folder = path.resolve().parent
    other = (folder / name).resolve()
    if not name or not relative or ":" in name or name.startswith("/") or folder not in other.parents:
        raise UnsafeError(
            f"takes its pixels from {name[:200]!r}, which isn't a file of its folder", path=path
        )
    if not other.is_file():
        raise NotFoundError(f"takes its pixels from {name!r}, which is missing", path=path)
    with other.open("rb") as file:
        head = file.read(1 << 16)
    if not head.startswith(_MAGIC) and driver_of(head) in (None, "VRT"):
        raise UnsafeError(
            f"takes its pixels from {name!r}, which is no TIFF, PNG, JPEG, ERDAS, NITF or GRIB", path=path
        )
