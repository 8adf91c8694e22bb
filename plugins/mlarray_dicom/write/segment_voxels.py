"""The voxels of a segmentation as highdicom takes them: a label map, masks or fractions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Additions, Label
from mlarray_core.errors import OptionError, UnsupportedError
from mlarray_dicom.write.frames import frames
from mlarray_dicom.write.items import item
from mlarray_dicom.write.place import position_key

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.write.frames import Array, Axes
    from mlarray_dicom.write.place import Place
    from mlarray_io import Context, Reader

SMALLEST_PLANE = 8
"""Voxels of a plane from which on single bits fill a byte: highdicom 0.28 loses those of smaller ones."""

LARGEST_LABEL = 2**16 - 1
"""Segment numbers are unsigned and have 16 bits."""


class Segments:
    """The voxels as highdicom takes them, and what its segments are.

    Parameters
    ----------
    reader, axes
        Labels, or an axis of masks or fractions, one for each segment.
    options
        Kind and compression.
    target
        The file, for errors.
    context
        Where to report progress and what can't be held.

    Attributes
    ----------
    kind
        BINARY, FRACTIONAL or LABELMAP.
    array
        Segment numbers (slices, rows, columns), or masks or fractions with a last axis of segments.
    labels
        Number of each segment and what it is.
    steps
        Maximum Fractional Value.
    channels
        Segment numbers of the last axis; None when there is none.
    algorithms
        What made a segment, by number, where the source says it.
    sparse
        Whether frames without a voxel are left out.
    marked
        Empty slices at the ends that got a mark, so that they are in the file and the grid comes back whole.

    Raises
    ------
    UnsupportedError
        Segments have no such numbers or fractions, or BINARY no planes of so few voxels.
    OptionError
        The kind of segmentation doesn't apply.
    """

    def __init__(
        self, reader: Reader, axes: Axes, options: DicomOptions, target: Path, context: Context
    ) -> None:
        additions = Additions.of(reader.meta)
        self.steps = 255
        self.channels: dict[str, list[int]] | None = None
        self._table = {label.value: label for label in additions.labels}
        self.algorithms = {
            number: str(one["algorithm"])
            for one in additions.channels
            if isinstance(number := one.get("number"), int) and one.get("algorithm")
        }
        counts = axes.counts(reader.shape)
        self.array: Array = np.empty((*counts, *axes.plane(reader.shape)), reader.dtype)
        flat = self.array.reshape(-1, *self.array.shape[2:])
        for number, plane in enumerate(frames(reader, axes, context)):
            flat[number] = plane
        if axes.repeat is None and reader.dtype.kind != "f":
            self._label_map(options, target, context)
        else:
            self._layers(additions, axes, options, target, context)
        voxels = math.prod(axes.plane(reader.shape))
        if self.kind == "BINARY" and voxels < SMALLEST_PLANE:
            raise UnsupportedError(
                f"BINARY segmentations of planes of {voxels} voxels can't be written: a byte has more bits",
                path=target,
                hint="Take -o segmentation=labelmap, or fractional where segments overlap",
            )
        self.sparse = self.kind != "LABELMAP" and options.compression == "none" and bool(self.array.any())
        self.marked: list[int] = []
        if self.sparse:
            self._mark_ends()

    def _mark_ends(self) -> None:
        for number in {0, len(self.array) - 1}:
            if not self.array[number].any():
                self.array[number].flat[0] = 1
                self.marked.append(number)

    def clear_marks(self, made: Dataset, place: Place) -> None:
        """Take the marks out of the object again: their frames stay, and are empty.

        Parameters
        ----------
        made
            The object.
        place
            Of its slices.
        """
        if not self.marked:
            return
        keys = {
            position_key(item(ImagePositionPatient=place.position(number)), place) for number in self.marked
        }
        size = int(made.Rows) * int(made.Columns) * int(made.BitsAllocated)  # bits of a frame
        data = np.frombuffer(made.PixelData, np.uint8).copy()
        for index, group in enumerate(made.PerFrameFunctionalGroupsSequence):
            if position_key(group.PlanePositionSequence[0], place) in keys:
                first, last = index * size, (index + 1) * size
                part = data[first // 8 : -(-last // 8)]
                bits = np.unpackbits(part, bitorder="little")
                bits[first % 8 : first % 8 + size] = 0
                part[:] = np.packbits(bits, bitorder="little")
        made.PixelData = data.tobytes()

    def _label_map(self, options: DicomOptions, target: Path, context: Context) -> None:
        """Take labels: numbers of segments as they are, or counted anew."""
        self.array = self.array[0]
        values = sorted({int(value) for plane in self.array for value in np.unique(plane) if value})
        if values and not 0 < min(values) <= max(values) <= LARGEST_LABEL:
            raise UnsupportedError(
                f"segments are numbered 1 to {LARGEST_LABEL}, the labels {min(values)} to {max(values)}",
                path=target,
            )
        values = sorted({*values, *(value for value in self._table if 0 < value <= LARGEST_LABEL)})
        if not values:
            values = [1]
        counted = values == list(range(1, len(values) + 1))
        self.kind = options.segmentation.upper()
        if self.kind == "AUTO":
            self.kind = "BINARY" if counted and self.array[0].size >= SMALLEST_PLANE else "LABELMAP"
        if self.kind == "LABELMAP":
            self.array = self.array.astype(np.min_scalar_type(max(values)))
        else:
            if not counted:
                context.loss(
                    "the values of the labels",
                    f"{self.kind} segments are counted from 1; LABELMAP keeps them",
                )
            self.array = _renumbered(self.array, values)
        numbers = values if self.kind == "LABELMAP" else range(1, len(values) + 1)
        self.labels = [
            (number, self._table.get(value) or Label(value, f"label {value}"))
            for number, value in zip(numbers, values, strict=True)
        ]

    def _layers(
        self, additions: Additions, axes: Axes, options: DicomOptions, target: Path, context: Context
    ) -> None:
        """Take one layer for each segment: masks, which may overlap, or fractions."""
        layers = np.moveaxis(self.array, 0, -1)
        fractional = layers.dtype.kind == "f" or (layers.dtype.kind in "iu" and int(layers.max()) > 1)
        rescale = additions.rescale
        if layers.dtype.kind in "iu" and rescale is not None and not rescale.applied:
            self.steps = max(1, round(min(255, 1 / rescale.slope))) if rescale.slope > 0 else 255
            layers, fractional = layers * np.float32(1 / self.steps), True
        if fractional and not (float(layers.min()) >= 0 and float(layers.max()) <= 1):
            raise UnsupportedError(
                f"fractions go from 0 to 1, the voxels from {layers.min()} to {layers.max()}",
                path=target,
                hint="Scale them first, or write a parametric map: -o kind=map",
            )
        wanted = options.segmentation.upper()
        self.kind = ("FRACTIONAL" if fractional else "BINARY") if wanted == "AUTO" else wanted
        if self.kind == "LABELMAP" or (fractional and self.kind == "BINARY" and not _is_mask(layers)):
            raise OptionError(
                f"segmentation={self.kind.lower()}: it has {'fractions' if fractional else 'layers'}",
                path=target,
                hint="Take fractional for fractions, and binary for masks that overlap",
            )
        if self.kind == "FRACTIONAL":
            self._tell_rounding(layers, context)
        self.array = layers.astype(np.float32 if self.kind == "FRACTIONAL" else np.uint8)
        count = layers.shape[-1]
        numbers = self._numbers(additions, axes, count)
        self._tell_axis(additions, axes, count, context)
        names = [channel.name for channel in additions.channels]
        names = names if len(names) == count else []
        self.labels = [
            (place + 1, self._table.get(value) or Label(value, (names or [""] * count)[place]))
            for place, value in enumerate(numbers)
        ]
        self.channels = {"SegmentNumber": list(range(1, count + 1))}

    def _numbers(self, additions: Additions, axes: Axes, count: int) -> list[int]:
        """Return the label of each layer: what the axis says, else the table, else they are counted."""
        known = None if axes.repeat is None else additions.axes.get(axes.repeat)
        values = list(known.values or []) if known is not None else []
        numbers = [int(value) for value in values if type(value) in (int, float) and value == int(value)]
        if len(numbers) == count:
            return numbers
        return sorted(self._table) if len(self._table) == count else list(range(1, count + 1))

    def _tell_axis(self, additions: Additions, axes: Axes, count: int, context: Context) -> None:
        """Report what was along the axis, if it wasn't segments that are counted from 1 as these are."""
        known = None if axes.repeat is None else additions.axes.get(axes.repeat)
        if known is None:
            return
        if known.name not in ("", "segment"):
            context.loss(f"that an axis is {known.name}, and its positions", "DICOM has segments along it")
        elif known.values and list(known.values) != list(range(1, count + 1)):
            context.loss("positions along the segments", "DICOM counts segments from 1")

    def _tell_rounding(self, layers: Array, context: Context) -> None:
        """Report fractions that are no whole number of steps."""
        counted = layers * self.steps
        if np.abs(counted - np.rint(counted)).max(initial=0) > 1e-3:
            context.loss("digits of the fractions", f"they are stored in {self.steps} steps")


def _renumbered(labels: Array, values: list[int]) -> Array:
    """Return labels counted from 1, plane by plane: what looks them up takes eight bytes for each."""
    found = np.empty(labels.shape, np.min_scalar_type(len(values)))
    for plane, target in zip(labels, found, strict=True):
        target[...] = np.searchsorted([0, *values], plane)
    return found


def _is_mask(layers: Array) -> bool:
    return bool(np.isin(layers, (0, 1)).all())
