"""Elements that differ from file to file, as JSON at once: identifiers, numbers, dates and times.

pydicom makes an object of each, checks it and turns it into JSON: for the few that differ among the files of
a series that takes longer than all that they share. What isn't spelt just as usual is left to pydicom.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlarray_dicom.private_names import Element

_FORMS: dict[str, tuple[re.Pattern[str], Callable[[str], object]]] = {
    "UI": (re.compile(r"[0-9]+(?:\.[0-9]+)+"), str),
    "IS": (re.compile(r"-?[0-9]{1,9}"), int),
    "DS": (re.compile(r"-?[0-9]{1,8}(?:\.[0-9]{1,8})?"), float),
    "DA": (re.compile(r"[0-9]{8}"), str),
    "TM": (re.compile(r"[0-9]{6}(?:\.[0-9]{1,6})?"), str),
}
"""How values of a VR are spelt usually (PS3.5, table 6.2-1), and what they are in JSON (PS3.18, F.2.3)."""


_AS_SPELT = frozenset({"UI", "DA", "TM"})
"""VRs whose values are texts."""


def usual_text(element: Element) -> str | None:
    """Return the one value of an identifier, a date or a time; None where pydicom has to read it.

    The element stays as it was read, so that `usual_json` has less to do as well.

    Parameters
    ----------
    element
        As it was read, its value in bytes.
    """
    parts = _usual_parts(element) if element.VR in _AS_SPELT else None
    return parts[0] if parts is not None and len(parts) == 1 else None


def usual_json(element: Element) -> dict[str, Any] | None:
    """Return an element in the DICOM JSON model; None where pydicom has to read it.

    Parameters
    ----------
    element
        As it was read, its value in bytes.
    """
    parts = _usual_parts(element)
    if parts is None:
        return None
    return {"vr": str(element.VR), "Value": [_FORMS[str(element.VR)][1](part) for part in parts]}


def _usual_parts(element: Element) -> list[str] | None:
    """Return the values of an element as they are spelt; None where that isn't just as usual."""
    content = getattr(element, "value", None)
    form = _FORMS.get(element.VR or "")
    if form is None or not isinstance(content, bytes) or not content.isascii():
        return None
    padding = "\0" if element.VR == "UI" else " "
    parts = content.decode("ascii").removesuffix(padding).split("\\")
    return parts if all(map(form[0].fullmatch, parts)) else None
