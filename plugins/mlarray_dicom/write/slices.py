"""One file for each slice: CT, MR, PET and secondary capture images (PS3.3, A.3, A.4, A.21, A.8)."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlarray_dicom.elements import has, text_of, texts_of
from mlarray_dicom.frames.moments import date_time
from mlarray_dicom.write.frames import frames
from mlarray_dicom.write.items import source_item
from mlarray_dicom.write.pixel_file import PixelFile
from mlarray_dicom.write.place import decimal, plane_spacing, position_key
from mlarray_dicom.write.repeats import repeats_of

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.write.multiframe import Volume
    from mlarray_dicom.write.repeats import Repeats

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
"""Image classes by modality; others are secondary captures."""
_TYPES = {
    CLASSES["CT"]: ["DERIVED", "SECONDARY", "AXIAL"],
    CLASSES["MR"]: ["DERIVED", "SECONDARY", "OTHER"],
    CLASSES["PT"]: ["DERIVED", "PRIMARY"],
}
"""Image Type by class (PS3.3, C.8.2.1.1.1, C.8.3.1.1.1, C.8.9.4.1.1)."""
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_MODULES: dict[str, dict[str, Any]] = {
    "CT": {"KVP": None, "AcquisitionNumber": None, "PatientPosition": None},
    "MR": {
        "ScanningSequence": "RM", "SequenceVariant": "NONE", "ScanOptions": None, "MRAcquisitionType": None,
        "RepetitionTime": None, "EchoTime": None, "EchoTrainLength": None, "PatientPosition": None,
    },
    "PT": {
        "CollimatorType": None, "CorrectedImage": None, "Units": "NONE", "CountsSource": "EMISSION",
        "DecayCorrection": "NONE", "RadiopharmaceuticalInformationSequence": [],
        "PatientOrientationCodeSequence": [], "PatientGantryRelationshipCodeSequence": [],
        "ActualFrameDuration": None, "AcquisitionDate": None, "AcquisitionTime": None,
    },
}  # fmt: skip
"""Attributes of the CT, MR and PET modules: the source's, else these values, or none where that may be."""
_IF_KNOWN = {"MR": ("InversionTime", "TriggerTime"), "PT": ("DecayFactor", "ReprojectionMethod")}
"""Attributes that depend on how an image was acquired: the source's, if it has them."""


def write_slices(volume: Volume, folder: Path | None, target: Path) -> None:
    """Write one file for each frame.

    Parameters
    ----------
    volume
        The image.
    folder
        Where they go; None for an image of one frame, which goes to `target`.
    target
        The file, or the folder, as errors name it.
    """
    writer = _Slices(volume)
    repeats, slices = volume.axes.counts(volume.reader.shape)
    digits = max(4, len(str(repeats * slices)))
    if folder is not None:
        folder.mkdir()
        if volume.place is None and repeats * slices > 1:
            volume.context.loss("that its planes are one image", "files without a place aren't stacked again")
    for index, voxels in enumerate(frames(volume.reader, volume.axes, volume.context)):
        path = target if folder is None else folder / f"{index + 1:0{digits}}.dcm"
        with PixelFile(path, writer.header(index), 1, volume.stored.dtype) as file:
            file.add(volume.stored(voxels))


class _Slices:
    """The headers of an image's slices."""

    def __init__(self, volume: Volume) -> None:
        self._volume, self._modality = volume, volume.series.modality
        coloured = volume.axes.components is not None
        self._class = CAPTURE if coloured else CLASSES.get(self._modality, CAPTURE)
        self._repeats = repeats_of(volume.reader, volume.axes, volume.place, volume.context)
        self._slices = volume.axes.counts(volume.reader.shape)[1]
        place = volume.place
        self._spacing = plane_spacing(volume.reader, volume.context) if place is None else place.spacing
        self._sources = {position_key(header, place): header for header in volume.series.origin.headers}
        self._begun = _moment(volume.series.origin.first)

    def header(self, index: int) -> Dataset:
        """Return the header of one frame."""
        volume, first = self._volume, self._volume.series.origin.first
        repeat, number = divmod(index, self._slices)
        made = volume.header(self._class, index + 1)
        made.ImageType = _TYPES.get(self._class, ["DERIVED", "SECONDARY"])
        if self._class == CAPTURE:
            made.ConversionType, made.PatientOrientation = "WSD", None
        else:
            known = dict.fromkeys(one for one in _IF_KNOWN.get(self._modality, ()) if has(first, one))
            if "IR" not in texts_of(first, "ScanningSequence"):  # where it must not be (C.8.3.1, type 2C)
                known.pop("InversionTime", None)
            for keyword, value in {**_MODULES[self._modality], **known}.items():
                setattr(made, keyword, deepcopy(first[keyword].value) if has(first, keyword) else value)
        stored = volume.stored
        plain = self._class in (CAPTURE, CLASSES["MR"]) and (stored.slope, stored.intercept) == (1, 0)
        if volume.axes.components is None and not plain:
            made.RescaleIntercept, made.RescaleSlope = decimal(stored.intercept), decimal(stored.slope)
            if self._modality != "PT":
                made.RescaleType = "HU" if self._class == CLASSES["CT"] else "US"
        self._place(made, number)
        self._tell_apart(made, repeat, index)
        return made

    def _place(self, made: Dataset, number: int) -> None:
        """Say where a slice lies, and which slice of the source lies there."""
        place = self._volume.place
        if place is None:
            if self._spacing is not None:
                made.PixelSpacing = made.NominalScannedPixelSpacing = self._spacing
                made.PixelSpacingCalibrationType = "FIDUCIAL"
                made.PixelSpacingCalibrationDescription = "source"
            return
        made.FrameOfReferenceUID, made.PositionReferenceIndicator = self._volume.series.frame, None
        made.ImagePositionPatient, made.ImageOrientationPatient = place.position(number), place.orientation
        made.PixelSpacing, made.SliceThickness = self._spacing, place.step
        if self._class == CLASSES["MR"]:
            made.SpacingBetweenSlices = place.step
        source = self._sources.get(position_key(made, place))
        if source is not None:
            made.SourceImageSequence = [source_item(source)]

    def _tell_apart(self, made: Dataset, repeat: int, index: int) -> None:
        """Say what tells frames at one place apart."""
        repeats = self._repeats
        if self._class == CLASSES["PT"]:
            self._tell_apart_pet(made, repeat, index)
            return
        if not repeats.label:
            return
        made.AcquisitionNumber = repeat + 1
        if repeats.seconds is not None:
            began = self._begun + timedelta(seconds=repeats.seconds[repeat] - repeats.seconds[0])
            made.AcquisitionDate, made.AcquisitionTime = began.strftime("%Y%m%d"), began.strftime("%H%M%S.%f")
        if self._class != CLASSES["MR"]:
            return
        if repeats.b_values is not None:
            made.DiffusionBValue = repeats.b_values[repeat]
            direction = repeats.directions[repeat] if repeats.directions else None
            if direction is not None:
                made.DiffusionGradientOrientation = direction
        else:
            made.TemporalPositionIdentifier, made.NumberOfTemporalPositions = repeat + 1, repeats.count

    def _tell_apart_pet(self, made: Dataset, repeat: int, index: int) -> None:
        """Add what a PET series says of its frames (PS3.3, C.8.9.1, C.8.9.4)."""
        repeats = self._repeats
        made.SeriesType = ["DYNAMIC" if repeats.count > 1 else "STATIC", "IMAGE"]
        made.NumberOfSlices, made.ImageIndex = self._slices, index + 1
        if repeats.count > 1:
            made.NumberOfTimeSlices = repeats.count
        made.FrameReferenceTime = _milliseconds(repeats, repeat, self._volume.series.origin.first)


def _milliseconds(repeats: Repeats, repeat: int, first: Dataset) -> str:
    if repeats.seconds is not None:
        return decimal(1000 * repeats.seconds[repeat])
    if repeats.count == 1:
        return text_of(first, "FrameReferenceTime") or "0"
    return str(repeat)


def _moment(first: Dataset) -> datetime:
    """Return when the source was acquired, else now."""
    said = text_of(first, "AcquisitionDateTime")
    said = said or text_of(first, "AcquisitionDate") + text_of(first, "AcquisitionTime")
    return date_time(said) or datetime.now().replace(microsecond=0)
