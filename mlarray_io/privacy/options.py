"""The options of the profile by name (PS3.15, E.3), and the codes that a header is marked with (CID 7050)."""

from __future__ import annotations

from dataclasses import dataclass

from mlarray_core.errors import OptionError
from mlarray_io.sdk.options import suggestion

EDITION = "2026d"
"""Of the standard that tables and names are of."""
BASIC = ("113100", "Basic Application Confidentiality Profile")


@dataclass(frozen=True)
class ProfileOption:
    """One option of the profile.

    Attributes
    ----------
    code, meaning
        In coding scheme DCM.
    effect
        What it does, in a few words.
    """

    code: str
    meaning: str
    effect: str


RETAINED = {
    "safe-private": ProfileOption(
        "113111", "Retain Safe Private Option", "private elements that the standard lists as safe"
    ),
    "uids": ProfileOption("113110", "Retain UIDs Option", "UIDs as they are"),
    "device": ProfileOption("113109", "Retain Device Identity Option", "which device it was"),
    "institution": ProfileOption("113112", "Retain Institution Identity Option", "which institution it was"),
    "patient": ProfileOption(
        "113108", "Retain Patient Characteristics Option", "sex, age, size, weight of the patient"
    ),
    "dates": ProfileOption(
        "113106", "Retain Longitudinal Temporal Information Full Dates Option", "dates and times as they are"
    ),
}
"""What ``--retain`` takes, but for `NAMES`."""
CLEANED = {
    "descriptors": ProfileOption(
        "113105", "Clean Descriptors Option", "descriptions, known technical words of them"
    ),
    "structured-content": ProfileOption(
        "113104", "Clean Structured Content Option", "content trees, their texts cleaned"
    ),
    "graphics": ProfileOption("113103", "Clean Graphics Option", "annotations, their texts cleaned"),
}
"""What ``--clean`` takes."""
SHIFTED = "shifted-dates"
SHIFTED_DATES = ProfileOption(
    "113107",
    "Retain Longitudinal Temporal Information Modified Dates Option",
    "dates, all moved by the same number of days",
)
NAMES = "names"
"""Our own ``--retain names``: files keep the names of their sources."""
PIXELS = ("pixel-data", "visual-features")
"""Options of the profile that change voxels, which nothing here does."""


def check_options(retained: frozenset[str], cleaned: frozenset[str], *, shifted: bool) -> None:
    """Check names of options, and that they don't contradict one another.

    Parameters
    ----------
    retained, cleaned
        What ``--retain`` and ``--clean`` were given.
    shifted
        Whether dates are to be moved.

    Raises
    ------
    OptionError
        One isn't known, can't be done, or contradicts another.
    """
    for field, given, known in (
        ("--retain", retained, {*RETAINED, NAMES}),
        ("--clean", cleaned, set(CLEANED)),
    ):
        for name in sorted(given - known):
            if name in PIXELS:
                what = "voxels aren't changed: burned-in text and faces need a tool of their own"
                raise OptionError(what, field=field, hint="Look at the images before they are passed on")
            hint = suggestion(name, sorted(known), "options")
            raise OptionError(f"has no option {name!r}", field=field, hint=hint)
    if shifted and "dates" in retained:
        what = "dates are either kept or moved (PS3.15, E.3.6)"
        raise OptionError(what, field="--retain dates", hint="Leave out --shift-dates, or --retain dates")


def codes_of(options: frozenset[str]) -> list[tuple[str, str]]:
    """Return code and meaning of the profile and of its options that were applied."""
    table = {**RETAINED, **CLEANED, SHIFTED: SHIFTED_DATES}
    chosen = sorted((table[name].code, table[name].meaning) for name in options if name in table)
    return [BASIC, *chosen]
