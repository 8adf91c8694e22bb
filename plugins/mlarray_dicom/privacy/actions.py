"""Which action of the profile an attribute gets: by the table, the options, and what its object demands.

Compound actions depend on the type of the attribute in the IOD of the object (`demands`):

=========  ==================  ==================  ==================
action     optional            type 2              type 1
=========  ==================  ==================  ==================
``Z/D``    Z, Patient ID: D    Z                   D
``X/Z``    X                   Z                   Z
``X/D``    X                   X                   D
``X/Z/D``  X                   Z                   D
``X/Z/U*`` references kept, U  references kept, U  references kept, U
=========  ==================  ==================  ==================

Of classes that aren't known, such as private ones, all are of type 1 in multi-frame objects, else of type 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlarray_dicom.privacy.table import Row, row_of

if TYPE_CHECKING:
    from mlarray_dicom.privacy.demands import Demand
    from mlarray_io.sdk import Privacy

Action = Literal["D", "Z", "X", "K", "C", "U", "P", "R"]
"""Of table E.1-1a; P is D with the patient's pseudonym, R keeps the references of a sequence, with U."""

PATIENT_NAME, PATIENT_ID = "00100010", "00100020"
_DATES = "shifted-dates"
_FREE_TEXTS: dict[str, Action] = {"00620006": "X", "00620020": "D", "30060028": "X"}
"""Segment Description, Tracking ID, ROI Description: what people write, which the table doesn't name."""


def action_of(tag: str, vr: str, privacy: Privacy, demand: Demand) -> Action:
    """Return what is done with an attribute.

    Attributes that the table doesn't name are kept, but for names of people and descriptions of segments and
    structures, which are removed, and UIDs that aren't the standard's, which are replaced.

    Parameters
    ----------
    tag, vr
        Of the attribute.
    privacy
        Which options apply.
    demand
        What its object must have of it: a value, the attribute, or nothing.
    """
    if tag in (PATIENT_NAME, PATIENT_ID):
        return "P"
    row = row_of(tag)
    if tag in _FREE_TEXTS:
        return "C" if "descriptors" in privacy.options else _FREE_TEXTS[tag]
    if row is None:
        return "X" if vr == "PN" else "U" if vr == "UI" and "uids" not in privacy.options else "K"
    return _by_option(row, privacy) or _by_profile(row.action, vr, demand)


def _by_option(row: Row, privacy: Privacy) -> Action | None:
    """Return the action of the options that were chosen: moved dates before all, else what keeps most."""
    actions = {option: action for option, action in row.options.items() if option in privacy.options}
    if _DATES in actions:
        return "C"
    return "K" if "K" in actions.values() else "C" if actions else None


def _by_profile(action: str, vr: str, demand: Demand) -> Action:
    if action == "X/Z/U*":
        return "R"
    if "/" in action:
        possible = action.split("/")
        if demand == "1" and "D" in possible:
            return "D"
        return "Z" if "Z" in possible and (demand or "X" not in possible) else "X"
    if action == "D" and vr == "UI":  # a dummy UID would be the same everywhere
        return "U"
    return action  # type: ignore[return-value]
