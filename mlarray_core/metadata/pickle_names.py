"""The names that a pickle of metadata may use, and the plain values that they make.

They are all that files of the reference implementation were seen to hold: its frozen containers and enums,
`collections.OrderedDict` and `defaultdict`, NumPy scalars and their dtypes. Nothing is imported or called.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Callable

HINT = "A .mla file holds data only; don't open this one with software that would obey"

_BUILTIN_TYPES = frozenset({"list", "dict", "int", "float", "str", "bool", "set", "tuple", "NoneType"})
_NUMBERS = {"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q",
            "f2": "e", "f4": "f", "f8": "d"}  # fmt: skip


class Name:
    """A name that the pickle may use.

    Parameters
    ----------
    module, name
        As the pickle says them.
    rule
        What it makes of arguments; None for one that is named and never called.
    """

    def __init__(self, module: str, name: str, rule: Callable[[list[object]], object] | None) -> None:
        self.full = f"{module}.{name}"
        self.rule = rule


class Dtype:
    """A NumPy dtype: its code, and its byte order once that is known."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "<"

    def number(self, raw: bytes) -> Any:
        """Return the number that its bytes are.

        Raises
        ------
        UnsafeError
            It is of a type that isn't plain, such as a date.
        """
        if self.code not in _NUMBERS:
            raise UnsafeError(f"the metadata holds a NumPy value of type {self.code!r}")
        return struct.unpack(self.order + _NUMBERS[self.code], raw)[0]


def lookup(module: Any, name: Any) -> Name:
    """Return the name that a pickle asks for.

    Raises
    ------
    UnsafeError
        It may not be used.
    CorruptError
        What is asked for is no name.
    """
    if type(module) is not str or type(name) is not str:
        raise CorruptError("the metadata asks to load something that has no name")
    if (module, name) in _RULES:
        return Name(module, name, _RULES[module, name])
    if module == "builtins" and name in _BUILTIN_TYPES:
        return Name(module, name, None)
    raise UnsafeError(f"the metadata asks to load {module}.{name}", hint=HINT)


def _only(kind: type) -> Callable[[list[object]], object]:
    """Return a rule that copies its only argument, of type `kind` or left out."""

    def rule(arguments: list[object]) -> object:
        value = arguments[0] if arguments else kind()
        if len(arguments) > 1 or not isinstance(value, kind):
            raise CorruptError(f"the metadata makes a {kind.__name__} of something else")
        return kind(value)

    return rule


def _default_dict(arguments: list[object]) -> dict[object, object]:
    if len(arguments) > 1 or any(type(argument) not in (Name, type(None)) for argument in arguments):
        raise CorruptError("the metadata holds a damaged defaultdict")
    return {}


def _dtype(arguments: list[object]) -> Dtype:
    if not arguments or type(arguments[0]) is not str:
        raise CorruptError("the metadata holds a damaged NumPy type")
    return Dtype(arguments[0])


def _scalar(arguments: list[object]) -> object:
    if len(arguments) != 2 or type(arguments[0]) is not Dtype or type(arguments[1]) is not bytes:
        raise CorruptError("the metadata holds a damaged NumPy value")
    return arguments[0].number(arguments[1])


_RULES: dict[tuple[object, object], Callable[[list[object]], object]] = {
    ("mlarray.meta", "_FrozenList"): _only(list),
    ("mlarray.meta", "_FrozenDict"): _only(dict),
    ("mlarray.meta", "AxisLabelEnum"): _only(str),
    ("mlarray.meta", "CoordSystemEnum"): _only(str),
    ("collections", "OrderedDict"): _only(dict),
    ("collections", "defaultdict"): _default_dict,
    ("numpy", "dtype"): _dtype,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.multiarray", "scalar"): _scalar,
}
