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


def usual_json(element: Element) -> dict[str, Any] | None:
    """Return an element in the DICOM JSON model; None where pydicom has to read it.

    Parameters
    ----------
    element
        As it was read, its value in bytes.
    """
    content = getattr(element, "value", None)
    form, convert = _FORMS.get(element.VR or "", (None, str))
    if form is None or not isinstance(content, bytes) or not content.isascii():
        return None
    padding = "\0" if element.VR == "UI" else " "
    parts = content.decode("ascii").removesuffix(padding).split("\\")
    if not all(map(form.fullmatch, parts)):
        return None
    return {"vr": str(element.VR), "Value": [convert(part) for part in parts]}
