"""Makes the tables of docs/schema.md from the classes of the metadata."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from enum import Enum
from typing import Any

from conformance.schema import SECTIONS, descriptions
from mlarray_core import meta
from mlarray_core.meta import Meta

_TABLE = re.compile(r"(<!-- (?:fields: (\w+)|sections) -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)
_NAMES = {bool: "true or false", int: "whole number", float: "number", str: "string", dict: "dict"}
_SEVERAL = {"whole number": "whole numbers", "number": "numbers", "string": "strings", "dict": "dicts"}


def filled(text: str) -> str:
    """Return the page with its tables as the classes are now."""
    return _TABLE.sub(
        lambda match: match[1] + (fields(match[2]) if match[2] else sections()) + match[4], text
    )


def tables(text: str) -> set[str]:
    """Return the names of the classes that the page has a table for."""
    return {match[2] for match in _TABLE.finditer(text) if match[2]}


def sections() -> str:
    """Return the table of the sections of `Meta`."""
    said = descriptions(Meta)
    rows = ["| section | class | what it holds | set by |", "|---|---|---|---|"]
    for name, kind in SECTIONS.items():
        by = "the library" if name in Meta._READ_ONLY else "you, converters"
        rows.append(f"| `{name}` | `{kind.__name__}` | {_prose(said[name])} | {by} |")
    return "\n".join(rows) + "\n"


def fields(name: str) -> str:
    """Return the table of the fields of a class, or of the members of an enumeration."""
    kind = getattr(meta, name)
    said = descriptions(kind)
    if issubclass(kind, Enum):
        rows = [(member.value, (_prose(said[member.name]),)) for member in kind]
        return _rows(("value", "meaning"), rows)
    hints = typing.get_type_hints(kind, localns={"JsonDict": dict, "Mapping": dict})
    rows = [
        (one.name, (_type(hints[one.name]), _default(one), _prose(said[one.name])))
        for one in dataclasses.fields(kind)
    ]
    return _rows(("field", "type", "default", "meaning"), rows)


def _rows(heads: tuple[str, ...], rows: list[tuple[str, tuple[str, ...]]]) -> str:
    """Return a table; those of which the same is said share a row."""
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, said in rows:
        alike.setdefault(said, []).append(f"`{name}`")
    lines += [f"| {', '.join(names)} | " + " | ".join(said) + " |" for said, names in alike.items()]
    return "\n".join(lines) + "\n"


def _type(hint: Any, *, several: bool = False) -> str:
    """Return a type in words; None, for what is unset, is said by the default."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        words = [_type(one, several=several) for one in arguments if one is not types.NoneType]
        if "number" in words or "numbers" in words:
            words = [word for word in words if "whole" not in word]
        return " or ".join(words)
    if origin is list:
        return ("lists" if several else "list") + " of " + _type(arguments[0], several=True)
    word = _NAMES.get(origin or hint) or f"`{hint.__name__}`"
    return _SEVERAL.get(word, word) if several else word


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    if field.default is dataclasses.MISSING:
        return "must be there"
    return "unset" if field.default is None else f"`{field.default!r}`"


def _prose(text: str) -> str:
    """Return the words of a docstring as a page has them."""
    return text.replace("``", "`").replace("|", "\\|").removesuffix(".")
