"""Pixel sizes where microscopes and scanners put them, each in a place of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlarray_tiff.read.microscopes import lsm_scales, stk_scales
from mlarray_tiff.scales import Scale, Scales, number, pixel_size, unit_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tifffile import TiffFile, TiffPage


def vendor_scales(file: TiffFile, page: TiffPage) -> Scales | None:
    """Return the scales of a file that a vendor's program wrote, None when it is no such file."""
    for kind, read in _READERS.items():
        if getattr(file, f"is_{kind}", False):
            found = {axis: scale for axis, scale in read(file, page).items() if scale.step > 0}
            return found or None
    return None


def vendor_metadata(file: TiffFile) -> dict[str, Any]:
    """Return the metadata of a vendor as tifffile parses it, by the vendor's name."""
    found = {}
    for kind in (*_READERS, "sis", "andor", "scanimage", "mdgel", "astrotiff", "tvips"):
        if getattr(file, f"is_{kind}", False) and kind not in ("svs", "philips", "bif"):
            content = getattr(file, f"{kind}_metadata", None)
            if content:
                found[kind] = content
    return found


def _both(size: float, unit: str) -> Scales:
    return {"X": Scale(size, unit), "Y": Scale(size, unit)}


def _get(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _svs(file: TiffFile, page: TiffPage) -> Scales:
    """Read Aperio's description: micrometres per pixel."""
    found = re.search(r"\bMPP\s*=\s*([0-9.eE+-]+)", page.description)
    return _both(number(found.group(1)), "um") if found else {}


def _philips(file: TiffFile, page: TiffPage) -> Scales:
    """Read the first DICOM_PIXEL_SPACING of Philips' XML: rows, columns, in mm."""
    quoted = r'DICOM_PIXEL_SPACING"[^>]*>\s*(?:&quot;|")([0-9.eE+-]+)(?:&quot;|")\s*(?:&quot;|")([0-9.eE+-]+)'
    found = re.search(quoted, file.philips_metadata or "")
    if not found:
        return {}
    return {"Y": Scale(number(found.group(1)), "mm"), "X": Scale(number(found.group(2)), "mm")}


def _bif(file: TiffFile, page: TiffPage) -> Scales:
    """Read Ventana's XML: micrometres per pixel."""
    for one in file.pages[:2]:
        text = one.tags.valueof(700, b"") if hasattr(one, "tags") else b""
        found = re.search(rb'ScanRes="([0-9.]+)"', text if isinstance(text, bytes) else b"")
        if found:
            return _both(number(found.group(1).decode()), "um")
    return {}


def _fei(file: TiffFile, page: TiffPage) -> Scales:
    """Read FEI's and Thermo Fisher's sections: metres."""
    info = file.fei_metadata or {}
    for section in ("Scan", "EScan", "IScan", "IRScan", "Image"):
        width, height = _get(info, section, "PixelWidth"), _get(info, section, "PixelHeight")
        if number(width) > 0 and number(height) > 0:
            return {"X": Scale(number(width), "m"), "Y": Scale(number(height), "m")}
    return {}


def _sem(file: TiffFile, page: TiffPage) -> Scales:
    """Read Zeiss SEM's entry for the pixel size: name, value, unit."""
    info = file.sem_metadata or {}
    for key in ("ap_image_pixel_size", "ap_pixel_size"):
        entry = info.get(key)
        if entry is not None and len(entry) >= 3:
            return _both(number(entry[1]), unit_of(entry[2]))
    return {}


def _sis(file: TiffFile, page: TiffPage) -> Scales:
    """Read Olympus' sizes: metres."""
    info = file.sis_metadata or {}
    return {axis: Scale(number(info.get(f"pixelsize{axis.lower()}")), "m") for axis in "XY"}


def _metaseries(file: TiffFile, page: TiffPage) -> Scales:
    """Read MetaXpress' plane information."""
    info = _get(file.metaseries_metadata or {}, "PlaneInfo")
    if not info or not _get(info, "spatial-calibration-state"):
        return {}
    unit = unit_of(_get(info, "spatial-calibration-units") or "")
    return {axis: Scale(number(_get(info, f"spatial-calibration-{axis.lower()}")), unit) for axis in "XY"}


def _micromanager(file: TiffFile, page: TiffPage) -> Scales:
    """Read Micro-Manager's summary: micrometres, milliseconds."""
    info = _get(file.micromanager_metadata or {}, "Summary") or {}
    scales = _both(number(info.get("PixelSize_um")), "um")
    scales["Z"] = Scale(abs(number(info.get("z-step_um"))), "um")
    return {**scales, "T": Scale(number(info.get("Interval_ms")), "ms")}


def _fluoview(file: TiffFile, page: TiffPage) -> Scales:
    """Read the dimensions of Olympus FluoView: name, size, origin, step, unit."""
    scales: Scales = {}
    for entry in (file.fluoview_metadata or {}).get("Dimensions", ()):
        if len(entry) >= 5 and str(entry[0]).strip() in ("X", "Y", "Z", "T"):
            scales[str(entry[0]).strip()] = Scale(abs(number(entry[3])), unit_of(entry[4]))
    return scales


def _scn(file: TiffFile, page: TiffPage) -> Scales:
    """Read Leica's resolution tags, which are always real."""
    unit = {2: "inch", 3: "cm"}.get(int(page.tags.valueof(296, 0) or 0), "")
    sizes = {
        axis: Scale(pixel_size(page.tags.valueof(code)), unit) for axis, code in (("X", 282), ("Y", 283))
    }
    return sizes if unit else {}


_READERS: dict[str, Callable[[TiffFile, TiffPage], Scales]] = {
    "stk": stk_scales,
    "lsm": lsm_scales,
    "svs": _svs,
    "philips": _philips,
    "bif": _bif,
    "fei": _fei,
    "sem": _sem,
    "sis": _sis,
    "metaseries": _metaseries,
    "fluoview": _fluoview,
    "micromanager": _micromanager,
    "scn": _scn,
    "ndpi": _scn,
    "qpi": _scn,
}
