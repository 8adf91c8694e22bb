"""Items of sequences, codes, and references to other objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_dicom.elements import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

    from mlarray_core import Code

_SHORT = 16
"""Characters of a Code Value; longer ones are Long Code Values (PS3.3, 8.8)."""


def item(**attributes: Any) -> Dataset:
    """Return an item of a sequence."""
    from pydicom.dataset import Dataset

    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def code_item(scheme: str, value: str, meaning: str) -> Dataset:
    """Return a coded concept (PS3.3, 8.8).

    Parameters
    ----------
    scheme, value, meaning
        Coding scheme designator, code value, and the words for it.
    """
    keyword = "CodeValue" if len(value) <= _SHORT else "LongCodeValue"
    return item(**{keyword: value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning[:64] or value})


def coded(code: Code) -> Dataset:
    """Return a concept of the label table as an item."""
    return code_item(code.scheme, code.value, code.meaning)


def source_item(header: Dataset) -> Dataset:
    """Return a reference to an image that another one is made of (PS3.3, C.12.4.1.1.2)."""
    return item(
        ReferencedSOPClassUID=text_of(header, "SOPClassUID"),
        ReferencedSOPInstanceUID=text_of(header, "SOPInstanceUID"),
        PurposeOfReferenceCodeSequence=[
            code_item("DCM", "121322", "Source image for image processing operation")
        ],
    )


def evidence(headers: Iterable[Dataset]) -> list[Dataset]:
    """Return study, series and objects that an enhanced image is made of (PS3.3, C.8.13.2)."""
    return [
        item(
            StudyInstanceUID=study,
            ReferencedSeriesSequence=[
                item(SeriesInstanceUID=series, ReferencedSOPSequence=[reference(header) for header in own])
                for series, own in _by(headers_of_study, "SeriesInstanceUID").items()
            ],
        )
        for study, headers_of_study in _by(headers, "StudyInstanceUID").items()
    ]


def _by(headers: Iterable[Dataset], keyword: str) -> dict[str, list[Dataset]]:
    found: dict[str, list[Dataset]] = {}
    for header in headers:
        found.setdefault(text_of(header, keyword), []).append(header)
    return found


def reference(header: Dataset) -> Dataset:
    """Return a reference to an object by class and UID."""
    return item(
        ReferencedSOPClassUID=text_of(header, "SOPClassUID"),
        ReferencedSOPInstanceUID=text_of(header, "SOPInstanceUID"),
    )


def refer_to(made: Dataset, headers: Iterable[Dataset]) -> None:
    """List the series and objects that an object refers to: Common Instance Reference (PS3.3, C.12.2).

    Parameters
    ----------
    made
        The object.
    headers
        Of the objects that it refers to, all of its own study.
    """
    series = _by(headers, "SeriesInstanceUID")
    if not series:
        return
    made.ReferencedSeriesSequence = [
        item(
            SeriesInstanceUID=uid,
            ReferencedInstanceSequence=[reference(header) for header in own],
        )
        for uid, own in series.items()
    ]
