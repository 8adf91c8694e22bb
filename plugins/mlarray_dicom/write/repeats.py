"""What lies along the axis that repeats every position, as DICOM says it: times, b-values, labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.units import factor
from mlarray_dicom.write.items import item

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.write.frames import Axes
    from mlarray_dicom.write.place import Place
    from mlarray_io import Context, Reader

_CONTENT = 0x00209111
"""Tag of the Frame Content Sequence."""


@dataclass
class Repeats:
    """The repeats of an image.

    Parameters
    ----------
    count
        How many there are.
    label
        Of the axis; empty when there is none.
    seconds
        When each was, if they are times.
    b_values, directions
        Diffusion weighting of each, and its direction in the patient, if that is what they differ in.
    names
        Of each, if they are something else.
    """

    count: int
    label: str = ""
    seconds: list[float] | None = None
    b_values: list[float] | None = None
    directions: list[list[float] | None] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def pointer(self) -> tuple[int, int, str]:
        """Attribute that the dimension index counts, its functional group, and what it is called."""
        if self.b_values is not None:
            return 0x00189087, 0x00189117, "b-value"
        if self.seconds is not None:
            return 0x0020930D, 0x00209310, "time"
        if self.label == "temporal":
            return 0x00209128, _CONTENT, "time"
        return 0x00209453, _CONTENT, self.label[:64]

    def add_to(self, groups: Dataset, content: Dataset, number: int) -> None:
        """Add what is known of one repeat to the functional groups of a frame, and to its frame content.

        Parameters
        ----------
        groups, content
            The item of the frame, and its Frame Content.
        number
            Of the repeat, from 0.
        """
        if self.b_values is not None:
            groups.MRDiffusionSequence = [self._diffusion(number)]
        elif self.seconds is not None:
            groups.TemporalPositionSequence = [item(TemporalPositionTimeOffset=self.seconds[number])]
        elif self.label == "temporal":
            content.TemporalPositionIndex = number + 1
        elif self.label:
            content.FrameLabel = self.names[number][:64]

    def _diffusion(self, number: int) -> Dataset:
        """Return the MR Diffusion macro (PS3.3, C.8.13.5.9)."""
        made = item(DiffusionBValue=(self.b_values or [])[number])
        direction = self.directions[number] if self.directions else None
        made.DiffusionDirectionality = "NONE" if made.DiffusionBValue == 0 else "ISOTROPIC"
        if direction is not None:
            made.DiffusionDirectionality = "DIRECTIONAL"
            made.DiffusionGradientDirectionSequence = [item(DiffusionGradientOrientation=direction)]
        return made


def repeats_of(reader: Reader, axes: Axes, place: Place | None, context: Context) -> Repeats:
    """Return what lies along the axis of repeats.

    Parameters
    ----------
    reader, axes
        The image.
    place
        Where it lies: directions of gradients are along its axes.
    context
        Told of what can't be said.
    """
    if axes.repeat is None:
        return Repeats(1)
    count, label = reader.shape[axes.repeat], reader.labels[axes.repeat]
    additions = Additions.of(reader.meta)
    known = additions.axes.get(axes.repeat)
    values = list(known.values or []) if known is not None else []
    numbers = [float(value) for value in values if type(value) in (int, float)]
    whole = len(numbers) == count
    if label == "temporal":
        unit = known.unit if known is not None and known.unit else _unit(reader, axes.repeat)
        scale = factor(unit, "s") if unit else None
        return Repeats(count, label, [one * scale for one in numbers] if whole and scale else None)
    if label == "b_value" and whole:
        return Repeats(
            count, label, None, numbers, _directions(additions.bids.get("bvec"), count, place, numbers)
        )
    context.loss(f"that an axis is {label}", "DICOM has frames labelled along it")
    channels = [channel.name for channel in additions.channels]
    given = [str(value) for value in values] if len(values) == count else channels
    names = given if len(given) == count and len(set(given)) == count and all(given) else []
    return Repeats(count, label, names=names or [f"{label} {number + 1}" for number in range(count)])


def _unit(reader: Reader, axis: int) -> str:
    units = reader.meta.spatial.axis_units
    return "" if units is None else units[axis]


def _directions(
    bvec: object, count: int, place: Place | None, b_values: list[float]
) -> list[list[float] | None]:
    """Return gradients in the patient, of those along the image's axes as BIDS has them.

    They are along the axes of the image, fastest first, the first element inverted where these are
    right-handed (BIDS, "Gradient orientation file formats").
    """
    if place is None or not isinstance(bvec, list) or len(bvec) != 3:
        return []
    table: Any = np.array(bvec, dtype=np.float64)
    if table.shape != (3, count):
        return []
    steps = place.affine[:3, :3] / geometry.decompose(place.affine).spacing
    flip = -1.0 if np.linalg.det(steps[:, ::-1]) > 0 else 1.0
    found: list[list[float] | None] = []
    for b, (first, second, third) in zip(b_values, table.T, strict=True):
        world = steps @ (third, second, first * flip)
        found.append([float(part) for part in world] if b > 0 and np.any(world) else None)
    return found
