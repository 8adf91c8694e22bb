"""Values of a kept header by DICOM's keywords (PS3.6), such as ``PatientID``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydicom.datadict import keyword_for_tag

if TYPE_CHECKING:
    from mlarray_core.meta import Meta

_TAG = re.compile(r"[0-9A-Fa-f]{8}")


def by_keyword(meta: Meta) -> dict[str, Any]:
    """Return the first value of each element that is one text or number, by keyword.

    Of a series, those are taken that all files have in common (``constant``, see `header.source`).
    """
    header = meta.source.to_plain()
    common = header.get("constant")
    found: dict[str, Any] = {}
    for tag, element in (common if isinstance(common, dict) else header).items():
        keyword = keyword_for_tag(int(tag, 16)) if _TAG.fullmatch(tag) else ""
        value = _first(element)
        if keyword and value is not None:
            found[keyword] = value
    return found


def _first(element: object) -> str | int | float | None:
    """Return the first value of an element in the DICOM JSON model (PS3.18, F.2); of a name, its letters."""
    values = element.get("Value") if isinstance(element, dict) else None
    value = values[0] if isinstance(values, list) and values else None
    if isinstance(value, dict):
        value = value.get("Alphabetic")
    return value if isinstance(value, str | int | float) else None
