"""What the settings of an OIF say: distances, positions along axes, channels ("FV1000 OIF format")."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from mlarray_core import Channel, units
from mlarray_io.sdk import NamedAxis

if TYPE_CHECKING:
    from collections.abc import Mapping

    Settings = Mapping[str, Mapping[str, object]]

_NAMES = {"L": "wavelength", "A": "angle"}
_PLANE = {"X": "Width", "Y": "Height"}


def axis_of(settings: Settings, letter: str, size: int) -> NamedAxis:
    """Return an axis: x and y by the size of a pixel, others but channels by their first and last position.

    Lengths are given in um, whatever unit the file has.

    Parameters
    ----------
    settings
        Of the main file, by section and name.
    letter
        Of the axis.
    size
        How many voxels it has.
    """
    if letter in _PLANE:
        told = settings.get("Reference Image Parameter", {})
        step = _number(told.get(f"{_PLANE[letter]}ConvertValue"))
        return _axis(letter, size, step, 0.0, str(told.get(f"{_PLANE[letter]}Unit", "")))
    if letter == "C":  # FluoView counts them from 1, in the unit "Ch"
        return NamedAxis(letter=letter, size=size)
    for section in (f"Axis {number} Parameters Common" for number in range(8)):
        told = settings.get(section, {})
        if told.get("AxisCode") == letter:
            first, last = _number(told.get("StartPosition")), _number(told.get("EndPosition"))
            if first is None or last is None or size < 2:
                break
            step = (last - first) / (size - 1)
            return _axis(letter, size, step, first, str(told.get("UnitName", "")))
    return NamedAxis(letter=letter, size=size, name=_NAMES.get(letter, ""))


def _axis(letter: str, size: int, step: float | None, start: float, spelt: str) -> NamedAxis:
    unit = units.symbol_of(spelt)
    factor = units.factor(unit, "um") if letter in "XYZ" else None
    if step is None or not unit:
        return NamedAxis(letter=letter, size=size, name=_NAMES.get(letter, ""))
    if factor is not None:
        step, start, unit = step * factor, start * factor, "um"
    return NamedAxis(letter=letter, size=size, step=step, unit=unit, start=start, name=_NAMES.get(letter, ""))


def channels_of(settings: Settings, count: int) -> list[Channel]:
    """Return what is said of the channels, where it is said of just so many."""
    found = []
    sections = [name for name in settings if re.fullmatch(r"GUI Channel \d+ Parameters", name)]
    for section in sorted(sections, key=lambda name: int(name.split()[2])):
        told = settings[section]
        channel = Channel(name=str(told.get("CH Name") or told.get("DyeName") or ""))
        if told.get("DyeName"):
            channel["Fluor"] = str(told["DyeName"])
        for key in ("EmissionWavelength", "ExcitationWavelength"):
            value = _number(told.get(key))
            if value:
                channel[key], channel[f"{key}Unit"] = value, "nm"
        found.append(channel)
    return found if len(found) == count and any(found) else []


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
