"""Units of length and time: one name for each, its spellings in file formats, and exact factors.

`meta.spatial.axis_units` holds any text. These are the units that formats convert between; every other text
is left as it is.
"""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """One unit of length or time."""

    symbol: str
    """As the schema spells it, such as ``um``."""
    name: str
    """Spelt out, as OME-Zarr 0.4 has it in its metadata of axes, such as ``micrometer``."""
    size: int
    """In picometres (lengths) or nanoseconds (times): whole numbers, so that factors are rounded once."""
    spellings: tuple[str, ...] = ()
    """How else formats write it; words in any case, symbols in this one (``Mm`` is no millimetre)."""


LENGTHS = (
    Unit("pm", "picometer", 1, ("picometre",)),
    Unit("Å", "angstrom", 100, ("\u212b", "ångström")),  # the letter, and the angstrom sign
    Unit("nm", "nanometer", 10**3, ("nanometre",)),
    # the micro sign (U+00B5), which most programs write, and the Greek letter (U+03BC)
    Unit("um", "micrometer", 10**6, ("µm", "μm", "micron", "microns", "micrometre")),
    Unit("mm", "millimeter", 10**9, ("millimetre",)),
    Unit("cm", "centimeter", 10**10, ("centimetre",)),
    Unit("m", "meter", 10**12, ("metre",)),
    Unit("km", "kilometer", 10**15, ("kilometre",)),
    Unit("inch", "inch", 254 * 10**8, ("in", "inches")),  # 25.4 mm by definition (1959)
)
"""Metric ones smallest first, then inches."""

TIMES = (
    Unit("ns", "nanosecond", 1),
    Unit("us", "microsecond", 10**3, ("µs", "μs", "usec")),
    Unit("ms", "millisecond", 10**6, ("msec",)),
    Unit("s", "second", 10**9, ("sec",)),
    Unit("min", "minute", 60 * 10**9),
    Unit("h", "hour", 3600 * 10**9, ("hr",)),
    Unit("d", "day", 86400 * 10**9),
)
"""Smallest first."""


def _spellings(unit: Unit) -> tuple[str, ...]:
    words = (unit.name, *(text for text in unit.spellings if len(text) > _SYMBOL))
    return (unit.symbol, *unit.spellings, *words, *(f"{word}s" for word in words))


_SYMBOL = 3
"""Longer texts are words, and mean the same in capitals."""
_UNITS = {unit.symbol: unit for unit in (*LENGTHS, *TIMES)}
_SPELT = {text: unit for unit in _UNITS.values() for text in _spellings(unit)}


def symbol_of(text: str) -> str:
    """Return the schema's name of a unit, such as ``um`` for ``µm`` and ``Micrometers``.

    A text that names none of these units comes back without the blanks around it.
    """
    unit = _unit(text)
    return text.strip() if unit is None else unit.symbol


def name_of(text: str) -> str | None:
    """Return the unit spelt out, such as ``micrometer`` for ``um``; None for a text that names none."""
    unit = _unit(text)
    return None if unit is None else unit.name


def is_length(text: str) -> bool:
    """Return whether a text names a unit of length."""
    return _unit(text) in LENGTHS


def is_time(text: str) -> bool:
    """Return whether a text names a unit of time."""
    return _unit(text) in TIMES


def factor(unit: str, target: str) -> float | None:
    """Return what a number in one unit is multiplied by to be in another: 0.001 from ``um`` to ``mm``.

    None when a text names no unit, or when one is a length and the other a time.
    """
    here, there = _unit(unit), _unit(target)
    if here is None or there is None or (here in LENGTHS) != (there in LENGTHS):
        return None
    return here.size / there.size  # division of whole numbers is rounded once


def _unit(text: str) -> Unit | None:
    plain = text.strip()
    found = _SPELT.get(plain)
    return _SPELT.get(plain.lower()) if found is None and len(plain) > _SYMBOL else found
