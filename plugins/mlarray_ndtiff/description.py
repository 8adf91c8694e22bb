"""What a data set says of its image: sizes, channels, times, and where the stage was."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

from mlarray_core import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlarray_io import Context
    from mlarray_ndtiff.grid import Grid
    from mlarray_ndtiff.stacks import Planes

    Told = Mapping[str, Any]

_DISPLAY, _LONGEST = "display_settings.txt", 4 << 20
_STAGE = {axis: (f"{axis}Position_um_Intended", f"{axis}PositionUm") for axis in "XYZ"}
"""Where the stage was meant to be (AcqEngJ) or was (Micro-Manager), in um."""
_EVEN = 1e-3
"""Share of a step by which planes may lie beside their place in an even stack."""


class Description:
    """What is told of an image and of its planes.

    Parameters
    ----------
    grid
        Its planes.
    stacks
        The files.
    """

    def __init__(self, grid: Grid, stacks: Planes) -> None:
        self._grid, self._stacks = grid, stacks
        self._first = min(grid.planes)
        entry = min(grid.planes[self._first].items())[1]
        self.plane: Told = stacks.told(entry) or {}
        self.summary: Told = stacks.summary(entry.name) or {}

    def along(self, letter: str) -> list[Told] | None:
        """Return what is told of the first plane at each place along an axis; None where one isn't stored."""
        at = next((n for n, axis in enumerate(self._grid.axes) if axis.letter == letter), None)
        if at is None:
            return None
        found: list[Told] = []
        for place in range(len(self._grid.axes[at].values)):
            tiles = self._grid.planes.get((*self._first[:at], place, *self._first[at + 1 :]))
            told = self._stacks.told(min(tiles.items())[1]) if tiles else None
            if told is None:
                return None
            found.append(told)
        return found

    @property
    def pixel_size(self) -> float | None:
        """The size of a pixel in um, None where the microscope wasn't calibrated."""
        sizes = (number_of(self.plane, "PixelSizeUm"), number_of(self.summary, "PixelSize_um"))
        return next((size for size in sizes if size and size > 0), None)

    def depth(self, context: Context) -> float | None:
        """Return the distance of planes in um: of where the stage was meant to be, or what is told of it."""
        told = self.along("Z") or []
        for name in _STAGE["Z"]:
            places = numbers_of(told, name)
            if places is None or len(set(places)) < 2:
                continue
            step = (places[-1] - places[0]) / (len(places) - 1)
            off = max(abs(place - places[0] - step * at) for at, place in enumerate(places))
            if off <= _EVEN * abs(step):
                return abs(step)
            if name == _STAGE["Z"][0]:
                context.warn("its planes along z lie unevenly, and their distance is left unknown")
                return None
        return abs(self._stride("Z") * (number_of(self.summary, "z-step_um") or 0)) or None

    def _stride(self, letter: str) -> int:
        """Return how many steps of the acquisition are between two places: some may never have been taken."""
        found = next((axis.values for axis in self._grid.axes if axis.letter == letter), ())
        return found.step if isinstance(found, range) else 1

    def times(self) -> list[float] | None:
        """Return the seconds at which planes came, None where they aren't all told, or don't rise."""
        found = numbers_of(self.along("T") or [], "ElapsedTime-ms")
        seconds = [value / 1000 for value in found or ()]
        return seconds if seconds and all(a < b for a, b in itertools.pairwise(seconds)) else None

    @property
    def interval(self) -> float | None:
        """The seconds between two times as they were planned, None where that isn't told."""
        value = number_of(self.summary, "Interval_ms")
        return self._stride("T") * value / 1000 if value and value > 0 else None

    def stage(self) -> dict[str, float]:
        """Return where the stage was at the first plane, in um, by axis."""
        places = {axis: [number_of(self.plane, name) for name in names] for axis, names in _STAGE.items()}
        told = {axis: [place for place in found if place is not None] for axis, found in places.items()}
        return {axis: found[0] for axis, found in told.items() if found}

    def channels(self, folder: Path) -> list[Channel]:
        """Return names and colours of the channels, as far as they are told."""
        axis = next((one for one in self._grid.axes if one.letter == "C"), None)
        names: Sequence[object] = [self.plane.get("Channel")]
        if axis is not None:
            names = axis.values
            if not all(isinstance(name, str) for name in names):
                told, listed = self.along("C"), self.summary.get("ChNames")
                names = [one.get("Channel") for one in told] if told else []
                if isinstance(listed, list) and len(listed) == len(axis.values):
                    names = listed
        if not names or not all(isinstance(name, str) and name for name in names):
            return []
        shown, colours = _display(folder), self.summary.get("ChColors")
        if not isinstance(colours, list) or len(colours) != len(names):
            colours = [None] * len(names)
        return [
            _channel(str(name), colour if shown.get(str(name)) is None else shown[str(name)].get("Color"))
            for name, colour in zip(names, colours, strict=True)
        ]


def _channel(name: str, color: object) -> Channel:
    channel = Channel(name=name)
    if type(color) is int:
        # Java's: alpha, red, green and blue in a signed number
        channel["color"] = f"#{color & 0xFFFFFF:06X}"
    return channel


def _display(folder: Path) -> Told:
    """Return how channels are shown, by name; nothing where that can't be read."""
    for path in (folder / _DISPLAY, folder.parent / _DISPLAY):
        if path.is_file() and path.stat().st_size <= _LONGEST:
            try:
                found = json.loads(path.read_text(encoding="utf-8", errors="replace"))
            except (OSError, ValueError, RecursionError):
                return {}
            told = found.items() if isinstance(found, dict) else ()
            return {name: value for name, value in told if isinstance(value, dict)}
    return {}


def number_of(told: Told, name: str) -> float | None:
    """Return a finite number of JSON, None for what is none."""
    value: Any = told.get(name, "")
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def numbers_of(told: Sequence[Told], name: str) -> list[float] | None:
    """Return the number that each plane tells, None unless all of them do."""
    found = [value for one in told if (value := number_of(one, name)) is not None]
    return found if found and len(found) == len(told) else None
