"""What a header says about a patient, and whether its voxels may show who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_dicom.privacy.actions import PATIENT_ID, PATIENT_NAME
from mlarray_dicom.privacy.table import is_creator, row_of
from mlarray_dicom.privacy.values import ROOT, dummy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REMOVED = "00120062"
_BURNED_IN, _RECOGNISABLE = "00280301", "00280302"
_CLASS, _MODALITY, _BODY_PART, _KIND, _CONVERSION = "00080016", "00080060", "00180015", "00080008", "00080064"
_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"
"""Secondary Capture Image Storage, and the multi-frame ones below it."""
_HEADS = frozenset(
    ["HEAD", "SKULL", "BRAIN", "FACE", "HEADNECK", "NECK", "ORBIT", "SINUS", "JAW", "MAXILLA", "TMJ", "EYE"]
)
_HEAD_WORDS = frozenset(
    ["HEAD", "BRAIN", "SKULL", "FACE", "CRANIUM", "CEREBRAL", "MPRAGE", "FLAIR", "NEURO", "SINUS", "ORBITS"]
)
_VOLUMES = frozenset({"CT", "MR", "PT"})
_DESCRIPTIONS = ("0008103E", "00081030", "00181030")


def identifying(source: Mapping[str, Any]) -> list[str]:
    """Return the keywords of the attributes that the profile names and that have a value, at any depth.

    Of a header that says that identity was removed (0012,0062), what stands there in its place isn't counted.
    """
    from pydicom.datadict import keyword_for_tag

    removed = _first(source, REMOVED).upper() == "YES"
    found: dict[str, None] = {}
    for part in (source, source.get("functional_groups"), source.get("file_meta")):
        if isinstance(part, dict):
            found.update(dict.fromkeys(_tags(part, removed=removed)))
    return [keyword_for_tag(int(tag, 16)) or f"({tag[:4]},{tag[4:]})" for tag in found]


def _tags(part: Mapping[str, Any], *, removed: bool) -> Iterator[str]:
    for name in ("constant", "per_frame"):
        for tag, element in part.get(name, {}).items():
            yield from _tags_of(tag, element, removed=removed)
    for tag, columns in part.get("nested", {}).items():
        inside = list(_tags(columns, removed=removed))
        if _is_named(tag) and (inside or not removed):
            yield tag
        yield from inside


def _tags_of(tag: str, element: Mapping[str, Any], *, removed: bool) -> Iterator[str]:
    vr, content = (
        element.get("vr"),
        element.get("Value") or element.get("InlineBinary") or element.get("elements"),
    )
    if not content or (vr == "UI" and _is_said_of_all(content, removed=removed)):
        return
    stands_in = removed and (tag in (PATIENT_NAME, PATIENT_ID) or {**element} == dummy(str(vr)) or vr == "SQ")
    if _is_named(tag) and not stands_in:
        yield tag
    if element.get("vr") == "SQ" and isinstance(content, list):
        for row in content:
            for item in row if isinstance(row, list) else [row]:
                if isinstance(item, dict):
                    yield from _tags({"constant": item}, removed=removed)


def _is_named(tag: str) -> bool:
    return row_of(tag) is not None and not is_creator(tag)


def _is_said_of_all(content: object, *, removed: bool) -> bool:
    """Say whether UIDs are the standard's, or made of random numbers by who removed the identity."""
    roots = (ROOT, "2.25.") if removed else (ROOT,)
    rows = content if isinstance(content, list) else [content]
    flat = [one for row in rows for one in (row if isinstance(row, list) else [row])]
    return all(isinstance(one, str) and one.startswith(roots) for one in flat)


def recognisable(source: Mapping[str, Any]) -> list[str]:
    """Return why the voxels may show who the patient is: text in them, a face, a photograph of a screen.

    Nothing here looks at voxels: an image of which nothing is said may show it all the same.
    """
    modality, kinds = _first(source, _MODALITY).upper(), [kind.upper() for kind in _texts(source, _KIND)]
    found = []
    if _first(source, _BURNED_IN).upper() == "YES":
        found.append("Burned In Annotation is YES: its voxels have text that may name the patient")
    if _first(source, _RECOGNISABLE).upper() == "YES":
        found.append("Recognizable Visual Features is YES")
    if _first(source, _CLASS).startswith(_CAPTURES) or modality in ("SC", "OT") or "SCREEN SAVE" in kinds:
        found.append("a secondary capture: a screen with its text may be in the voxels")
    elif _first(source, _CONVERSION).upper() in ("DF", "SD", "SI", "DV", "WSD"):
        found.append("digitised from film, video or a screen: text may be in the voxels")
    if modality in ("US", "IVUS", "ES", "XC", "GM", "OP"):
        found.append(f"modality {modality}: such devices write text into the voxels, or photograph people")
    if modality in _VOLUMES and _is_head(source):
        found.append("a head scan: the face can be made from it")
    return found


def _is_head(source: Mapping[str, Any]) -> bool:
    if _first(source, _BODY_PART).upper() in _HEADS:
        return True
    described = " ".join(_first(source, tag) for tag in _DESCRIPTIONS).upper().replace("_", " ")
    return not _HEAD_WORDS.isdisjoint(described.split())


def _texts(source: Mapping[str, Any], tag: str) -> list[str]:
    constant, groups = source.get("constant", {}), source.get("functional_groups", {})
    found = constant.get(tag) or groups.get("constant", {}).get(tag) or {}
    return [one for one in found.get("Value") or () if isinstance(one, str)]


def _first(source: Mapping[str, Any], tag: str) -> str:
    return next(iter(_texts(source, tag)), "").strip()
