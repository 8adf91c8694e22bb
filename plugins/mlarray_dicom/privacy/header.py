"""The profile applied to a header as `meta.source` holds it, columns and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_dicom.header.columns import Element, map_columns
from mlarray_dicom.privacy import values
from mlarray_dicom.privacy.actions import PATIENT_ID, PATIENT_NAME, action_of
from mlarray_dicom.privacy.demands import Demands
from mlarray_dicom.privacy.findings import REMOVED
from mlarray_dicom.privacy.table import is_creator, is_private, safe_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlarray_dicom.privacy.actions import Action
    from mlarray_io.sdk import Privacy

_SENDERS = frozenset(
    {"00020016", "00020017", "00020018", "00020026", "00020027", "00020028", "00020100", "00020102"}
)
"""File meta information that says who sent or wrote a file: it is written anew with each (PS3.10, 7.1)."""
_CLASSES = frozenset({"00020012"})
"""UIDs of software, not of data."""
_CLASS, _FRAMES = "00080016", "52009230"
"""SOP Class UID, Per-Frame Functional Groups Sequence."""
METHOD, CODES, DATES = "00120063", "00120064", "00280303"
_REFERENCES = frozenset({"UI", "IS", "US"})
"""VRs of what points to an instance and to its frames (PS3.3, 10.8)."""
_PARTS = ("constant", "per_frame", "nested")


class Deidentifier:
    """Applies the profile to the data sets of one image.

    Parameters
    ----------
    privacy
        How it is asked for.
    patient
        Whose header it is, for the pseudonym and for the days by which dates are moved.
    demands
        What its objects must have.
    """

    def __init__(self, privacy: Privacy, patient: str, demands: Demands) -> None:
        self.privacy, self.demands = privacy, demands
        self.pseudonym, self.days = privacy.pseudonym(patient, "patient"), privacy.days(patient)
        self.safe = "safe-private" in privacy.options
        self.uids = "uids" not in privacy.options

    def columns(self, part: Mapping[str, Any], rows: int, sequence: str = "") -> dict[str, Any]:
        """Return columns of data sets (`header.columns`) without what identifies somebody.

        Parameters
        ----------
        part
            The columns.
        rows
            How many data sets they are of.
        sequence
            Tag of that which they are the items of; empty for data sets.
        """

        def level(columns: Mapping[str, Any], tag: str) -> _Level:
            return _Level(self, columns.get("constant", {}), tag)

        return _tidied(map_columns(part, rows, level, sequence))

    def item(self, item: Mapping[str, Element], sequence: str) -> dict[str, Element]:
        """Return an item of the DICOM JSON model, in a sequence, without what identifies somebody."""
        return dict(self.columns({"constant": item}, 1, sequence).get("constant", {}))

    def sequence(self, tag: str, element: Element) -> Element:
        """Return a sequence whose items are gone through."""
        items = [self.item(item, tag) if isinstance(item, dict) else {} for item in element.get("Value", ())]
        return {**element, "Value": items} if items else {"vr": "SQ"}

    def references(self, tag: str, element: Element) -> Element:
        """Return a sequence of references: their UIDs replaced, frame numbers, and nothing else."""
        whole = self.sequence(tag, element)
        items = [
            {name: one for name, one in item.items() if one.get("vr") in _REFERENCES}
            for item in whole.get("Value", ())
        ]
        return {**whole, "Value": items} if items else whole

    def marks(self) -> dict[str, Element]:
        """Return the attributes that say what was done (PS3.15, E.2; PS3.3, C.7.1.1 and C.12.1.1)."""
        options = self.privacy.options
        dates = (
            "UNMODIFIED" if "dates" in options else "MODIFIED" if "shifted-dates" in options else "REMOVED"
        )
        codes = [
            {
                "00080100": {"vr": "SH", "Value": [code]},
                "00080102": {"vr": "SH", "Value": ["DCM"]},
                "00080104": {"vr": "LO", "Value": [meaning]},
            }
            for code, meaning in self.privacy.codes
        ]
        return {
            REMOVED: {"vr": "CS", "Value": ["YES"]},
            METHOD: {"vr": "LO", "Value": [text[:64] for text in self.privacy.method]},
            CODES: {"vr": "SQ", "Value": codes},
            DATES: {"vr": "CS", "Value": [dates]},
        }


class _Level:
    """One level of data sets: the profile with the creators of the private blocks that stand there.

    Parameters
    ----------
    work
        The profile.
    constant
        Elements of the level that are the same in all data sets.
    sequence
        Tag of that which they are in items of; empty in data sets.
    """

    def __init__(self, work: Deidentifier, constant: Mapping[str, Element], sequence: str) -> None:
        self._work, self._sequence = work, sequence
        self._creators = dict(_creators(constant))

    def change(self, tag: str, element: Element) -> Element | None:
        """Return what takes the place of an element, None for nothing."""
        work, vr = self._work, str(element.get("vr", "UN"))
        if is_private(tag):
            return self._private(tag, vr, element)
        if tag in _SENDERS:
            return None
        if tag in _CLASSES or (tag.endswith("0000") and vr == "UL"):
            return element
        action = self._action(tag, vr)
        if action == "X":
            return None
        if action == "Z":
            return values.empty(vr)
        if action == "D":
            return values.dummy(vr)
        if action == "P":
            return values.named(vr, work.pseudonym)
        if action == "R":
            return work.references(tag, element)
        if vr == "SQ":
            return work.sequence(tag, element)
        if action == "U":
            return values.remapped(element, work.privacy)
        return values.cleaned(element, work.privacy, work.days) if action == "C" else element

    def enters(self, tag: str) -> bool:
        """Say whether the items of a sequence are gone through, or its action takes it whole."""
        if is_private(tag):
            return self._is_safe(tag)
        return self._action(tag, "SQ") in ("K", "C", "U")

    def _action(self, tag: str, vr: str) -> Action:
        work = self._work
        return action_of(tag, vr, work.privacy, work.demands.of(self._sequence, tag))

    def _private(self, tag: str, vr: str, element: Element) -> Element | None:
        if is_creator(tag):
            return element if self._work.safe else None
        if not self._is_safe(tag):
            return None
        if vr == "SQ":
            return self._work.sequence(tag, element)
        return values.remapped(element, self._work.privacy) if vr == "UI" and self._work.uids else element

    def _is_safe(self, tag: str) -> bool:
        place = (self._creators.get(tag[:6], ""), tag[:4], tag[6:])
        return self._work.safe and place in safe_private()


def patient_of(source: Mapping[str, Any]) -> str:
    """Return what tells patients apart: the ID, else the name, else the UID of the study."""
    for tag in (PATIENT_ID, PATIENT_NAME, "0020000D"):
        found = (source.get("constant", {}).get(tag, {}).get("Value") or [None])[0]
        text = found.get("Alphabetic") if isinstance(found, dict) else found
        if isinstance(text, str) and text.strip():
            return text.strip()
    return ""


def deidentified(source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
    """Return a header, as `meta.source` holds it, without what identifies somebody.

    What isn't spelt as this plugin writes it is left out.

    Parameters
    ----------
    source
        As `header.source` makes it.
    privacy
        How it is asked for.
    """
    rows, groups = source.get("files"), source.get("functional_groups")
    if not isinstance(rows, int):
        return {}
    classes = source.get("constant", {}).get(_CLASS, {}).get("Value") or [""]
    demands = Demands(str(classes[0]), multiframe=isinstance(groups, dict))
    work = Deidentifier(privacy, patient_of(source), demands)
    found: dict[str, Any] = {
        name: source[name] for name in ("files", "frames", "order", "software") if name in source
    }
    clean = work.columns({name: source[name] for name in _PARTS if name in source}, rows)
    for part in clean.values():
        for tag in work.marks():
            part.pop(tag, None)
    found.update(clean)
    found["constant"] = dict(sorted({**clean.get("constant", {}), **work.marks()}.items()))
    if isinstance(source.get("file_meta"), dict):
        found["file_meta"] = work.columns(source["file_meta"], rows)
    if isinstance(groups, dict):
        counts = groups.get("frames_of_each_file", [])
        inside = {name: groups[name] for name in _PARTS if name in groups}
        found["functional_groups"] = {
            "frames_of_each_file": counts,
            **work.columns(inside, sum(counts), _FRAMES),
        }
    return found


def _creators(elements: Mapping[str, Element]) -> Iterator[tuple[str, str]]:
    """Yield the private blocks of a data set, by the first six digits of their tags, and who made them."""
    for tag, element in elements.items():
        names = element.get("Value") if is_creator(tag) else None
        if names and isinstance(names[0], str):
            yield tag[:4] + tag[6:], names[0].strip()


def _tidied(columns: dict[str, Any]) -> dict[str, Any]:
    """Leave out the creators of private blocks of which nothing is left."""
    used = {tag[:6] for part in columns.values() for tag in part if is_private(tag) and not is_creator(tag)}
    clean = {}
    for name, part in columns.items():
        kept = {tag: one for tag, one in part.items() if not is_creator(tag) or tag[:4] + tag[6:] in used}
        if name == "nested":
            kept = {tag: _tidied(one) for tag, one in kept.items()}
        if kept:
            clean[name] = kept
    return clean
