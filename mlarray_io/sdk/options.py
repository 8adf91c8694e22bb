"""A format's settings: one frozen dataclass, from which parsing, checking and help all follow."""

from __future__ import annotations

import types
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from mlarray_core.errors import OptionError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Options:
    """A format's settings. Subclasses add fields, each made by `option`.

    A field may be a ``bool``, ``int``, ``float``, ``str``, a ``Literal``, a ``tuple`` of these, or several of
    them joined by ``|``, ``None`` included.

    Raises
    ------
    OptionError
        A number is outside of the bounds that its `option` declares.
    """

    def __post_init__(self) -> None:
        for one in fields(self):
            _check_bounds(one, getattr(self, one.name))


O = TypeVar("O", bound=Options)  # noqa: E741


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    reading: bool = False,
) -> Any:
    """Declare one setting of a format.

    Parameters
    ----------
    default
        Its value when none is given.
    help
        One sentence for listings.
    low, high
        The least and the greatest number that it may be, both included, or each number of a tuple; None for
        no bound. Values that are no numbers are left alone.
    reading
        Whether it is of no use for writing, and refused there.

    Returns
    -------
    dataclasses.Field
        Typed so that it can stand behind any field's annotation.
    """
    return field(default=default, metadata={"help": help, "low": low, "high": high, "reading": reading})


@dataclass(frozen=True)
class OptionHelp:
    """What a listing says about one setting."""

    name: str
    type: str
    default: Any
    help: str


def describe(kind: type[Options]) -> list[OptionHelp]:
    """List the settings of `kind`, in the order of its fields."""
    hints = get_type_hints(kind)
    return [
        OptionHelp(f.name, _spelt_with_bounds(f, hints[f.name]), f.default, f.metadata.get("help", ""))
        for f in fields(kind)
    ]


def parse(kind: type[O], given: Mapping[str, Any], owner: str = "", *, writing: bool = False) -> O:
    """Make `kind` of settings by name; texts are read as their field's type says.

    Parameters
    ----------
    kind
        The dataclass of a format.
    given
        Values by name, ``-`` standing for ``_``; texts as on the command line, or values of the right type.
    owner
        Name of the format, for errors.
    writing
        Whether the settings are for writing: those of reading aren't there then.

    Raises
    ------
    OptionError
        A name that isn't there (with what may have been meant), or a value that its type doesn't allow.
    """
    hints = get_type_hints(kind)
    known = _names(kind, writing=writing)
    values = {}
    for name, value in given.items():
        key = canonical(name)
        if key not in known:
            raise unknown(name, sorted(known), owner)
        values[key] = _value(key, value, hints[key])
    return kind(**values)


def share(
    given: Mapping[str, Any],
    target_only: Mapping[str, Any],
    source: tuple[str, type[Options]],
    target: tuple[str, type[Options]],
) -> tuple[Options, Options]:
    """Give each side of a conversion the settings that it knows; a name that neither knows is an error.

    Parameters
    ----------
    given
        Settings of either side; a name that both know is meant for both, unless it is of reading alone.
    target_only
        Settings of the target alone.
    source, target
        Name and settings of the two formats.

    Raises
    ------
    OptionError
        A name that neither side knows, or a value that its type doesn't allow.
    """
    names = _names(source[1]), _names(target[1], writing=True)
    for name in given:
        if canonical(name) not in names[0] | names[1]:
            raise unknown(
                name, sorted(names[0] | names[1]), " or ".join(dict.fromkeys((source[0], target[0])))
            )
    reading = {k: v for k, v in given.items() if canonical(k) in names[0]}
    writing = {k: v for k, v in given.items() if canonical(k) in names[1]}
    to_write = {**writing, **target_only}
    return parse(source[1], reading, source[0]), parse(target[1], to_write, target[0], writing=True)


def _names(kind: type[Options], *, writing: bool = False) -> set[str]:
    """Return the names of settings, for writing those that aren't of reading alone."""
    return {one.name for one in fields(kind) if not (writing and one.metadata.get("reading"))}


def canonical(name: str) -> str:
    """Return the field that a name on the command line means."""
    return name.strip().replace("-", "_")


def unknown(name: str, known: Sequence[str], owner: str) -> OptionError:
    """Say that an option doesn't exist, and which may have been meant.

    Parameters
    ----------
    name
        As it was given.
    known
        The names that there are.
    owner
        Whose options they are.
    """
    return OptionError(
        f"{owner or 'the format'} has no option {name!r}", hint=suggestion(name, known, "options")
    )


def suggestion(name: str, known: Sequence[str], plural: str) -> str:
    """Say which of `known` may have been meant by `name`, or list them all.

    Parameters
    ----------
    name
        As it was given.
    known
        The names that there are.
    plural
        What they are, such as ``options``.
    """
    listed = f"The {plural} are: {', '.join(known)}" if known else f"There are no {plural}"
    return meant(canonical(name), known) or meant(name, known) or listed


def meant(name: str, known: Iterable[str]) -> str | None:
    """Ask whether those of `known` were meant that are near `name`; None where none is.

    Parameters
    ----------
    name
        As it was given.
    known
        The names that there are.
    """
    near = nearest(name, known)
    return f"Did you mean {' or '.join(near)}?" if near else None


def _check_bounds(one: Field[Any], value: Any) -> None:
    numbers = value if isinstance(value, tuple) else (value,)
    low, high = one.metadata.get("low"), one.metadata.get("high")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        # written so that NaN is outside of any bounds
        if not ((low is None or low <= number) and (high is None or number <= high)):
            raise OptionError(f"expected {_bounds(one)}, got {number}", field=one.name)


def _bounds(one: Field[Any]) -> str:
    """Spell the bounds of an option, an empty text when it has none."""
    low, high = one.metadata.get("low"), one.metadata.get("high")
    if low is None and high is None:
        return ""
    if high is None:
        return f"{low} or more"
    return f"at most {high}" if low is None else f"{low} to {high}"


def _spelt_with_bounds(one: Field[Any], kind: Any) -> str:
    bounds = _bounds(one)
    return f"{_spell(kind)}, {bounds}" if bounds else _spell(kind)


def _value(name: str, value: Any, kind: Any) -> Any:
    try:
        return _read(value, kind) if isinstance(value, str) else _check(value, kind)
    except ValueError:
        hint = meant(value.strip().lower(), _words(kind)) if isinstance(value, str) else None
        raise OptionError(f"expected {_spell(kind)}, not {value!r}", field=name, hint=hint) from None


def _words(kind: Any) -> list[str]:
    """Return the words that a value of `kind` may be."""
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    if kind in (bool, type(None)):
        return ["yes", "no"] if kind is bool else ["none"]
    parts = get_args(kind) if get_origin(kind) is tuple else _alternatives(kind)
    return [word for one in parts if one not in (kind, Ellipsis) for word in _words(one)]


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _read(text: str, kind: Any) -> Any:
    """Read a text as `kind`; str is tried last, because it takes anything."""
    for one in sorted(_alternatives(kind), key=lambda k: k is str):
        try:
            return _read_one(text.strip(), one)
        except ValueError:
            continue
    raise ValueError(text)


def _read_one(text: str, kind: Any) -> Any:
    if kind is str:
        return text
    if kind is bool:
        return _read_bool(text)
    if kind is type(None):
        return _choose(text.lower(), {"none": None, "": None})
    if get_origin(kind) is Literal:
        return _choose(text.lower(), {str(value).lower(): value for value in get_args(kind)})
    if get_origin(kind) is tuple:
        return _read_tuple(text, kind)
    return kind(text)


def _read_bool(text: str) -> Any:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    return _choose(text.lower(), words)


def _read_tuple(text: str, kind: Any) -> tuple[Any, ...]:
    parts = text.strip("()[] ").replace(",", " ").split()
    return tuple(_read(part, item) for part, item in zip(parts, _items(kind, len(parts)), strict=True))


def _items(kind: Any, count: int) -> tuple[Any, ...]:
    args = get_args(kind)
    if len(args) == 2 and args[1] is Ellipsis and count:
        return (args[0],) * count
    return args


def _choose(text: str, words: Mapping[str, Any]) -> Any:
    if text not in words:
        raise ValueError(text)
    return words[text]


def _check(value: Any, kind: Any) -> Any:
    """Take a value that is no text, when it is one of `kind`."""
    for one in _alternatives(kind):
        if one is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if get_origin(one) is tuple and isinstance(value, list | tuple):
            return tuple(_check(v, i) for v, i in zip(value, _items(one, len(value)), strict=True))
        if get_origin(one) is Literal and value in get_args(one):
            return value
        if one is int and hasattr(value, "__index__") and not isinstance(value, bool):
            return value.__index__()  # NumPy's integers too
        if isinstance(one, type) and type(value) is one:
            return value
    if not isinstance(value, list | tuple):  # one number stands for a tuple of it, as in a text
        for one in _alternatives(kind):
            if get_origin(one) is tuple:
                return _check((value,), one)
    raise ValueError(value)


def _spell(kind: Any) -> str:
    """Say a type as a person would."""
    if get_origin(kind) is Literal:
        return " or ".join(str(value) for value in get_args(kind))
    if get_origin(kind) is tuple:
        return ",".join("..." if item is Ellipsis else _spell(item) for item in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_spell(one) for one in get_args(kind))
    words = {bool: "yes or no", int: "integer", float: "number", str: "text", type(None): "none"}
    return words.get(kind) or str(getattr(kind, "__name__", kind))
