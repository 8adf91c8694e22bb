"""The frame that a single-frame object describes by the attributes of its data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_dicom.attributes import orientation, spacing, thickness, vector
from mlarray_dicom.elements import loose_number, loose_numbers, number_of, text_of, texts_of
from mlarray_dicom.frames.diffusion import diffusion_of
from mlarray_dicom.frames.frame import Frame, FrameKeys
from mlarray_dicom.frames.moments import date_time, moment

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.instance import Instance


def frame_of(instance: Instance, file: int) -> Frame:
    """Return the frame that the attributes of a single-frame object describe.

    Raises
    ------
    CorruptError
        Its place or its scale can't be read.
    """
    dataset, path = instance.dataset, instance.path
    slope = number_of(dataset, "RescaleSlope", path)
    intercept = number_of(dataset, "RescaleIntercept", path)
    dose = number_of(dataset, "DoseGridScaling", path)
    if dose is not None:
        slope, intercept = dose, 0.0
    return Frame(
        file,
        0,
        position=vector(dataset, path),
        orientation=orientation(dataset, path),
        spacing=spacing(dataset, path),
        thickness=thickness(dataset),
        slope=slope,
        intercept=intercept,
        keys=_keys(instance),
        order=(0.0, loose_number(dataset, "InstanceNumber") or 0.0, 0.0),
    )


def _keys(instance: Instance) -> FrameKeys:
    """Return what may tell frames apart, as far as the file says it."""
    dataset = instance.dataset
    return FrameKeys(
        type=texts_of(dataset, "ImageType") or None,
        echo=_echo(dataset),
        inversion=loose_numbers(dataset, "InversionTime"),
        flip=loose_number(dataset, "FlipAngle"),
        kernel=texts_of(dataset, "ConvolutionKernel") or None,
        temporal=loose_number(dataset, "TemporalPositionIdentifier"),
        diffusion=diffusion_of(instance),
        cardiac=loose_number(dataset, "NominalPercentageOfCardiacPhase"),
        trigger=loose_number(dataset, "TriggerTime"),
        reference=loose_number(dataset, "FrameReferenceTime"),
        acquisition=loose_number(dataset, "AcquisitionNumber"),
        moment=moment(text_of(dataset, "AcquisitionDate"), text_of(dataset, "AcquisitionTime"))
        or date_time(text_of(dataset, "AcquisitionDateTime")),
        began=_scan_begin(instance),
        positions=loose_number(dataset, "NumberOfTemporalPositions"),
        location=loose_number(dataset, "SliceLocation"),
    )


def _echo(dataset: Dataset) -> tuple[object, ...] | None:
    time, numbers = loose_number(dataset, "EchoTime"), texts_of(dataset, "EchoNumbers")
    return None if time is None and not numbers else (time, *numbers)


def _scan_begin(instance: Instance) -> float | None:
    """Return Philips' Dynamic Scan Begin Time, (2005,xxA0) of Philips MR Imaging DD 001, in s."""
    from mlarray_dicom.frames.private import private_numbers

    if "PHILIPS" not in instance.text("Manufacturer").upper():
        return None
    found = private_numbers(instance.dataset, 0x2005, 0x10A0)
    return found[0] if found else None
