"""Lists and dicts that users read and only the library replaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from mlarray_core.errors import ReadOnlyError


def _refuse(*_: object, **__: object) -> NoReturn:
    raise ReadOnlyError("this metadata is read-only", hint="Copy it with list() or dict() to change the copy")


class FrozenList(list[Any]):
    """A list that can't be changed in place. Copies and pickles stay frozen, ``list(x)`` doesn't."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce_ex__(self, _: object) -> tuple[type[FrozenList], tuple[list[Any]]]:
        return FrozenList, (list(self),)


class FrozenDict(dict[str, Any]):
    """A dict that can't be changed in place. Copies and pickles stay frozen, ``dict(x)`` doesn't."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce_ex__(self, _: object) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


def frozen(value: object) -> Any:
    """Return `value` with every list and dict in it frozen."""
    if isinstance(value, Mapping):
        return FrozenDict({key: frozen(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return FrozenList([frozen(item) for item in value])
    return value


def thawed(value: object) -> Any:
    """Return a copy of `value` made of plain dicts and lists."""
    if isinstance(value, dict):
        return {key: thawed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [thawed(item) for item in value]
    return value


def duplicate(value: object) -> Any:
    """Return a copy of `value` that shares nothing changeable with it and is frozen where it was."""
    if isinstance(value, (FrozenList, FrozenDict)):
        return frozen(value)
    return thawed(value)
