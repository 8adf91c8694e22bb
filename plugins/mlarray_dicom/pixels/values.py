"""From stored values to real ones: modality transformation, lookup tables, palettes (PS3.3, C.11.1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Rescale
from mlarray_core.rescale import apply_rescale, is_scaled, rescaled_dtype
from mlarray_dicom.elements import has, loose_number, numbers_of
from mlarray_dicom.frames.enhanced import is_enhanced
from mlarray_dicom.pixels.real_world import real_world_of
from mlarray_dicom.pixels.tables import Palette, Table, has_empty_table, modality_table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_dicom.frames.frame import Frame
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.pixels.layout import PixelLayout
    from mlarray_dicom.volumes.group import Group
    from mlarray_io import Context

Array = np.ndarray[Any, Any]
Scale = tuple[float, float]

IDENTITY: Scale = (1.0, 0.0)
_NARROW = {"f": 4, "u": 2, "i": 2}
"""Bytes of stored values whose scaled ones fit float32 without loss of neighbours, by kind."""


class Values:
    """What is done to stored values, the same for all frames of an image but for slope and intercept.

    Parameters
    ----------
    group
        The image.
    options, context
        What the user wants; `context.raw` leaves stored values alone.

    Attributes
    ----------
    dtype
        Of the voxels.
    components
        3 for colours, else 0.
    rescale
        Slope and intercept, when they are the same for all frames.
    varying
        Whether they differ from frame to frame.
    notes
        What the user should know of the values.
    """

    def __init__(self, group: Group, options: DicomOptions, context: Context) -> None:
        self.notes: list[str] = []
        self._layouts = {file: group.layouts[file] for file in _files(group.frames)}
        layout = group.layout
        segmented = has(group.first.dataset, "SegmentationType")
        self.stored = _stored_dtype(list(self._layouts.values()))
        self.components = layout.samples if layout.samples > 1 else 0
        self._luts = {} if self.components or context.raw else self._tables(group)
        self._palettes: dict[int, Palette] = {}
        coloured = layout.photometric == "PALETTE COLOR" and not segmented  # C.8.20.2.2: labels stay labels
        if coloured and options.palette == "rgb" and not context.raw:
            self._palettes = {file: Palette(group.instances[file]) for file in self._layouts}
            self.components = 3
        self._invert = layout.photometric == "MONOCHROME1" and options.monochrome1 == "invert"
        self._raw = context.raw
        plain = bool(self.components or self._luts or segmented)
        self._mapped = None if plain else real_world_of(group)
        if self._mapped is not None:
            self.notes.append(self._mapped.note(applied=self._mapped.applies and not self._raw))
        self.notes += [] if plain else _doubts(group)
        scales = {IDENTITY} if plain else {self._scale(frame) for frame in group.frames}
        self._same = next(iter(scales)) if len(scales) == 1 else None
        self.varying = self._same is None
        self.rescale = self._rescale()
        self.dtype = self._dtype()

    def _tables(self, group: Group) -> dict[int, Table]:
        """Return the Modality LUT of each file that has one."""
        found = {file: modality_table_of(group.instances[file]) for file in self._layouts}
        if any(has_empty_table(group.instances[file]) for file in self._layouts):
            self.notes.append("it has a Modality LUT Sequence without a table: stored values are kept")
        return {file: table for file, table in found.items() if table is not None}

    def _scale(self, frame: Frame) -> Scale:
        if self._mapped is not None and self._mapped.applies:
            return self._mapped.scale
        return scale_of(frame)

    def _rescale(self) -> Rescale | None:
        if self._same is None or not is_scaled(*self._same):
            return None
        return Rescale(*self._same, self.stored.name, applied=not self._raw)

    def _dtype(self) -> np.dtype[Any]:
        if self._palettes:
            return np.result_type(*(palette.dtype for palette in self._palettes.values()))
        if self._luts:
            return np.result_type(*(table.entries.dtype for table in self._luts.values()))
        if self._raw or self._same == IDENTITY:
            return self.stored
        if self._same is None:
            wide = self.stored.itemsize > _NARROW[self.stored.kind]
            return np.dtype(np.float64 if wide else np.float32)
        layouts = list(self._layouts.values())
        bits = layouts[0].stored if len({(one.stored, one.signed) for one in layouts}) == 1 else None
        return rescaled_dtype(self.stored, *self._same, bits=bits)

    def __call__(self, stored: Array, frame: Frame) -> Array:
        """Return the voxels of one frame."""
        if frame.file in self._palettes:
            return self._palettes[frame.file](stored).astype(self.dtype, copy=False)
        if self._invert:
            stored = _inverted(stored, self._layouts[frame.file])
        if frame.file in self._luts:
            return self._luts[frame.file](stored).astype(self.dtype, copy=False)
        scale = self._scale(frame)
        if self._raw or self._same == IDENTITY or not is_scaled(*scale):
            return stored.astype(self.dtype, copy=False)
        return apply_rescale(stored, *scale, self.dtype)

    def fill(self, frame: Frame, instance: Instance) -> object:
        """Return the voxel that stands for nothing: Pixel Padding Value, else a stored zero.

        Parameters
        ----------
        frame
            One of the image, for its scale.
        instance
            Its file.

        Raises
        ------
        CorruptError
            Pixel Padding Value can't be read.
        """
        padding = numbers_of(instance.dataset, "PixelPaddingValue", instance.path) or (0,)
        try:
            stored = np.array([[int(padding[0])]]).astype(self._layouts[frame.file].dtype)
        except OverflowError:
            stored = np.zeros((1, 1), self._layouts[frame.file].dtype)
        voxel: object = self(stored, frame)[0, 0]
        return voxel


def _stored_dtype(layouts: list[PixelLayout]) -> np.dtype[Any]:
    """Return the type that holds the stored values of all files, whose bits may differ."""
    dtypes = {layout.dtype for layout in layouts}
    if len(dtypes) == 1:
        return dtypes.pop()
    low = min(layout.holds()[0] for layout in layouts)
    high = max(layout.holds()[1] for layout in layouts)
    return (
        np.promote_types(np.min_scalar_type(low), np.min_scalar_type(high))
        if low < 0
        else np.result_type(*dtypes)
    )


def scale_of(frame: Frame) -> Scale:
    """Return slope and intercept of a frame; a slope of 0 is none."""
    slope = 1.0 if frame.slope is None else frame.slope
    intercept = 0.0 if frame.intercept is None else frame.intercept
    return (slope, intercept) if math.isfinite(slope) and slope != 0 else IDENTITY


def _doubts(group: Group) -> list[str]:
    """Return what is odd about slope and intercept, and isn't applied."""
    notes = []
    if any(frame.slope == 0 for frame in group.frames):
        notes.append("a Rescale Slope of 0 is none: stored values are kept")
    top = group.first.dataset
    slope, intercept = loose_number(top, "RescaleSlope"), loose_number(top, "RescaleIntercept")
    if is_enhanced(group.first) and is_scaled(1.0 if slope is None else slope, intercept or 0.0):
        # an enhanced object has them in its functional groups only (PS3.3, A.36, A.38)
        notes.append("Rescale Slope and Intercept outside of the functional groups are not applied")
    return notes


def _files(frames: Sequence[Frame]) -> list[int]:
    return sorted({frame.file for frame in frames})


def _inverted(stored: Array, layout: PixelLayout) -> Array:
    """Return values turned around within the range of the bits that are used."""
    if layout.kind == "float":
        return -stored
    top = -1 if layout.signed else 2**layout.stored - 1
    return (top - stored.astype(np.int64)).astype(stored.dtype)
