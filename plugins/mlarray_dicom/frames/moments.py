"""Dates and times of DICOM (PS3.5, 6.2: DA, TM, DT) as moments."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

_DAY = "19700101"
"""Stands for the date where a file has only the time of day."""


def moment(date: str, time: str) -> datetime | None:
    """Return the moment of a date, which may be missing, and a time of day; None when they are none."""
    return date_time((date.replace(".", "") or _DAY) + time.replace(":", "")) if time else None


@lru_cache(maxsize=1 << 14)
def date_time(text: str) -> datetime | None:
    """Return the moment that a DT value spells, whatever its offset from UTC; None when it is none."""
    whole, _, fraction = text.split("+")[0].split("-")[0].strip().partition(".")
    try:
        return datetime.strptime(f"{whole}.{(fraction or '0')[:6]}", "%Y%m%d%H%M%S.%f")
    except ValueError:
        return None
