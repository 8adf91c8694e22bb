"""Where a raster lies: its affine in the reference system, and what that is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mlarray_gdal.raster import Raster

_NAME = re.compile(r'^\s*[A-Z_]+\["([^"]+)"')


def affine_of(raster: Raster) -> npt.NDArray[np.float64] | None:
    """Return the affine to centres of pixels, rows x and y, columns in array order; None without a place.

    GDAL's transformation leads to the corners of pixels (GDAL's "Raster Data Model", "Affine GeoTransform").

    Parameters
    ----------
    raster
        Of rasterio.
    """
    found = raster.transform
    if found.is_identity:
        return None
    a, b, c, d, e, f = found[:6]
    affine = np.array(
        [[b, a, c + (a + b) / 2], [e, d, f + (d + e) / 2], [0.0, 0.0, 1.0]],
        dtype=np.float64,
    )
    usable = np.isfinite(affine).all() and abs(np.linalg.det(affine)) > 0
    return affine if usable else None


def world_of(raster: Raster) -> str | None:
    """Return the name of the reference system: ``EPSG:32633`` where it is exactly that, else its words."""
    if not raster.crs:
        return None
    code = raster.crs.to_epsg(confidence_threshold=100)
    if code is not None:
        return f"EPSG:{code}"
    words = _NAME.match(raster.crs.to_wkt())
    return words[1] if words and words[1].lower() not in ("unnamed", "unknown") else None
