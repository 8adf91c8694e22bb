"""What an ND2 says of its image: channels, times, steps, and where the stage was."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from mlarray_core import Channel
from mlarray_io.sdk import header_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nd2 import ND2File


def header_of(file: ND2File) -> dict[str, Any]:
    """Return the header as JSON: attributes, metadata, experiment and texts, in nd2's words."""
    return {
        "attributes": header_values(file.attributes),
        "metadata": header_values(file.metadata),
        "experiment": header_values(file.experiment),
        "text_info": header_values(file.text_info),
    }


def channels_of(file: ND2File, count: int) -> list[Channel]:
    """Return what is said of each channel; nothing where it isn't said of just so many."""
    found = []
    for one in getattr(file.metadata, "channels", None) or ():
        told = one.channel
        channel = Channel(name=str(told.name or ""))
        for key, value in (
            ("EmissionWavelength", told.emissionLambdaNm),
            ("ExcitationWavelength", told.excitationLambdaNm),
        ):
            if value:
                channel[key], channel[f"{key}Unit"] = float(value), "nm"
        color = told.color
        if color is not None and hasattr(color, "r"):
            channel["color"] = f"#{int(color.r):02X}{int(color.g):02X}{int(color.b):02X}"
        found.append(channel)
    return found if len(found) == count else []


def sizes_of(file: ND2File) -> dict[str, float]:
    """Return the sizes of voxels in um, of those that are calibrated."""
    channels = getattr(file.metadata, "channels", None)
    if not channels:
        return {}
    volume = channels[0].volume
    found = zip("XYZ", volume.axesCalibrated, volume.axesCalibration, strict=True)
    sizes = {letter: float(size) for letter, known, size in found if known and size}
    for loop in file.experiment:
        if loop.type == "ZStackLoop":
            step = float(loop.parameters.stepUm)
            if step:
                sizes["Z"] = abs(step)
    return {letter: size for letter, size in sizes.items() if math.isfinite(size) and size > 0}


def times_of(file: ND2File, numbers: Sequence[int]) -> list[float] | None:
    """Return the seconds at which frames were acquired, None where they aren't all said."""
    found = []
    for number in numbers:
        time = _first(file, number, "time")
        value = getattr(time, "relativeTimeMs", None)
        if value is None or not math.isfinite(value):
            return None
        found.append(float(value) / 1000)
    return found if all(a < b for a, b in itertools.pairwise(found)) else None


def stage_of(file: ND2File, number: int) -> list[float] | None:
    """Return where the stage was at a frame: x, y and z in um."""
    place = getattr(_first(file, number, "position"), "stagePositionUm", None)
    return None if place is None else [float(value) for value in place]


def _first(file: ND2File, number: int, name: str) -> object:
    metadata = file.frame_metadata(number)
    channels = getattr(metadata, "channels", None)
    return getattr(channels[0], name, None) if channels else None
