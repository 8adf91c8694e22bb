"""A CT series with a value of its own, told by a marker, in every attribute that the profile names."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mlarray_dicom.privacy.table import PRIVATE, attributes
from tests.dicom.written import dataset, enhanced, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CLASS = "1.2.840.10008.5.1.4.1.1"
_BINARY = ("OB", "OW", "UN", "OB or OW", "OF", "OD")
_NUMBERS = ("DS", "IS", "FD", "FL", "SL", "SS", "UL", "US")


class Marked:
    """Data sets with markers.

    Attributes
    ----------
    markers
        Texts that tell the values, by where they were put.
    """

    def __init__(self) -> None:
        self.markers: dict[str, str] = {}
        self._count = 0

    def series(self, folder: Path) -> Path:
        """Write two slices, whose instances differ in some attributes."""
        folder.mkdir()
        for index in range(2):
            made = dataset(np.full((4, 6), index, np.int16), (0, 0, index), SeriesInstanceUID="1.2.3.4")
            made.file_meta.add_new(0x00020016, "AE", self._text("AE", "source AE"))
            self._put_all(made, {0x00080018})
            made.SOPInstanceUID = self._uid(f"instance {index}")
            made.StudyInstanceUID, made.SeriesInstanceUID = "1.9.4711.1", "1.9.4711.2"
            made.FrameOfReferenceUID = "1.9.4711.3"
            kept = Dataset()
            self._put_all(kept, set())
            self._put_private(kept, 0x0029)
            made.AnatomicRegionSequence = [kept]  # the profile keeps it
            self._put_private(made, 0x0009)
            self._put_private(made, 0x2001, creator="Philips Imaging DD 001")
            write(made, folder / f"{index}.dcm")
        self.markers.update(study="1.9.4711.1", series="1.9.4711.2", frame="1.9.4711.3")
        return folder

    def multiframe(self, path: Path) -> Path:
        """Write an enhanced MR image with markers in the functional groups, and around the data set."""

        def mark(group: Dataset, _: int) -> Dataset:
            inner = Dataset()
            for one in (group, group.FrameContentSequence[0], inner):
                self._put_all(one, set())
            group.FrameAnatomySequence = [inner]
            self._put_private(group, 0x0021)
            self._put_private(group, 0x2005, creator="Philips MR Imaging DD 001")
            return group

        made = enhanced([(0, 0), (1, 0)], extra=mark, SOPClassUID=f"{_CLASS}.4.1", Modality="MR")
        self._put_all(made, {0x00080018})
        made.Manufacturer = "SIEMENS"
        protocol = f'tProtocolName\t = \t"{self._text("LO", "protocol")}"'
        block = made.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x20, "OB", f"### ASCCONV BEGIN ###\n{protocol}\n### ASCCONV END ###".encode())
        made.add_new(0xFFFCFFFC, "OB", self._text("LO", "padding").encode())
        made.preamble = self._text("LO", "preamble").encode().ljust(128, b"\0")
        made.file_meta.PrivateInformationCreatorUID = self._uid("creator of private information")
        made.file_meta.PrivateInformation = self._text("LO", "private information").encode()
        return write(made, path)

    def put_into(self, path: Path, *sequences: str) -> None:
        """Put markers into a file, and into the items of some sequences of it."""
        made = dcmread(path)
        modality = made.Modality
        self._put_all(made, {0x00080018})
        for item in (item for name in sequences for item in made[name].value):
            self._put_all(item, set())
            if "SegmentNumber" in item:
                item.SegmentDescription = self._text("ST", "description of a segment")
                item.TrackingID, item.TrackingUID = self._text("UT", "tracking"), self._uid("tracking")
            if "ROINumber" in item:
                item.ROIDescription = self._text("ST", "description of a structure")
        made.Modality = modality
        made.save_as(path)

    def _put_all(self, made: Dataset, skipped: set[int]) -> None:
        for tag, row in attributes().items():
            number = tag.replace("x", "0") if tag != PRIVATE else ""
            if not number or int(number, 16) in skipped or number[:4] in ("0000", "0002", "0004", "FFFC"):
                continue
            made.add(self._element(int(number, 16), row.name))

    def _element(self, tag: int, name: str) -> DataElement:
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            vr = "LO"
        if vr == "SQ":
            inner = Dataset()
            inner.add_new(0x00080104, "LO", self._text("LO", f"{name}, inside"))
            inner.add_new(0x00100010, "PN", self._text("PN", f"{name}, name inside"))
            return DataElement(Tag(tag), "SQ", [inner])
        return DataElement(Tag(tag), vr.split(" or ")[0], self._value(vr, name))

    def _value(self, vr: str, name: str) -> Any:
        if vr in _BINARY:
            return self._text("LO", name).encode().ljust(16)
        if vr == "UI":
            return self._uid(name)
        if vr in ("DA", "DT", "TM"):
            return self._moment(vr, name)
        if vr in _NUMBERS:
            first = 57000 if vr in ("US", "SS") else 7654000
            return int(self._mark(name, lambda count: f"{first + count}"))
        return self._mark(name, lambda _: "077Y") if vr == "AS" else self._text(vr, name)

    def _mark(self, name: str, make: Callable[[int], str]) -> str:
        self._count += 1
        return self.markers.setdefault(f"{name} ({self._count})", make(self._count))

    def _text(self, vr: str, name: str) -> str:
        return self._mark(f"{name}, {vr}", lambda count: f"MARKER{count:04d}")

    def _uid(self, name: str) -> str:
        return self._mark(name, lambda count: f"1.9.4711.{count + 100000}")

    def _moment(self, vr: str, name: str) -> str:
        """Return a day, or a time, that nothing else has."""

        def made(count: int) -> str:
            day = f"17{count % 80 + 10}{count % 12 + 1:02d}{count % 28 + 1:02d}"
            return {"DA": day, "TM": f"171717.{count:06d}", "DT": f"{day}171717.{count:06d}"}[vr]

        return self._mark(name, made)

    def _put_private(self, made: Dataset, group: int, creator: str = "SECRET MAKER") -> None:
        block = made.private_block(group, creator, create=True)
        if creator == "SECRET MAKER":
            self.markers[f"creator {group:04X}"] = creator
        block.add_new(0x01, "LO", self._text("LO", f"private text {group:04X}"))
        block.add_new(0x02, "PN", self._text("PN", f"private name {group:04X}"))
        block.add_new(0x63, "OB", self._text("LO", f"private bytes {group:04X}").encode().ljust(16))
        inner = Dataset()
        inner.PatientName = self._text("PN", f"private sequence {group:04X}")
        block.add_new(0xFE, "SQ", [inner])


def left(marked: Marked, *contents: bytes | str) -> dict[str, str]:
    """Return the markers that are in contents, in plain or as base64 has them."""
    texts = [one.decode("latin-1") if isinstance(one, bytes) else one for one in contents]
    return {
        where: marker
        for where, marker in marked.markers.items()
        if any(_is_in(one, text) for text in texts for one in (marker, *_in_base64(marker)))
    }


def _is_in(marker: str, text: str) -> bool:
    """Say whether a marker is in a text; a number isn't where it is a part of a longer one."""
    if not marker.isdigit() or marker not in text:
        return marker in text
    return re.search(rf"(?<!\d){marker}(?!\d)", text) is not None


def _in_base64(marker: str) -> list[str]:
    """Return the middle of what a long marker becomes in base64, for each place that it may begin at."""
    if len(marker) < 10:
        return []
    return [base64.b64encode(b"\0" * shift + marker.encode())[4:-4].decode() for shift in range(3)]


def decoded(value: object) -> str:
    """Return any value of metadata as one text."""
    return json.dumps(value, ensure_ascii=False, default=str)
