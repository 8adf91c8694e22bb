"""Axis letters of tifffile, labels of the schema, and what lies along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core import AxisValues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_tiff.scales import Scales

LABELS = {
    "X": "spatial_x",
    "Y": "spatial_y",
    "Z": "spatial_z",
    "T": "temporal",
    "C": "channel",
    "S": "components",
}
"""Every other letter is an axis that the file doesn't explain: Q and I are not Z."""

NAMES = {
    "I": "sequence", "A": "angle", "P": "phase", "R": "tile", "H": "lifetime", "E": "lambda",
    "L": "exposure", "V": "event", "M": "mosaic", "Q": "other", "J": "column", "K": "row",
}  # fmt: skip
LETTERS = {name: letter for letter, name in NAMES.items()}


def axis_labels(axes: str) -> list[str]:
    """Return the label of each axis; a letter's second axis is none that the schema knows."""
    return [
        LABELS.get(letter, "non_spatial") if axes.index(letter) == index else "non_spatial"
        for index, letter in enumerate(axes)
    ]


def axis_units(axes: str, scales: Scales) -> list[str] | None:
    """Return the unit of each axis, None when no axis has one."""
    units = [
        scales[letter].unit if letter in scales and axes.index(letter) == index else ""
        for index, letter in enumerate(axes)
    ]
    return units if any(units) else None


def spacing(axes: str, scales: Scales) -> list[float] | None:
    """Return the distance of voxels along each spatial axis, None when none is known.

    Where only some are known the others are 1, and have no unit.
    """
    spatial = [letter for index, letter in enumerate(axes) if letter in "XYZ" and axes.index(letter) == index]
    if not any(letter in scales for letter in spatial):
        return None
    return [scales[letter].step if letter in scales else 1.0 for letter in spatial]


def axis_additions(
    axes: str, shape: Sequence[int], scales: Scales, times: Sequence[float], names: Mapping[str, str]
) -> dict[int, AxisValues]:
    """Return time points, and the names of axes that have no label of their own, by axis.

    Parameters
    ----------
    axes
        A letter for each axis.
    shape
        Size of each axis.
    scales
        Steps by letter.
    times
        Time points, if the file has them.
    names
        Of axes by letter, where they differ from the usual ones.
    """
    found: dict[int, AxisValues] = {}
    for index, letter in enumerate(axes):
        if axes.index(letter) != index:
            continue
        if letter == "T" and "T" in scales:
            step, unit = scales["T"]
            values = list(times) if len(times) == shape[index] else [step * at for at in range(shape[index])]
            found[index] = AxisValues("time", unit, values)
        elif letter in NAMES:
            found[index] = AxisValues(names.get(letter, NAMES[letter]))
    return found
