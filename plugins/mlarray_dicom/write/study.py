"""Patient, study and series of what is written: from a template, from the source's header, or new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import NotFoundError, OptionError
from mlarray_dicom.elements import loose_number, text_of
from mlarray_dicom.header.source import datasets
from mlarray_dicom.instance import read_instance
from mlarray_dicom.parsing import quiet
from mlarray_dicom.scan import scan
from mlarray_dicom.write.patient import EMPTY, keep
from mlarray_io import Context

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_core import Meta
    from mlarray_dicom.options import DicomOptions

DERIVED_SERIES = 1000
"""Added to the number of the source's series, so that the two stand apart in a list."""
LARGEST_IS = 2**31 - 1
"""Of an integer string (PS3.5, 6.2)."""
IMPLEMENTATION = "2.25.315219367128402176493172304857201954383"
"""Implementation Class UID of what is written here (PS3.7, D.3.3.2), made of a random UUID."""


@dataclass(frozen=True)
class Origin:
    """What an image is derived from.

    Parameters
    ----------
    headers
        Of the files of the series, without pixels; none when nothing is known.
    is_template
        Whether the user named them.
    """

    headers: list[Dataset]
    is_template: bool = False

    @property
    def first(self) -> Dataset:
        """The header of the first file, an empty one when there is none."""
        from pydicom.dataset import Dataset

        return self.headers[0] if self.headers else Dataset()


def origin_of(meta: Meta, options: DicomOptions, target: Path, context: Context) -> Origin:
    """Return what an image is derived from: the template's series, else that of the header it came with.

    Parameters
    ----------
    meta
        Of the image.
    options
        The template, if there is one.
    target
        The file, for errors.
    context
        Says whether identities are to be left out.

    Raises
    ------
    NotFoundError
        There is no such template.
    OptionError
        It holds no DICOM image, or brings a patient where none is wanted.
    """
    if options.template is not None:
        if context.anonymous:
            raise OptionError(
                "a template brings its patient, which --anonymize (anonymize=) leaves out",
                path=target,
                field="template",
                hint="Leave it out, or anonymise image and series first, and write without --anonymize",
            )
        return Origin(_template(options.template, target), is_template=True)
    if meta._image_meta_format.value == "dicom" and "files" in meta.source:
        return Origin(datasets(meta.source.to_plain()))
    return Origin([])


def _template(name: str, target: Path) -> list[Dataset]:
    from pathlib import Path

    path = Path(name).expanduser()
    if not path.exists():
        raise NotFoundError("there is no such template", path=path, field="template")
    with quiet():
        found = scan(path, Context()).instances if path.is_dir() else [read_instance(path)]
        if not found:
            raise OptionError(
                f"{path} holds no DICOM image",
                path=target,
                field="template",
                hint="Name a file of the study, or the folder of the series that the image is derived from",
            )
        series = found[0].text("SeriesInstanceUID")
        own = [one for one in found if one.text("SeriesInstanceUID") == series]
        return [one.dataset if one.whole else read_instance(one.path).dataset for one in own]


def new_uid() -> str:
    """Return a new UID (PS3.5, B.2: of a random UUID)."""
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


class Series:
    """The new series that objects belong to.

    Parameters
    ----------
    origin
        What it is derived from.
    modality
        Of the series.

    Attributes
    ----------
    uid, study, frame
        UIDs of the series, the study and the frame of reference.
    number
        Of the series.
    """

    def __init__(self, origin: Origin, modality: str) -> None:
        now, first = datetime.now(), origin.first
        self.origin, self.modality = origin, modality
        self.number = min(abs(int(loose_number(first, "SeriesNumber") or 0)) + DERIVED_SERIES, LARGEST_IS)
        self.uid = new_uid()
        self.study = text_of(first, "StudyInstanceUID") or new_uid()
        self.frame = text_of(first, "FrameOfReferenceUID") or new_uid()
        self._date, self._time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")

    def dataset(self, sop_class: str, number: int, syntax: str) -> Dataset:
        """Return a new object of the series: who, when, and made by what.

        Parameters
        ----------
        sop_class
            UID of its class.
        number
            Instance number.
        syntax
            UID of its transfer syntax.
        """
        from pydicom.dataset import Dataset, FileMetaDataset

        made, first = Dataset(), self.origin.first
        uid = new_uid()
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid
        meta.TransferSyntaxUID, meta.ImplementationClassUID = syntax, IMPLEMENTATION
        meta.ImplementationVersionName = "MLARRAY"
        made.file_meta = meta
        made.SpecificCharacterSet = "ISO_IR 192"
        made.SOPClassUID, made.SOPInstanceUID = sop_class, uid
        for keyword in EMPTY:
            setattr(made, keyword, None)
        with quiet():
            keep(first, made)
        made.StudyInstanceUID, made.SeriesInstanceUID = self.study, self.uid
        made.Modality, made.SeriesNumber, made.InstanceNumber = self.modality, self.number, number
        if text_of(first, "SeriesDescription"):
            made.SeriesDescription = text_of(first, "SeriesDescription")[:54] + " (derived)"
        made.InstanceCreationDate = made.ContentDate = made.SeriesDate = self._date
        made.InstanceCreationTime = made.ContentTime = made.SeriesTime = self._time
        made.Manufacturer = made.ManufacturerModelName = "mlarray"
        made.SoftwareVersions, made.DeviceSerialNumber = version(), "0"
        return made

    def for_highdicom(self) -> dict[str, Any]:
        """Return what `dataset` says of the series and its maker, as highdicom's classes take it."""
        return {
            "series_instance_uid": self.uid,
            "series_number": self.number,
            "sop_instance_uid": new_uid(),
            "instance_number": 1,
            "manufacturer": "mlarray",
            "manufacturer_model_name": "mlarray",
            "software_versions": version(),
            "device_serial_number": "0",
        }


def version() -> str:
    """Return the version of mlarray."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of("mlarray")
    except PackageNotFoundError:
        return "unknown"
