"""One plane of voxels, and what tells it from others at the same place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from mlarray_dicom.attributes import Vector
    from mlarray_dicom.elements import Numbers


class Diffusion(NamedTuple):
    """Diffusion weighting: b-value in s/mm², and the direction of the gradient in the patient (LPS).

    The direction is None for b = 0, for a trace, and where the file doesn't say it.
    """

    b: float
    direction: Numbers | None


class Dimension(NamedTuple):
    """One dimension index of a frame (PS3.3, C.7.6.17): what it counts, and the frame's value."""

    name: str
    value: int


@dataclass(slots=True)
class FrameKeys:
    """What may tell frames at one position apart, as far as the file says it.

    The first ones make different images, the others an axis of one image; `None` where nothing is said.

    Parameters
    ----------
    stack
        Stack ID.
    type
        Image type or frame type, with the complex component (MAGNITUDE, PHASE ...).
    echo
        Echo time in ms, with the echo numbers where they are given.
    inversion
        Inversion times in ms.
    flip
        Flip angle in degrees.
    kernel
        Convolution kernel.
    energy
        Energy window or weighting.
    detector
        Number of the detector.
    quantity
        Label of the real world value mapping.
    temporal
        Temporal position: an identifier or index, or the number of a time slice.
    offset
        Temporal position in s.
    diffusion
        Diffusion weighting.
    cardiac
        Percentage of the cardiac phase.
    trigger
        Trigger time or delay in ms.
    respiratory
        Percentage of the respiratory phase.
    slot
        Number of the time slot.
    acquisition
        Acquisition number.
    reference
        Frame reference time in ms.
    cine
        Time of the frame in ms, by FrameTime.
    series
        Series number, when several series are joined.
    moment
        When the frame was acquired.
    began
        When the volume began to be acquired, in s after the start of the scan.
    positions
        How many temporal positions the series has.
    location
        Slice Location in mm, which places nothing.
    dimensions
        Dimension indices, those of places and segments apart.
    """

    stack: str | None = None
    type: tuple[str, ...] | None = None
    echo: tuple[object, ...] | None = None
    inversion: Numbers | None = None
    flip: float | None = None
    kernel: tuple[str, ...] | None = None
    energy: float | None = None
    detector: float | None = None
    quantity: str | None = None
    temporal: float | None = None
    offset: float | None = None
    diffusion: Diffusion | None = None
    cardiac: float | None = None
    trigger: float | None = None
    respiratory: float | None = None
    slot: float | None = None
    acquisition: float | None = None
    reference: float | None = None
    cine: float | None = None
    series: float | None = None
    moment: datetime | None = None
    began: float | None = None
    positions: float | None = None
    location: float | None = None
    dimensions: tuple[Dimension, ...] = ()


@dataclass(slots=True)
class Frame:
    """One plane of voxels.

    Parameters
    ----------
    file
        Index of its file among those of the series.
    number
        Which frame of the file, counted from 0.
    position
        Image Position (Patient): centre of the first pixel, LPS, in mm; None when unknown.
    orientation
        Image Orientation (Patient): direction of rows, then of columns.
    spacing
        Distance between rows, then between columns, in mm.
    thickness
        Distance to the next slice as the header claims it, in mm, NaN if that can't be read; used for single
        slices, mosaics and segmentations only.
    slope, intercept
        The modality transformation; None when there is none.
    keys
        What may tell frames at one position apart.
    order
        Series number where series are joined, else 0; instance number; frame number.
    tile
        First row, first column, rows and columns within the stored frame, of a mosaic.
    segment
        Number of the segment, of a segmentation.
    in_volume
        Whether position and orientation are those of an ultrasound volume instead of the patient.
    """

    file: int
    number: int
    position: Vector | None = None
    orientation: Numbers | None = None
    spacing: tuple[float, float] | None = None
    thickness: float | None = None
    slope: float | None = None
    intercept: float | None = None
    keys: FrameKeys = field(default_factory=FrameKeys)
    order: tuple[float, ...] = ()
    tile: tuple[int, int, int, int] | None = None
    segment: int | None = None
    in_volume: bool = False

    @property
    def placed(self) -> bool:
        """Whether position, orientation and spacing are known, without which it has no place."""
        return None not in (self.position, self.orientation, self.spacing)
