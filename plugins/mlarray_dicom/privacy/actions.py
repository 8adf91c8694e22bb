"""Which action of the profile an attribute gets: by the table, the options, and what its object demands.

Compound actions depend on whether an object must have the attribute. Only multi-frame objects (those with
functional groups) and the modules of patient and study demand values, which decides as follows:

=========  ===================  ==================
action     classic objects      multi-frame ones
=========  ===================  ==================
``Z/D``    Z, Patient ID: D     D
``X/Z``    Z                    Z
``X/D``    X                    D
``X/Z/D``  X                    D
``X/Z/U*`` references kept, U   references kept, U
=========  ===================  ==================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlarray_dicom.privacy.table import Row, row_of

if TYPE_CHECKING:
    from mlarray_io.sdk import Privacy

Action = Literal["D", "Z", "X", "K", "C", "U", "P", "R"]
"""Of table E.1-1a; P is D with the patient's pseudonym, R keeps the references of a sequence, with U."""

PATIENT_NAME, PATIENT_ID = "00100010", "00100020"
_DATES = "shifted-dates"


def action_of(tag: str, vr: str, privacy: Privacy, *, multiframe: bool) -> Action:
    """Return what is done with an attribute.

    Attributes that the table doesn't name are kept, but for names of people, which are removed, and UIDs that
    aren't the standard's, which are replaced.

    Parameters
    ----------
    tag, vr
        Of the attribute.
    privacy
        Which options apply.
    multiframe
        Whether its object has functional groups.
    """
    if tag in (PATIENT_NAME, PATIENT_ID):
        return "P"
    row = row_of(tag)
    if row is None:
        return "X" if vr == "PN" else "U" if vr == "UI" and "uids" not in privacy.options else "K"
    return _by_option(row, privacy) or _by_profile(row.action, vr, multiframe=multiframe)


def _by_option(row: Row, privacy: Privacy) -> Action | None:
    """Return the action of the options that were chosen: moved dates before all, else what keeps most."""
    actions = {option: action for option, action in row.options.items() if option in privacy.options}
    if _DATES in actions:
        return "C"
    return "K" if "K" in actions.values() else "C" if actions else None


def _by_profile(action: str, vr: str, *, multiframe: bool) -> Action:
    if action in ("X/D", "X/Z/D"):
        return "D" if multiframe else "X"
    if action == "Z/D":
        return "D" if multiframe else "Z"
    if action == "X/Z":
        return "Z"
    if action == "X/Z/U*":
        return "R"
    if action == "D" and vr == "UI":  # a dummy UID would be the same everywhere
        return "U"
    return action  # type: ignore[return-value]
