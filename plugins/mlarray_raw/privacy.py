"""What headers in text say about a person: every key that the voxels don't need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = {
    "interfile": (
        "matrix", "scaling factor", "scale factor", "number", "imagedata byte order", "image data byte order",
        "type of data", "process status", "first pixel offset", "slice", "centre", "data offset",
        "pet data type",
    ),
    "envi": (
        "samples", "lines", "bands", "header offset", "file type", "data type", "interleave", "byte order",
        "wavelength", "fwhm", "map info", "coordinate system string", "pixel size", "data ignore value",
        "classes", "class names", "class lookup", "band names",
    ),
    "esri": ("n", "b", "layout", "skipbytes", "pixeltype", "totalrowbytes", "ul", "xdim", "ydim", "prj"),
    "vgi": (),
}  # fmt: skip
"""What the keys begin with that say how voxels lie and what they are."""


def deidentified(format: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header with the keys that its voxels need.

    Parameters
    ----------
    format
        Of the header.
    source
        The header.
    """
    return {key: value for key, value in source.items() if key.lower().startswith(_KEYS[format])}
