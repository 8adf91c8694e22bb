"""De-identification as it is asked for, by flags or by arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlarray_core.errors import OptionError
from mlarray_io.privacy.key import make_key
from mlarray_io.privacy.options import check_options
from mlarray_io.privacy.profile import Privacy

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

LONGEST_SHIFT = 40 * 366
"""Days: more is a slip of the pen."""


def asked_privacy(
    *,
    anonymize: bool,
    retain: Iterable[str] = (),
    clean: Iterable[str] = (),
    shift_dates: int | str | None = None,
    key: str | os.PathLike[str] | None = None,
) -> Privacy | None:
    """Return how a person is kept out of targets; None when that isn't asked for.

    Parameters
    ----------
    anonymize
        Whether it is asked for.
    retain, clean
        Options of the profile.
    shift_dates
        Days that dates are moved by, or ``patient``.
    key
        File with the secret, which is made when there is none. A random one for this run without it.

    Raises
    ------
    OptionError
        An option is there that only `anonymize` has, isn't known, or contradicts another.
    WriteError
        The file of the secret can't be read or made.
    """
    retained, cleaned = frozenset(retain), frozenset(clean)
    if not anonymize:
        flags = {"--retain": retained, "--clean": cleaned, "--shift-dates": shift_dates, "--key": key}
        for flag in (flag for flag, value in flags.items() if value):
            raise OptionError("says how --anonymize works, which isn't asked for", field=flag)
        return None
    shift = _days(shift_dates)
    check_options(retained, cleaned, shifted=shift is not None)  # before a secret is made
    return Privacy(make_key(key), retained, cleaned, shift)


def _days(given: int | str | None) -> int | Literal["patient"] | None:
    if given is None or given == "patient":
        return given  # type: ignore[return-value]
    try:
        days = int(given)
    except ValueError:
        raise OptionError(f"expected days or 'patient', not {given!r}", field="--shift-dates") from None
    if days == 0 or abs(days) > LONGEST_SHIFT:
        what = f"expected 1 to {LONGEST_SHIFT} days, before or back, not {days}"
        raise OptionError(what, field="--shift-dates", hint="'--retain dates' keeps dates as they are")
    return days
