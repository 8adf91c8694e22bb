"""Units of length and time."""

import pytest

from mlarray_core import units


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("um", "um"),
        ("\u00b5m", "um"),  # micro sign
        ("\u03bcm", "um"),  # Greek letter mu
        ("micron", "um"),
        ("Microns", "um"),
        ("micrometers", "um"),
        (" mm ", "mm"),
        ("Millimeter", "mm"),
        ("\u00c5", "\u00c5"),
        ("\u212b", "\u00c5"),  # angstrom sign
        ("inches", "inch"),
        ("sec", "s"),
        ("seconds", "s"),
        ("\u00b5s", "us"),
        ("minutes", "min"),
        ("Mm", "Mm"),  # megametre, not millimetre
        ("M", "M"),
        ("Hz", "Hz"),
        ("", ""),
        ("arbitrary", "arbitrary"),
    ],
)
def test_one_name_for_each_unit(text, symbol):
    assert units.symbol_of(text) == symbol


@pytest.mark.parametrize(
    ("unit", "target", "factor"),
    [
        ("um", "mm", 0.001),
        ("nm", "mm", 1e-6),
        ("cm", "mm", 10.0),
        ("m", "mm", 1000.0),
        ("nm", "um", 0.001),
        ("um", "\u00c5", 1e4),
        ("inch", "mm", 25.4),
        ("inch", "cm", 2.54),
        ("mm", "mm", 1.0),
        ("min", "s", 60.0),
        ("d", "h", 24.0),
        ("ms", "s", 0.001),
        ("s", "mm", None),
        ("mm", "px", None),
        ("", "mm", None),
    ],
)
def test_factors_are_the_nearest_numbers(unit, target, factor):
    assert units.factor(unit, target) == factor


def test_kinds_and_names():
    assert units.is_length("micron")
    assert not units.is_length("s")
    assert units.is_time("hours")
    assert not units.is_time("")
    assert units.name_of("um") == "micrometer"
    assert units.name_of("px") is None


def test_no_spelling_means_two_units():
    spelt = [text for unit in (*units.LENGTHS, *units.TIMES) for text in set(units._spellings(unit))]
    assert len(spelt) == len(set(spelt))
