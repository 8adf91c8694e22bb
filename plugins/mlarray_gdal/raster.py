"""Opening a raster with few of GDAL's drivers, and without the network. Runs in the other process."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from mlarray_core.errors import CorruptError, UnsafeError, UnsupportedError
from mlarray_gdal.grids import check_grids, grids_of
from mlarray_gdal.nitf import compressions
from mlarray_gdal.packings import check_packings, packings_of
from mlarray_gdal.signature import driver_of
from mlarray_gdal.virtual import check_virtual
from mlarray_io.sdk import damage_named, in_a_line

# GDAL looks at these when it starts: no driver that reaches servers, runs code, or follows names elsewhere
os.environ["GDAL_SKIP"] = (
    "HTTP WMS WCS WMTS PLMOSAIC EEDA EEDAI DAAS STACIT STACTA OGCAPI NGW MVT MBTiles GTI DERIVED Zarr PDF "
    "TIL KMLSUPEROVERLAY"
)
os.environ["GDAL_VRT_ENABLE_PYTHON"] = "NO"
os.environ["GDAL_DRIVER_PATH"] = "disable"
# else columns of a GRIB from 0 to 360 degrees are cut in two and change places, to run from -180
os.environ["GRIB_ADJUST_LONGITUDE_RANGE"] = "NO"
os.environ["GRIB_NORMALIZE_UNITS"] = "NO"  # else kelvins become degrees Celsius
os.environ["CPL_VSIL_CURL_ALLOWED_FILENAME"] = "none"

import rasterio
from rasterio.errors import RasterioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GDAL = rasterio.__gdal_version__
Raster = Any
"""An object of rasterio's."""
_MISSING = re.compile(r"missing codec (?:of code )?(\w+)")
"""GDAL of a TIFF that a VRT names."""
_UNPACK = {
    "NITF": "Decompress it by another GDAL (gdal_translate -co IC=NC IN OUT), if it isn't damaged",
    "GRIB": "Pack it simply (ecCodes: grib_set -r -s packingType=grid_simple IN OUT), if it isn't damaged",
}
_FAILURES = (RasterioError, OSError, ValueError, RuntimeError, TypeError, KeyError, ArithmeticError)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say which file is damaged when GDAL raises within, or packed in a way that GDAL doesn't unpack.

    Raises
    ------
    UnsupportedError
        The file is as long as it says, and compressed; or GDAL lacks a codec by its own words.
    CorruptError
        Anything else that GDAL raises.
    """
    try:
        with damage_named(path, "is damaged", "rasterio", "mlarray_gdal", kinds=_FAILURES, told=_cause):
            yield
    except CorruptError as error:
        reason = _reason(path, error.__cause__)
        if reason is None:
            raise
        text, hint = reason
        raise UnsupportedError(text, path=path, hint=hint) from error


def _reason(path: Path, error: BaseException | None) -> tuple[str, str] | None:
    """Return why GDAL can't read a file that isn't damaged, as far as it can be told, and what to do."""
    if error is None:
        return None
    said = in_a_line(error.__cause__ or error)
    missing = _MISSING.search(said)
    if missing:
        text = f"leads to a TIFF of a compression, {missing[1]}, that GDAL {_GDAL} has no codec for ({said})"
        return text, "Convert that file by itself"
    with path.open("rb") as file:
        driver = driver_of(file.read(1 << 16))
    packed = {"NITF": compressions, "GRIB": packings_of}.get(driver or "", lambda _: [])(path)
    if not packed:
        return None
    return (
        f"is compressed as {', '.join(packed)}, which GDAL {_GDAL} can't decode here ({said})",
        _UNPACK[str(driver)],
    )


def _cause(error: Exception) -> str:
    return in_a_line(error.__cause__ or error)


class Checked(NamedTuple):
    """A file that may be opened.

    Attributes
    ----------
    path
        Of the file.
    driver
        The one of GDAL's that is for its first bytes.
    grids
        Of a GRIB: on how many grids its fields lie; 1 for other formats.
    """

    path: Path
    driver: str
    grids: int


def check_file(path: Path) -> Checked:
    """Look at a file before GDAL sees it.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    UnsupportedError
        None of the drivers is for it, or it holds fields that its driver gets wrong.
    UnsafeError
        It takes its pixels from elsewhere.
    """
    with path.open("rb") as file:
        driver = driver_of(file.read(1 << 16))
    if driver is None:
        raise UnsupportedError("is of no kind that is read through GDAL", path=path)
    if driver == "VRT":
        check_virtual(path)
    grids = grids_of(path) if driver == "GRIB" else []
    check_grids(grids, path)
    if grids:
        check_packings(path)
    return Checked(path, driver, max(1, len(grids)))


def open_checked(file: Checked, name: str | None = None) -> Raster:
    """Open a file by the driver for its first bytes, and no other.

    Parameters
    ----------
    file
        What `check_file` found.
    name
        What GDAL calls a raster of it, where there are several.

    Raises
    ------
    UnsafeError
        Its header leads to files outside of its folder.
    """
    path = file.path
    found = rasterio.open(name or os.path.abspath(path), "r", driver=file.driver)
    folder = os.path.realpath(path.parent)
    for other in found.files:
        if other.startswith("/vsi") or not os.path.realpath(other).startswith(folder + os.sep):
            found.close()
            raise UnsafeError(f"belongs together with {other!r}, outside of its folder", path=path)
    return found


def names_of(raster: Raster) -> list[str]:
    """Return what GDAL calls the rasters of a file that holds several; none where it holds one."""
    found = [str(name) for name in raster.subdatasets]
    return found if len(found) > 1 or (found and not raster.count) else []
