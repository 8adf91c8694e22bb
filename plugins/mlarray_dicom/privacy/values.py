"""Values that take the place of others, in the DICOM JSON model (PS3.18, F.2)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from mlarray_io.sdk import cleaned_text

if TYPE_CHECKING:
    from mlarray_io.sdk import Privacy

Element = dict[str, Any]

ROOT = "1.2.840.10008."
"""What the UIDs of the standard begin with: they name kinds of things, not things."""
_DUMMIES = {
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "AS": "000Y",
    "UR": "urn:anonymized",
    "DS": 0,
    "IS": 0,
    "AT": "00000000",
    "PN": {"Alphabetic": "ANONYMIZED"},
    **dict.fromkeys(("FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"), 0),
}
_DUMMY = "ANONYMIZED"
"""Fits every VR of text."""
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def empty(vr: str) -> Element:
    """Return an element without a value (action Z)."""
    return {"vr": vr}


def dummy(vr: str) -> Element:
    """Return an element with a value that says nothing (action D)."""
    if vr == "SQ":
        return {"vr": vr, "Value": [{}]}
    if vr in _BINARY:
        return {"vr": vr, "InlineBinary": base64.b64encode(b"\0" * 8).decode("ascii")}
    return {"vr": vr, "Value": [_DUMMIES.get(vr, _DUMMY)]}


def named(vr: str, text: str) -> Element:
    """Return an element with one text for value."""
    return {"vr": vr, "Value": [{"Alphabetic": text} if vr == "PN" else text]}


def remapped(element: Element, privacy: Privacy) -> Element:
    """Return UIDs replaced by others, the same by the same everywhere (action U)."""
    if "Value" not in element:
        return element
    return {**element, "Value": [_other_uid(value, privacy) for value in element["Value"]]}


def _other_uid(value: object, privacy: Privacy) -> object:
    if not isinstance(value, str) or value.startswith(ROOT) or not value.strip():
        return value
    return privacy.uid(value.strip())


def cleaned(element: Element, privacy: Privacy, days: int) -> Element:
    """Return values of a similar meaning that identify nobody (action C): dates moved, known words of texts.

    Parameters
    ----------
    element
        As it is.
    privacy
        How it is asked for.
    days
        By how many days dates are moved.
    """
    vr = str(element.get("vr", "UN"))
    values = element.get("Value")
    if not isinstance(values, list):
        return empty(vr)
    if vr in ("DA", "DT"):
        moved = [privacy.shifted(str(value), days) for value in values if value is not None]
        return {"vr": vr, "Value": moved} if moved and None not in moved else empty(vr)
    if vr == "TM":
        return element
    if vr == "AE":
        return {"vr": vr, "Value": [privacy.pseudonym(str(value), "AE") for value in values]}
    if vr in ("PN", *_BINARY):
        return empty(vr)
    if isinstance(next(iter(values), None), str):
        texts = [cleaned_text(str(value)) for value in values]
        return {"vr": vr, "Value": texts} if any(texts) else empty(vr)
    return empty(vr)
