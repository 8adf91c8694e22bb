"""The frames of a file: place, rescaling, and what tells each from others at the same place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlarray_dicom.attributes import Vector, number, orientation, spacing, thickness, vector
from mlarray_dicom.frames.diffusion import diffusion_of

if TYPE_CHECKING:
    from mlarray_dicom.instance import Instance


@dataclass(slots=True)
class Frame:
    """One plane of voxels.

    Parameters
    ----------
    file
        Index of its file among those of the series.
    number
        Which frame of the file.
    position
        Image Position (Patient): centre of the first pixel, LPS, in mm; None when unknown.
    orientation
        Image Orientation (Patient): direction of rows, then of columns.
    spacing
        Distance between rows, then between columns, in mm.
    thickness
        Distance to the next slice as the header claims it; used for single slices only.
    slope, intercept
        The modality transformation; None when there is none.
    keys
        What may tell frames at one position apart, by name: ``type``, ``echo``, ``temporal`` ...
    order
        Instance number and frame number.
    tile
        First row, first column, rows and columns within the stored frame, of a mosaic.
    segment
        Number of the segment, of a segmentation.
    """

    file: int
    number: int
    position: Vector | None = None
    orientation: tuple[float, ...] | None = None
    spacing: tuple[float, float] | None = None
    thickness: float | None = None
    slope: float | None = None
    intercept: float | None = None
    keys: dict[str, Any] = field(default_factory=dict)
    order: tuple[float, ...] = ()
    tile: tuple[int, int, int, int] | None = None
    segment: int | None = None

    @property
    def placed(self) -> bool:
        """Whether position, orientation and spacing are known, without which it has no place."""
        return None not in (self.position, self.orientation, self.spacing)


def frames_of(instance: Instance, file: int) -> list[Frame]:
    """Return the frames of one file.

    Raises
    ------
    CorruptError
        A position or orientation is no such thing.
    UnsupportedError
        Frames are arranged in a way that isn't understood.
    """
    from mlarray_dicom.frames import enhanced, mosaic, multiframe

    if enhanced.is_enhanced(instance):
        return enhanced.frames_of(instance, file)
    base = _classic(instance, file)
    tiles = mosaic.tiles_of(instance, base)
    if tiles is not None:
        return tiles
    if instance.count == 1:
        return [base]
    return multiframe.frames_of(instance, base)


def _classic(instance: Instance, file: int) -> Frame:
    """Return the frame that the attributes of a single-frame object describe."""
    slope, intercept = instance.get("RescaleSlope"), instance.get("RescaleIntercept")
    dose = instance.get("DoseGridScaling")
    if dose is not None:
        slope, intercept = dose, 0.0
    return Frame(
        file,
        0,
        position=vector(instance, "ImagePositionPatient"),
        orientation=orientation(instance, instance.dataset),
        spacing=spacing(instance.dataset),
        thickness=thickness(instance.dataset),
        slope=number(slope),
        intercept=number(intercept),
        keys=_keys(instance),
        order=(number(instance.get("InstanceNumber")) or 0.0, 0.0),
    )


def _keys(instance: Instance) -> dict[str, Any]:
    """Return what may tell frames apart, as far as the file says it."""
    get = instance.get
    found: dict[str, Any] = {
        "type": _texts(get("ImageType")),
        "echo": _echo(get("EchoTime"), get("EchoNumbers")),
        "inversion": number(get("InversionTime")),
        "flip": number(get("FlipAngle")),
        "kernel": _texts(get("ConvolutionKernel")),
        "temporal": number(get("TemporalPositionIdentifier")),
        "diffusion": diffusion_of(instance),
        "trigger": number(get("TriggerTime")),
        "reference": number(get("FrameReferenceTime")),
        "acquisition": number(get("AcquisitionNumber")),
        "time": _moment(get("AcquisitionDate"), get("AcquisitionTime")) or _texts(get("AcquisitionDateTime")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _echo(time: Any, numbers: Any) -> Any:
    time, numbers = number(time), _texts(numbers)
    return None if time is None and numbers is None else (time, numbers)


def _moment(date: Any, time: Any) -> Any:
    return None if time is None else (str(date or ""), str(time))


def _texts(value: Any) -> Any:
    """Return one or several texts as a tuple, None when there are none."""
    if value is None:
        return None
    return (str(value),) if isinstance(value, str | int | float) else tuple(str(one) for one in value)
