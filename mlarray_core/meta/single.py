"""Sections that wrap one value and behave like it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

from mlarray_core.errors import MetadataTypeError
from mlarray_core.meta.base import BaseMeta
from mlarray_core.meta.checks import JsonDict, json_dict, json_value, same
from mlarray_core.meta.frozen import thawed


@dataclass(eq=False, repr=False)
class SingleKeyBaseMeta(BaseMeta):
    """Base of sections with one field. They compare, print and are true or false like its value."""

    @classmethod
    def _key(cls) -> str:
        names = cls._names()
        if len(names) != 1:
            raise MetadataTypeError(f"{cls.__name__} must have exactly one field, it has {len(names)}")
        return names[0]

    @classmethod
    def _path(cls, name: str) -> str:
        return cls._PATH

    @property
    def value(self) -> Any:
        """The wrapped value."""
        return getattr(self, self._key())

    @value.setter
    def value(self, v: object) -> None:
        setattr(self, self._key(), v)

    def set(self, v: object) -> None:
        """Set the wrapped value."""
        self.value = v

    @classmethod
    def ensure(cls, x: object) -> Self:
        """Return a new instance made from None, an instance, a mapping with the one key, or the value."""
        return x.copy() if isinstance(x, cls) else cls.from_mapping(x)

    @classmethod
    def from_mapping(cls, d: object) -> Self:
        """Return an instance made from a mapping with the one key, or from the value itself."""
        if d is None:
            return cls()
        key = cls._key()
        if isinstance(d, Mapping) and set(d) == {key}:
            return cls(**d)
        return cls(**{key: d})

    def to_plain(self, *, include_none: bool = False) -> Any:
        """Return a copy of the wrapped value."""
        return thawed(self.value)

    def __eq__(self, other: object) -> bool:
        return same(self.value, other.value if isinstance(other, SingleKeyBaseMeta) else other)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else str(self)

    def __len__(self) -> int:
        return 0 if self.value is None else len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(() if self.value is None else self.value)

    def __contains__(self, item: object) -> bool:
        return self.value is not None and item in self.value

    def __getitem__(self, key: object) -> Any:
        return self.value[key]

    def __setitem__(self, key: Any, val: object) -> None:
        changed = thawed(self.value)
        changed[key] = val
        self.value = changed


@dataclass(eq=False, repr=False)
class DictMeta(SingleKeyBaseMeta, MutableMapping[str, Any]):
    """Base of sections that are a dict of whatever JSON can hold, with the methods of a dict."""

    def _validate_and_cast(self) -> None:
        self._put(self._key(), json_dict({} if self.value is None else self.value, self._PATH))

    def __setitem__(self, key: str, val: object) -> None:
        checked = json_dict({key: val}, self._PATH)
        self.value.update(checked)

    def __delitem__(self, key: str) -> None:
        del self.value[key]

    def __or__(self, other: Mapping[str, object]) -> JsonDict:
        joined: JsonDict = json_value({**self.value, **other}, self._PATH)
        return joined

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Update the dict as `dict.update` does, or not at all when something in it is refused."""
        self.value.update(json_dict(dict(*args, **kwargs), self._PATH))
