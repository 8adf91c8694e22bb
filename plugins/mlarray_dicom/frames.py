"""The frames of a file, each with its place, its rescaling, and what tells it from others at the same place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_dicom.instance import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_dicom.instance import Instance

Vector = tuple[float, float, float]


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
        First row and column within the stored frame, of a mosaic.
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
    tile: tuple[int, int] | None = None
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
    from mlarray_dicom import enhanced, mosaic

    if enhanced.is_enhanced(instance):
        return enhanced.frames_of(instance, file)
    base = _classic(instance, file)
    tiles = mosaic.tiles_of(instance, base)
    if tiles is not None:
        return tiles
    if instance.count == 1:
        return [base]
    return _multiple(instance, base)


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
        "diffusion": diffusion(instance),
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


def diffusion(instance: Instance) -> Any:
    """Return b-value (s/mm²) and gradient direction, of the standard or of Siemens, Philips and GE."""
    get = instance.dataset.get
    b = number(instance.get("DiffusionBValue"))
    direction = numbers(instance.get("DiffusionGradientOrientation"))
    maker = instance.text("Manufacturer").upper()
    if b is None and "SIEMENS" in maker:
        b, direction = number(_raw(get((0x0019, 0x100C)))), numbers(_raw(get((0x0019, 0x100E))))
    elif b is None and "PHILIPS" in maker:
        b = number(_raw(get((0x2001, 0x1003))))
        parts = [number(_raw(get((0x2005, element)))) for element in (0x10B0, 0x10B1, 0x10B2)]
        direction = None if None in parts else tuple(part or 0.0 for part in parts)
    elif b is None and maker.startswith("GE"):
        b, direction = _ge(instance)
    return None if b is None else (b, direction)


def _ge(instance: Instance) -> tuple[float | None, tuple[float, ...] | None]:
    """Return b-value and direction of GE; large b-values carry a flag of 1e9 (dcm2niix, "readb GE")."""
    get = instance.dataset.get
    values = numbers(_raw(get((0x0043, 0x1039))))
    b = values[0] if values else None
    if b is not None and b >= 1e9:
        b -= 1e9
    parts = [number(_raw(get((0x0019, element)))) for element in (0x10BB, 0x10BC, 0x10BD)]
    return b, None if None in parts else tuple(part or 0.0 for part in parts)


def _raw(element: Any) -> Any:
    """Return the value of a private element, read as numbers even when its VR got lost."""
    import struct

    value = getattr(element, "value", None)
    if not isinstance(value, bytes):
        return value
    if len(value) in (4, 8, 24) and not value.strip(b" 0123456789.+-eE\\\0") == b"":
        code = {4: "<f", 8: "<d", 24: "<3d"}[len(value)]
        found = struct.unpack(code, value)
        return found if len(found) > 1 else found[0]
    return value.decode("latin-1").strip(" \0").split("\\")


def _multiple(instance: Instance, base: Frame) -> list[Frame]:
    """Return the frames of a multi-frame object without functional groups."""
    count = instance.count
    place = _placement(instance, base, count)
    frames = []
    for index in range(count):
        position = place(index)
        keys = dict(base.keys)
        _frame_keys(instance, index, keys)
        frames.append(
            Frame(
                base.file, index, position, base.orientation, base.spacing, base.thickness, base.slope,
                base.intercept, keys, (base.order[0], float(index)),
            )  # fmt: skip
        )
    return frames


def _placement(instance: Instance, base: Frame, count: int) -> Callable[[int], Vector | None]:
    """Return where frame i lies: along the normal of a dose grid or of nuclear slices, or all at one place."""
    offsets = numbers(instance.get("GridFrameOffsetVector"))
    if offsets is not None:
        return _grid(instance, base, offsets, count)
    detector = instance.get("DetectorInformationSequence")
    slices = numbers(instance.get("SliceVector"))
    if detector is not None and slices is not None and base.position is None:
        return _nuclear(instance, base, detector[0], slices, count)
    return lambda _: base.position


def _grid(
    instance: Instance, base: Frame, offsets: Sequence[float], count: int
) -> Callable[[int], Vector | None]:
    """Place dose planes (PS3.3, C.8.8.3.2): relative to the first, or, if that isn't 0, at z itself."""
    if len(offsets) != count:
        raise CorruptError(
            f"lists {len(offsets)} offsets for {count} frames", path=instance.path, field="GridFrameOffsetVector"
        )
    if base.position is None or base.orientation is None:
        return lambda _: None
    x, y, z = base.position
    nx, ny, nz = normal(base.orientation)
    if offsets[0] == 0:
        return lambda index: (x + nx * offsets[index], y + ny * offsets[index], z + nz * offsets[index])
    if abs(abs(nz) - 1) > 1e-4:
        raise UnsupportedError(
            "gives its planes as absolute z, but they aren't transverse", path=instance.path, field="GridFrameOffsetVector"
        )
    return lambda index: (x, y, offsets[index])


def _nuclear(
    instance: Instance, base: Frame, detector: Any, slices: Sequence[float], count: int
) -> Callable[[int], Vector | None]:
    """Place reconstructed nuclear medicine slices (PS3.3, C.8.4.15): Spacing Between Slices, which may be negative."""
    base.position = vector(instance, "ImagePositionPatient", detector)
    base.orientation = orientation(instance, detector)
    step = number(instance.get("SpacingBetweenSlices")) or number(instance.get("SliceThickness"))
    if base.position is None or base.orientation is None or step is None or len(slices) != count:
        return lambda _: base.position
    (x, y, z), (nx, ny, nz) = base.position, normal(base.orientation)

    def place(index: int) -> Vector:
        along = (slices[index] - 1) * (step or 1.0)
        return x + nx * along, y + ny * along, z + nz * along

    return place


def _frame_keys(instance: Instance, index: int, keys: dict[str, Any]) -> None:
    """Add what the vectors of nuclear medicine and of cine objects say about frame `index`."""
    for name, keyword in (
        ("energy", "EnergyWindowVector"),
        ("detector", "DetectorVector"),
        ("temporal", "TimeSliceVector"),
        ("slot", "TimeSlotVector"),
    ):
        values = numbers(instance.get(keyword))
        if values is not None and index < len(values):
            keys[name] = values[index]
    keys.pop("time", None)
    keys.pop("trigger", None)
    step = number(instance.get("FrameTime"))
    if step is not None:
        keys["cine"] = step * index


# values of attributes


def number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, bytes):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def numbers(value: Any) -> tuple[float, ...] | None:
    """Return several finite numbers, or None."""
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        items = list(value)
    except TypeError:
        items = [value]
    found = [number(item) for item in items]
    return None if None in found or not found else tuple(item for item in found if item is not None)


def vector(instance: Instance, keyword: str, dataset: Any = None) -> Vector | None:
    """Return three numbers of an attribute, None when it is absent."""
    value = value_of(instance.dataset if dataset is None else dataset, keyword)
    if value is None:
        return None
    found = numbers(value)
    if found is None or len(found) != 3:
        raise CorruptError(f"is {_shown(value)}, not three numbers", path=instance.path, field=keyword)
    return found[0], found[1], found[2]


def orientation(instance: Instance, dataset: Any) -> tuple[float, ...] | None:
    """Return the six direction cosines of a data set, checked to be two perpendicular unit vectors."""
    value = value_of(dataset, "ImageOrientationPatient")
    if value is None:
        return None
    found = numbers(value)
    if found is None or len(found) != 6 or not _is_frame(found):
        raise CorruptError(
            f"is {_shown(value)}, not two perpendicular unit vectors",
            path=instance.path,
            field="ImageOrientationPatient",
        )
    return found


def _is_frame(cosines: Sequence[float]) -> bool:
    row, column = cosines[:3], cosines[3:]
    lengths = (math.hypot(*row), math.hypot(*column))
    product = sum(a * b for a, b in zip(row, column, strict=True))
    return all(abs(length - 1) < 1e-2 for length in lengths) and abs(product) < 1e-2


def spacing(dataset: Any) -> tuple[float, float] | None:
    """Return Pixel Spacing: between rows, between columns; None when absent or senseless."""
    found = numbers(value_of(dataset, "PixelSpacing"))
    if found is None or len(found) != 2 or min(found) <= 0:
        return None
    return found[0], found[1]


def thickness(dataset: Any) -> float | None:
    """Return what the header claims the distance of slices to be."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = number(value_of(dataset, keyword))
        if found:
            return abs(found)
    return None


def normal(cosines: Sequence[float]) -> Vector:
    """Return the unit normal of a plane: row direction x column direction."""
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    size = math.hypot(x, y, z)
    return x / size, y / size, z / size


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) < 80 else text[:79] + "…"
