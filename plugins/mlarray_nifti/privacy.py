"""What a NIfTI or Analyze header says about a person: texts and extensions, which may hold anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlarray_core import headers

if TYPE_CHECKING:
    from collections.abc import Mapping

_TECHNICAL = frozenset({"variant", "byte_order", "single_file", "magic", "extensions"})
_IDENTIFYING = ("db_name", "patient_id", "originator", "generated", "scannum", "exp_date", "exp_time")
"""Fields of Analyze 7.5 (dbh.h) that say who and when; NIfTI kept the first one unused."""
_DICOM, _CIFTI = 2, 32
"""Codes of extensions (nifti1.h, nifti_ecode)."""
_NOTES = re.compile(rb"<MetaData>.*?</MetaData>|<MetaData\s*/>", re.DOTALL)
"""Free notes within CIFTI's XML; the rest of it says what the axes are."""


def identifying(source: Mapping[str, Any]) -> list[str]:
    """Return the fields that are there for who and when, and have a value; and embedded DICOM."""
    found = [name for name in _IDENTIFYING if _has_text(source.get(name))]
    return found + ["extension of DICOM" for one in _extensions(source) if one.get("code") == _DICOM]


def deidentified(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header without its texts and extensions, but for those of CIFTI, without their notes."""
    intent = source.get("intent_code")
    matrix = isinstance(intent, int) and 3000 <= intent <= 3099
    clean: dict[str, Any] = {}
    for name, value in source.items():
        text = isinstance(value, str | dict)
        clean[name] = (
            "" if text and name not in _TECHNICAL and not (matrix and name == "intent_name") else value
        )
    clean["extensions"] = [_without_notes(one) for one in _extensions(source) if one.get("code") == _CIFTI]
    return clean


def _without_notes(extension: Mapping[str, Any]) -> dict[str, Any]:
    content = headers.restore(extension.get("content", ""))
    data = content.encode() if isinstance(content, str) else bytes(content)
    kept = _NOTES.sub(b"", data).rstrip(b"\0")
    return {"code": _CIFTI, "content": headers.plain(kept.decode("utf-8", "replace"))}


def _extensions(source: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in source.get("extensions") or () if isinstance(one, dict)]


def _has_text(value: object) -> bool:
    content = headers.restore(value) if isinstance(value, str | dict) else ""
    if isinstance(content, bytes):
        content = content.strip(b"\0 ").decode("latin-1")
    return bool(str(content).strip("\0 "))
