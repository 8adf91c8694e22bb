"""The XML of a CZI ("ImageDocument"): sizes of pixels, channels, names of scenes."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from mlarray_core import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

_IMAGE = "./Metadata/Information/Image"
_NANOMETRES = {"ExcitationWavelength": "nm", "EmissionWavelength": "nm"}
_FIELDS = ("Fluor", "AcquisitionMode", "ContrastMethod", "IlluminationType", "PinholeSizeAiry")
"""Elements of a channel that OME has under the same name, and Zeiss's own measure of the pinhole."""


class Description:
    """What the XML says.

    Parameters
    ----------
    text
        The XML; what is none says nothing.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.root: Element | None = ElementTree.fromstring(text)
        except (ElementTree.ParseError, ValueError):
            self.root = None

    def _all(self, path: str) -> list[Element]:
        return [] if self.root is None else self.root.findall(path)

    def step(self, letter: str) -> float | None:
        """Return the size of a pixel along x, y or z in um, None when it is unknown. The file has metres."""
        for distance in self._all(f"./Metadata/Scaling/Items/Distance[@Id='{letter}']"):
            try:
                value = float(Decimal((distance.findtext("Value") or "").strip()).scaleb(6))
            except (InvalidOperation, OverflowError, ValueError):
                continue
            if math.isfinite(value) and value > 0:
                return value
        return None

    def interval(self) -> float | None:
        """Return the seconds between time points, None when they aren't evenly spaced or unknown."""
        for text in self._all(f"{_IMAGE}/Dimensions/T/Positions/Interval/Increment"):
            value = _number(text.text)
            if value is not None and value > 0:
                return value
        return None

    def channels(self, indices: Sequence[int]) -> list[Channel]:
        """Return what is said of channels: names, wavelengths, colours. None where nothing is said."""
        shown = {
            channel.get("Id"): channel for channel in self._all("./Metadata/DisplaySetting/Channels/Channel")
        }
        elements = self._all(f"{_IMAGE}/Dimensions/Channels/Channel")
        if max(indices) >= len(elements):
            return []
        found = [_channel(elements[index], shown.get(elements[index].get("Id"))) for index in indices]
        return found if any(one.name or len(one) > 1 for one in found) else []

    def scene_name(self, index: int | None) -> str:
        """Return the name of a scene, empty when it has none."""
        for scene in self._all(f"{_IMAGE}/Dimensions/S/Scenes/Scene"):
            if scene.get("Index") == str(index):
                return scene.get("Name") or ""
        return ""

    def centre(self, index: int | None) -> list[float] | None:
        """Return the stage's position of the centre of a scene, x and y in um."""
        for scene in self._all(f"{_IMAGE}/Dimensions/S/Scenes/Scene"):
            if scene.get("Index") == str(index):
                found = [_number(part) for part in (scene.findtext("CenterPosition") or "").split(",")]
                return [part for part in found if part is not None] if None not in found else None
        return None


def _channel(element: Element, shown: Element | None) -> Channel:
    found = Channel(name=element.get("Name") or (shown.get("Name") if shown is not None else "") or "")
    for key, unit in _NANOMETRES.items():
        value = _number(element.findtext(key))
        if value is not None:
            found[key], found[f"{key}Unit"] = value, unit
    for key in _FIELDS:
        text = (element.findtext(key) or "").strip()
        if text:
            found[key] = text
    color = element.findtext("Color") or (shown.findtext("Color") if shown is not None else None)
    if color:
        found["color"] = color.strip()
    return found


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
