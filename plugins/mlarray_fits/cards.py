"""A header as JSON can hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from astropy.io.fits.card import Undefined
from astropy.io.fits.verify import VerifyError

from mlarray_core.headers import plain

if TYPE_CHECKING:
    from mlarray_fits.units import Unit

_COMMENTARY = ("COMMENT", "HISTORY", "")


def values_of(unit: Unit) -> dict[str, Unit]:
    """Return the keywords of a unit with their values; a keyword that comes again has its first value."""
    found: dict[str, Unit] = {}
    for card in unit.header.cards:
        try:
            keyword, value = str(card.keyword), card.value
        except (VerifyError, ValueError, TypeError):  # no valid card: its text is in `source_of`
            continue
        if keyword not in _COMMENTARY and not isinstance(value, Undefined):
            found.setdefault(keyword, value)
    return found


def source_of(unit: Unit) -> dict[str, Unit]:
    """Return a header as its keywords, and its commentary as lines."""
    found: dict[str, Unit] = {"keywords": plain(values_of(unit))}
    for card in unit.header.cards:
        try:
            keyword, text = str(card.keyword), str(card.value)
        except (VerifyError, ValueError, TypeError):
            keyword, text = "unreadable", str(card.image).rstrip()
        if keyword in (*_COMMENTARY, "unreadable"):
            found.setdefault(keyword.lower() or "blank", []).append(text)
    return found
