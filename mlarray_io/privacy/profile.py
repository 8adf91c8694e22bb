"""How somebody is to be kept out of a file: options, and the secret that pseudonyms are made with."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from mlarray_io.privacy.options import EDITION, NAMES, SHIFTED, check_options, codes_of

LARGEST_SHIFT = 10 * 365
"""Days by which dates of a patient are moved back at most, when the secret chooses."""
PSEUDONYM = 12
"""Letters of a pseudonym: 48 bits, a coincidence among a million names has a chance of 1 in 500."""


@dataclass(frozen=True)
class Privacy:
    """De-identification as it was asked for (PS3.15, Annex E).

    Parameters
    ----------
    key
        The secret: whoever has it can tell whether a known name or UID belongs to a pseudonym.
    retained, cleaned
        Options of the profile, by name.
    shift
        Days that dates are moved by, ``patient`` for as many as the secret says for each patient, or None.

    Raises
    ------
    OptionError
        An option isn't known, or they contradict one another.
    """

    key: bytes = field(repr=False)
    retained: frozenset[str] = frozenset()
    cleaned: frozenset[str] = frozenset()
    shift: int | Literal["patient"] | None = None

    def __post_init__(self) -> None:
        check_options(self.retained, self.cleaned, shifted=self.shift is not None)

    def __str__(self) -> str:
        """Return what decides about results, without the secret: for the fingerprints of batches."""
        return f"{sorted(self.options)} {self.shift} {self.check}"

    @property
    def options(self) -> frozenset[str]:
        """The options of the profile that are applied, by name."""
        shifted = {SHIFTED} if self.shift is not None else set()
        return (self.retained - {NAMES}) | self.cleaned | shifted

    @property
    def keeps_names(self) -> bool:
        """Whether files keep the names of their sources."""
        return NAMES in self.retained

    @property
    def codes(self) -> list[tuple[str, str]]:
        """Code and meaning of the profile and of its options (CID 7050)."""
        return codes_of(self.options)

    @property
    def method(self) -> list[str]:
        """What was done, in words: the values of De-identification Method (0012,0063)."""
        return [f"DICOM PS3.15 {EDITION}, Annex E", *(meaning for _, meaning in self.codes)]

    @property
    def check(self) -> str:
        """A digest that tells two secrets apart, and tells nothing else of them."""
        return self._digest("check", "").hex()[:16]

    def _digest(self, purpose: str, text: str) -> bytes:
        content = f"{purpose}\0{text}".encode("utf-8", "surrogateescape")
        return hmac.new(self.key, content, hashlib.sha256).digest()

    def pseudonym(self, text: str, purpose: str = "name") -> str:
        """Return twelve letters that stand for a text, always the same with the same secret."""
        return self._digest(purpose, text).hex()[:PSEUDONYM].upper()

    def uid(self, uid: str) -> str:
        """Return the UID that stands for another: derived from a UUID (PS3.5, B.2)."""
        number = int.from_bytes(self._digest("uid", uid)[:16], "big")
        number = number & ~(0xF << 76) & ~(0x3 << 62) | (8 << 76) | (2 << 62)  # RFC 9562: version 8
        return f"2.25.{number}"

    def place(self, place: str) -> str:
        """Return a relative path whose folders and file are called by pseudonyms, unless names are kept."""
        if self.keeps_names or not place:
            return place
        parts = place.split("/")
        return "/".join(self.pseudonym("/".join(parts[: count + 1])) for count in range(len(parts)))

    def days(self, patient: str) -> int:
        """Return by how many days the dates of a patient are moved."""
        if isinstance(self.shift, int):
            return self.shift
        if self.shift is None:
            return 0
        return -1 - int.from_bytes(self._digest("days", patient)[:8], "big") % LARGEST_SHIFT

    def shifted(self, text: str, days: int) -> str | None:
        """Return a date, or a date and time, moved by days; None when it is no date.

        Parameters
        ----------
        text
            Beginning with ``YYYYMMDD`` or ``YYYY-MM-DD``; what follows stays. A year, or a year with a month,
            is taken for its first day.
        days
            How many.
        """
        dashed = text[4:5] == "-"
        digits = text.replace("-", "", 2)[:8] if dashed else text[:8]
        rest = text[10:] if dashed else text[8:]
        whole = digits.ljust(6, "0").ljust(8, "0") if len(digits) < 8 else digits
        whole = whole[:4] + ("01" if whole[4:6] == "00" else whole[4:6]) + whole[6:]
        whole = whole[:6] + ("01" if whole[6:] == "00" else whole[6:])
        if not (whole.isascii() and whole.isdigit()):
            return None
        try:
            moved = date(int(whole[:4]), int(whole[4:6]), int(whole[6:])) + timedelta(days=days)
        except (ValueError, OverflowError):
            return None
        iso = moved.isoformat()
        return (iso if dashed else iso.replace("-", "")) + rest
