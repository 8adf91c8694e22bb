"""What Imaris says of an image: where it lies, when its volumes came, and what its channels are."""

from __future__ import annotations

import itertools
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlarray_core import Channel, units
from mlarray_io.sdk import NamedAxis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_io import Context

_WAVELENGTHS = {"Emission": "LSMEmissionWavelength", "Excitation": "LSMExcitationWavelength"}
"""What Imaris calls those of a channel, nm; 0 where they are unknown."""


class ImarisInfo:
    """The attributes of the groups of ``DataSetInfo``.

    Parameters
    ----------
    groups
        By name. Imaris writes texts as arrays of single characters.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, Any]]) -> None:
        self.told: dict[str, dict[str, Any]] = {
            name: {key: _joined(value) for key, value in attributes.items()}
            for name, attributes in groups.items()
        }

    def text(self, group: str, name: str) -> str:
        """Return an attribute as text, empty where it isn't there."""
        return str(self.told.get(group, {}).get(name, "")).rstrip("\0")

    def number(self, group: str, name: str) -> float | None:
        """Return an attribute as a finite number, None where it is none."""
        try:
            value = float(self.text(group, name))
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    def axes(self, shape: Sequence[int], context: Context) -> list[NamedAxis]:
        """Return the axes t, c, z, y, x.

        ``ExtMin`` and ``ExtMax``, x first, are the outer edges of the first and last voxel (Imaris 5.5 file
        format, "DataSetInfo/Image"). Where they fall, so do positions.

        Parameters
        ----------
        shape
            Sizes of the axes.
        context
            Where it is told what isn't known.
        """
        unit = units.symbol_of(self.text("Image", "Unit"))
        found = [
            NamedAxis(letter="T", size=shape[0], unit="s", values=self._times(shape[0], context)),
            NamedAxis(letter="C", size=shape[1]),
        ]
        for letter, axis, size in zip("ZYX", (2, 1, 0), shape[2:], strict=True):
            low, high = (self.number("Image", f"Ext{end}{axis}") for end in ("Min", "Max"))
            if low is None or high is None or low == high:
                # a plane has no thickness, and lies somewhere all the same
                found.append(NamedAxis(letter=letter, size=size, start=low or 0.0))
                continue
            step = (high - low) / size
            found.append(NamedAxis(letter=letter, size=size, step=step, unit=unit, start=low + step / 2))
        if not any(axis.known for axis in found):
            context.warn("says nothing of where its edges are: sizes of voxels and position are unknown")
        return found

    def _times(self, count: int, context: Context) -> list[float] | None:
        """Return seconds since the first volume; None unless each is told and they rise."""
        told = [self.text("TimeInfo", f"TimePoint{number}") for number in range(1, count + 1)]
        if count < 2 or not any(told):
            return None
        try:
            moments = [datetime.fromisoformat(text) for text in told]
            seconds = [(moment - moments[0]).total_seconds() for moment in moments]
        except (ValueError, TypeError):
            seconds = []
        if not seconds or any(a >= b for a, b in itertools.pairwise(seconds)):
            context.warn("its times aren't all told, or don't rise: they are only kept in the header")
            return None
        return seconds

    def channels(self, count: int) -> list[Channel]:
        """Return name, colour and wavelengths of each channel; nothing where none of them has a name."""
        found = [self._channel(f"Channel {number}") for number in range(count)]
        return found if any(channel.name for channel in found) else []

    def _channel(self, group: str) -> Channel:
        channel = Channel(name=self.text(group, "Name"))
        parts = self.text(group, "Color").split()
        if self.text(group, "ColorMode") in ("", "BaseColor") and len(parts) == 3:
            try:
                channel["color"] = "#" + "".join(
                    f"{round(255 * min(max(float(part), 0), 1)):02X}" for part in parts
                )
            except ValueError:
                channel.pop("color", None)
        for what, name in _WAVELENGTHS.items():
            length = self.number(group, name)
            if length and length > 0:
                channel[f"{what}Wavelength"], channel[f"{what}WavelengthUnit"] = length, "nm"
        return channel


def _joined(value: object) -> Any:
    """Return the text of an array of single characters, other values as they are."""
    if isinstance(value, list) and all(isinstance(one, str) and len(one) <= 1 for one in value):
        return "".join(value)
    return value
