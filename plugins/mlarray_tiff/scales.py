"""Distances between voxels and between time points: what units are called, what plain TIFF and ImageJ say."""

from __future__ import annotations

import codecs
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mlarray_core import units

if TYPE_CHECKING:
    from collections.abc import Mapping


class Scale(NamedTuple):
    """A distance and its unit."""

    step: float
    unit: str


Scales = dict[str, Scale]
"""By axis letter: X, Y, Z, T."""

_NONE = ("", "pixel", "pixels", "reference frame")
"""What OME, ImageJ and vendors write where there is no unit."""

_DEFAULT_DPI = (1.0, 72.0, 96.0, 100.0)
"""Dots per inch that programs write for want of knowledge."""

_SCREEN_DPI = (72.0, 96.0)
"""Those of them that ImageJ turns into its own units when it opens such a file."""

_INCH, _CENTIMETRE = 2, 3
_PER_INCH = {_INCH: 1.0, _CENTIMETRE: 2.54}
_DOTTED = ("um", "mm", "cm", "inch")
"""Units that ImageJ turns dots per inch into."""
_PHYSICAL = {_INCH: "inch", _CENTIMETRE: "cm"}


def unit_of(text: object) -> str:
    """Return our name of a unit: ``um`` for every spelling of it, empty for pixels, others verbatim."""
    spelt = _unescaped(str(text)).strip().strip("\0")
    quoted = re.fullmatch(r"\('(.*)',\)", spelt)  # a Python tuple that was written as text
    spelt = quoted.group(1) if quoted else spelt
    return "" if spelt.lower() in _NONE else units.symbol_of(spelt)


def _unescaped(text: str) -> str:
    """Undo the escapes that Java programs write for letters beyond ASCII."""
    return re.sub(r"\\u[0-9a-fA-F]{4}", lambda match: codecs.decode(match.group(), "unicode_escape"), text)


def pixel_size(resolution: object) -> float:
    """Return the size of a pixel from a resolution: a fraction, or a number. 0 when there is none."""
    try:
        top, bottom = resolution if isinstance(resolution, tuple | list) else (resolution, 1)
        value = float(bottom) / float(top)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0


def plain_scales(tags: Mapping[int, object]) -> Scales:
    """Return the pixel size that resolution tags give, in their unit; none for what is only a default.

    TIFF 6.0, "XResolution", "ResolutionUnit". Without a unit they are an aspect ratio.
    """
    unit = _as_int(tags.get(296, _INCH))
    sizes = {"X": pixel_size(tags.get(282)), "Y": pixel_size(tags.get(283))}
    if unit not in _PHYSICAL or not all(sizes.values()):
        return {}
    dpi = [_PER_INCH[unit] / size for size in sizes.values()]
    if all(any(math.isclose(value, usual, rel_tol=1e-3) for usual in _DEFAULT_DPI) for value in dpi):
        return {}
    if all(math.isclose(size, 1.0) for size in sizes.values()):
        return {}
    return {axis: Scale(size, _PHYSICAL[unit]) for axis, size in sizes.items()}


def imagej_scales(info: Mapping[str, object], tags: Mapping[int, object]) -> Scales:
    """Return what ImageJ's description says: pixels per ``unit``, distance of slices, time between frames."""
    scales: Scales = {}
    unit = unit_of(info.get("unit", ""))
    if unit:
        for axis, code in (("X", 282), ("Y", 283)):
            size = pixel_size(tags.get(code))
            if size > 0:
                scales[axis] = Scale(size, unit_of(info.get(f"{axis.lower()}unit", unit)))
        if scales and all(map(_is_screen, scales.values())):
            scales = {}
        depth = number(info.get("spacing"))
        if depth != 0:
            scales["Z"] = Scale(abs(depth), unit_of(info.get("zunit", unit)))
    else:
        scales = plain_scales(tags)
    interval = number(info.get("finterval"))
    if interval > 0:
        scales["T"] = Scale(interval, unit_of(info.get("tunit", "s")))
    return scales


def named_scales(info: Mapping[str, object]) -> Scales:
    """Return the sizes and the increment of time that attributes say by OME's names, as tifffile's JSON does.

    OME-XML's schema, "Pixels": micrometres and seconds, unless they name another unit.
    """
    scales: Scales = {}
    for axis in "XYZ":
        size = number(info.get(f"PhysicalSize{axis}"))
        if size > 0:
            scales[axis] = Scale(size, unit_of(info.get(f"PhysicalSize{axis}Unit", "µm")))
    increment = number(info.get("TimeIncrement"))
    if increment > 0:
        scales["T"] = Scale(increment, unit_of(info.get("TimeIncrementUnit", "s")))
    return scales


def _is_screen(scale: Scale) -> bool:
    per_inch = units.factor("inch", scale.unit) if scale.unit in _DOTTED else None
    dpi = (per_inch or 0.0) / scale.step
    return any(math.isclose(dpi, usual, rel_tol=1e-3) for usual in _SCREEN_DPI)


def number(value: Any) -> float:
    """Return a finite number, 0 for what is none."""
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return result if math.isfinite(result) else 0.0


def _as_int(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
