"""Which of GDAL's drivers a file is for. Standard library only."""

from __future__ import annotations

import re

_GEOJP2 = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
"""The box of GeoJP2 (1.0.3)."""
_GRID = re.compile(rb"\s*ncols\s+\d+\s+nrows\s+\d+\s", re.IGNORECASE)


def driver_of(head: bytes) -> str | None:
    """Return the name of the driver for a file that begins with `head`; None for none that is used."""
    if head.startswith(b"EHFA_HEADER_TAG"):
        return "HFA"
    if head.startswith((b"NITF0", b"NSIF0")):
        return "NITF"
    if head.startswith(b"GRIB") and len(head) > 8 and head[7] in (1, 2):
        return "GRIB"
    if head.startswith(b"\0\0\0\x0cjP  \r\n\x87\n") and (_GEOJP2 in head or b"gml.data" in head):
        return "JP2OpenJPEG"
    if _GRID.match(head):
        return "AAIGrid"
    return "VRT" if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<VRTDataset") else None
