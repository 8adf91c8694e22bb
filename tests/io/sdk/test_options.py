"""Options from texts and from Python, and their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional

import numpy as np
import pytest

from mlarray_core import errors
from mlarray_io import Options, option
from mlarray_io.sdk.options import describe, parse, share


@dataclass(frozen=True, kw_only=True)
class Everything(Options):
    flag: bool = option(False, "A flag")
    count: int = option(1, "A count")
    size: float = option(1.0, "A size")
    name: str = option("", "A name")
    mode: Literal["fast", "small"] = option("fast", "A mode")
    point: tuple[float, float] = option((0.0, 0.0), "A point")
    patch: tuple[int, ...] | None = option(None, "A patch")
    limit: Optional[int] = option(None, "A limit")  # noqa: UP045 - plugins may still write it so
    level: int | Literal["auto"] = option("auto", "A level")


@dataclass(frozen=True, kw_only=True)
class Bounded(Options):
    effort: int = option(4, "An effort", low=0, high=9)
    factor: float | None = option(None, "A factor", low=1)
    tile: tuple[int, ...] | None = option(None, "A tile", low=1, high=512)
    count: int | Literal["auto"] = option("auto", "A count", high=32)


@dataclass(frozen=True, kw_only=True)
class Others(Options):
    count: int = option(2, "A count")
    depth: int = option(3, "A depth")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flag", "yes", True),
        ("flag", "OFF", False),
        ("count", " 12 ", 12),
        ("size", "1e-3", 0.001),
        ("name", "a=b", "a=b"),
        ("mode", "small", "small"),
        ("point", "1,2.5", (1.0, 2.5)),
        ("point", "(1 2)", (1.0, 2.0)),
        ("patch", "192", (192,)),
        ("patch", "64,192,192", (64, 192, 192)),
        ("patch", "none", None),
        ("limit", "5", 5),
        ("limit", "None", None),
        ("level", "auto", "auto"),
        ("level", "9", 9),
    ],
)
def test_texts(name, text, value):
    assert getattr(parse(Everything, {name: text}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flag", "maybe"),
        ("flag", 1),
        ("count", "1.5"),
        ("count", ""),
        ("count", True),
        ("mode", "slow"),
        ("mode", 3),
        ("point", "1"),
        ("point", "1,2,3"),
        ("point", (1, "x")),
        ("patch", ""),
        ("patch", "1,x"),
        ("limit", "many"),
    ],
)
def test_wrong_values_say_what_is_expected(name, value):
    if (name, value) == ("patch", ""):
        assert parse(Everything, {name: value}).patch is None
        return
    with pytest.raises(errors.OptionError, match="expected") as caught:
        parse(Everything, {name: value})
    assert caught.value.field == name
    assert repr(value) in str(caught.value)


def test_python_values():
    made = parse(Everything, {"size": 2, "patch": [1, 2], "point": (1, 2), "mode": "small", "limit": None})
    assert (made.size, made.patch, made.point, made.mode, made.limit) == (
        2.0,
        (1, 2),
        (1.0, 2.0),
        "small",
        None,
    )


@dataclass(frozen=True, kw_only=True)
class Reads(Options):
    depth: int = option(2, "A count")
    axes: str | None = option(None, "Names of axes", reading=True)


@pytest.mark.parametrize(("value", "expected"), [(64, (64,)), (np.int64(64), (64,)), ([np.uint8(3)], (3,))])
def test_one_number_stands_for_a_tuple_of_it(value, expected):
    patch = parse(Everything, {"patch": value}).patch
    assert patch == expected
    assert [type(number) for number in patch] == [int]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("effort", "10", "0 to 9"),
        ("effort", -1, "0 to 9"),
        ("factor", "0.5", "1 or more"),
        ("factor", "nan", "1 or more"),
        ("tile", "64,0", "1 to 512"),
        ("count", 33, "at most 32"),
    ],
)
def test_bounds_are_checked_and_named(name, value, expected):
    with pytest.raises(errors.OptionError, match=f"{name}: expected {expected}, got"):
        parse(Bounded, {name: value})
    if not isinstance(value, str):
        with pytest.raises(errors.OptionError, match=f"expected {expected}"):
            Bounded(**{name: value})


def test_bounds_are_part_of_the_help():
    kinds = {one.name: one.type for one in describe(Bounded)}
    assert kinds == {
        "effort": "integer, 0 to 9",
        "factor": "number or none, 1 or more",
        "tile": "integer,... or none, 1 to 512",
        "count": "integer or auto, at most 32",
    }
    assert Bounded(effort=9, factor=1, tile=(1, 512)).count == "auto"


def test_names():
    assert parse(Others, {"de-pth".replace("-", ""): 1}).depth == 1
    with pytest.raises(errors.OptionError, match=r"toy has no option 'cuont'.*Did you mean count"):
        parse(Everything, {"cuont": 1}, "toy")
    with pytest.raises(errors.OptionError, match="The options are: count, depth"):
        parse(Others, {"zzz": 1})
    with pytest.raises(errors.OptionError, match="There are no options"):
        parse(Options, {"zzz": 1})


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("mode", "fsat", "Did you mean fast?"),
        ("mode", "SM", "Did you mean small?"),
        ("level", "atuo", "Did you mean auto?"),
        ("limit", "non", "Did you mean none?"),
        ("flag", "ye", "Did you mean yes?"),
        ("mode", "zzz", None),
        ("count", "one", None),
        ("mode", 3, None),
    ],
)
def test_a_wrong_value_is_told_what_may_have_been_meant(name, value, hint):
    with pytest.raises(errors.OptionError) as caught:
        parse(Everything, {name: value}, "toy")
    assert caught.value.hint == hint


def test_sharing():
    one, two = share({"count": "5", "depth": "6"}, {}, ("a", Everything), ("b", Others))
    assert (one.count, two.count, two.depth) == (5, 5, 6)
    one, two = share({}, {"count": "5"}, ("a", Everything), ("b", Others))
    assert (one.count, two.count) == (1, 5)
    with pytest.raises(errors.OptionError, match="a or b has no option"):
        share({"zzz": "1"}, {}, ("a", Everything), ("b", Others))
    with pytest.raises(errors.OptionError, match="b has no option 'name'"):
        share({}, {"name": "x"}, ("a", Everything), ("b", Others))


def test_options_of_reading_alone():
    """A target doesn't know them: what can't apply is refused, not overlooked."""
    one, two = share({"depth": "6", "axes": "zyx"}, {}, ("a", Reads), ("b", Reads))
    assert (one.axes, two.axes, two.depth) == ("zyx", None, 6)
    with pytest.raises(errors.OptionError, match=r"a or b has no option 'axes'"):
        share({"axes": "zyx"}, {}, ("a", Others), ("b", Reads))
    with pytest.raises(errors.OptionError, match="no option 'axes'"):
        parse(Reads, {"axes": "zyx"}, "b", writing=True)


def test_description():
    types = {one.name: one.type for one in describe(Everything)}
    assert types["mode"] == "fast or small"
    assert types["point"] == "number,number"
    assert types["patch"] == "integer,... or none"
    assert types["level"] == "integer or auto"
    assert describe(Others)[0].help == "A count"
    assert describe(Others)[0].default == 2
