"""Real World Value Mappings: what stored values mean beside their modality transformation (C.7.6.16.2.11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_dicom.elements import has, items_of, number_of, text_of
from mlarray_dicom.frames.enhanced import groups_of, is_enhanced

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.volumes.group import Group

_MAPS = frozenset({"1.2.840.10008.5.1.4.1.1.30"})
"""Parametric Map Storage: its values have no meaning but the mapping, which is mandatory (PS3.3, A.75)."""
_SEQUENCE = "RealWorldValueMappingSequence"


@dataclass(frozen=True)
class RealWorld:
    """A mapping that holds for a whole image.

    Parameters
    ----------
    scale
        Slope and intercept; 1 and 0 when there are several mappings, or a table.
    linear
        Whether slope and intercept say all.
    unit
        Of the real values, as the file has it.
    label
        What the values are.
    applies
        Whether the voxels are to be real values: of parametric maps.
    """

    scale: tuple[float, float]
    linear: bool
    unit: str
    label: str
    applies: bool

    def note(self, *, applied: bool) -> str:
        """Return what the user should know of it."""
        what = " ".join(part for part in (self.label, f"in {self.unit}" if self.unit else "") if part)
        if not self.linear:
            return f"real world value mappings ({what}) are tables or differ: they are in the header only"
        slope, intercept = self.scale
        rule = f"stored values times {slope:g} plus {intercept:g}"
        if applied:
            return f"the voxels are real world values ({what}): {rule}"
        return f"real world values ({what}) are {rule}: they are not applied"


def real_world_of(group: Group) -> RealWorld | None:
    """Return the mapping of an image, None when it has none, or one that changes nothing.

    Raises
    ------
    CorruptError
        A slope or intercept can't be read.
    """
    found: dict[tuple[object, ...], Dataset] = {}
    for file in sorted({frame.file for frame in group.frames}):
        instance = group.instances[file]
        if is_enhanced(instance):
            wanted = {frame.number for frame in group.frames if frame.file == file}
            for number, groups in enumerate(groups_of(instance)):
                if number in wanted:
                    _collect(groups.items(_SEQUENCE), instance.path, found)
        else:
            _collect(list(instance.items(_SEQUENCE)), instance.path, found)
    if not found:
        return None
    (slope, intercept, linear), item = next(iter(found.items()))
    one = len(found) == 1 and bool(linear)
    units = items_of(item, "MeasurementUnitsCodeSequence")
    scale = (float(str(slope)), float(str(intercept))) if one else (1.0, 0.0)
    applies = one and group.first.text("SOPClassUID") in _MAPS
    unit = text_of(units[0], "CodeValue") if units else ""
    if one and scale == (1.0, 0.0) and not unit:
        return None
    return RealWorld(scale, one, unit, text_of(item, "LUTLabel"), applies)


def _collect(items: list[Dataset], path: Path, found: dict[tuple[object, ...], Dataset]) -> None:
    """Add the mappings of one frame; several of them are distinguished by their numbers."""
    for item in items:
        slope = number_of(item, "RealWorldValueSlope", path)
        intercept = number_of(item, "RealWorldValueIntercept", path)
        linear = slope is not None and not has(item, "RealWorldValueLUTData")
        found.setdefault((1.0 if slope is None else slope, intercept or 0.0, linear), item)
