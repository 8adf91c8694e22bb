"""DICOM: files, folders and multi-frame objects, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mlarray_dicom.options import DicomOptions
from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlarray_core.meta import Meta
    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy


class DicomFormat(Format[DicomOptions]):
    """DICOM Part 10 files, and data sets without a preamble."""

    name: ClassVar[str] = "dicom"
    title: ClassVar[str] = "DICOM"
    suffixes: ClassVar[tuple[str, ...]] = (".dcm", ".dcms", ".dicom", ".ima")
    target_suffixes: ClassVar[tuple[str, ...]] = (".dcm", ".dcms")
    requires: ClassVar[tuple[str, ...]] = ("pydicom",)
    install: ClassVar[str] = "mlarray[dicom]"
    folder: ClassVar[Literal["whole", "together", "named"]] = "together"
    indexes: ClassVar[frozenset[str]] = frozenset({"dicomdir"})
    names_identifying: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for the preamble, or for the first element of a data set; in a folder, for such a file."""
        from mlarray_dicom.signature import holds_dicom, recognise

        if source.is_dir:
            return Confidence.SIGNATURE if holds_dicom(source.path) else Confidence.NO
        if recognise(source.head):
            return Confidence.SIGNATURE
        return super().sniff(source)

    def images(self, source: Source, options: DicomOptions, context: Context) -> Sequence[ImageRef]:
        """List the images of a file or of everything below a folder, by their headers.

        Parameters
        ----------
        source
            The file or folder.
        options, context
            What the user wants, and where to tell what is left out.
        """
        from mlarray_dicom.listing import list_images

        return list_images(source.path, options, context)

    def header_values(self, meta: Meta) -> Mapping[str, Any]:
        """Return the values of the first frame's elements by DICOM's keywords, such as ``PatientID``."""
        from mlarray_dicom.header.keywords import by_keyword

        return by_keyword(meta)

    def open(self, source: Source, image: ImageRef, options: DicomOptions, context: Context) -> Reader:
        """Read the headers of one image; its frames are decoded when they are asked for.

        Parameters
        ----------
        source
            The file or folder.
        image
            The image, as it was listed.
        options, context
            What the user wants, and where to tell what he should know.
        """
        from mlarray_dicom.image import open_image

        return open_image(source.path, image, options, context)

    def write(self, reader: Reader, target: Path, options: DicomOptions, context: Context) -> None:
        """Write a derived object: one file, or a folder of slices when the name ends in ``.dcms``.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_dicom.write.writer import write_dicom

        write_dicom(reader, target, options, context)

    def identifying(self, source: Mapping[str, Any]) -> Sequence[str]:
        """Keywords of the attributes that PS3.15, table E.1-1, names and that have a value."""
        from mlarray_dicom.privacy.findings import identifying

        return identifying(source)

    def recognisable(self, source: Mapping[str, Any]) -> Sequence[str]:
        """Say what burned-in text, a face or a photographed screen may be in the voxels."""
        from mlarray_dicom.privacy.findings import recognisable

        return recognisable(source)

    def patient(self, source: Mapping[str, Any]) -> str:
        """Return the Patient ID, else the name, else the UID of the study."""
        from mlarray_dicom.privacy.header import patient_of

        return patient_of(source)

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Apply the Basic Application Level Confidentiality Profile with its options (PS3.15, Annex E).

        Parameters
        ----------
        source
            The header.
        privacy
            The options.
        """
        from mlarray_dicom.privacy.header import deidentified

        return deidentified(source, privacy)

    def field_name(self, key: str) -> str:
        """Return the keyword of a tag, ``Modality`` for ``00080060``; private tags stay as they are."""
        if len(key) != 8 or not set(key) <= set("0123456789ABCDEF"):
            return key
        from pydicom.datadict import keyword_for_tag

        return keyword_for_tag(int(key, 16)) or key


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [DicomFormat()]
