"""What every section of the metadata has in common: checked assignment, copies, mappings, comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any, ClassVar, Self

from mlarray_core.errors import MetadataKeyError, MetadataTypeError, ReadOnlyError, did_you_mean
from mlarray_core.meta.checks import JsonDict, same
from mlarray_core.meta.frozen import duplicate, thawed


def is_unset(value: object) -> bool:
    """Return whether a field counts as not set: None or an empty container."""
    return value is None or (isinstance(value, (dict, list, tuple, set)) and not value)


@dataclass(eq=False, repr=False)
class BaseMeta:
    """Base of all metadata. Assigning to a field checks the whole section and is undone when that fails.

    Subclasses are dataclasses whose fields have defaults, and implement `_validate_and_cast`.
    Values are copied on the way in: two objects never share a list or a dict.
    """

    _PATH: ClassVar[str] = ""
    _READ_ONLY: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        self._validate_and_cast()

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        elif name not in self._names():
            known = did_you_mean(name, self._names())
            raise AttributeError(f"{type(self).__name__} has no field {name!r}{known}")
        elif name not in self.__dict__:  # the dataclass's __init__ is filling it
            object.__setattr__(self, name, value)
        else:
            self._guard(name)
            self._assign({name: value})

    def _assign(self, changes: Mapping[str, object]) -> None:
        """Set several fields at once, read-only ones too: either all of them, checked together, or none."""
        before = dict(self.__dict__)
        self.__dict__.update({name: duplicate(value) for name, value in changes.items()})
        try:
            self._validate_and_cast()
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _guard(self, name: str) -> None:
        if name in self._READ_ONLY:
            raise ReadOnlyError("only the library sets this", field=self._path(name))

    def _validate_and_cast(self) -> None:
        """Check all fields and bring them into their plain form. Subclasses override it."""

    def _put(self, name: str, value: object) -> None:
        """Store a field as `_validate_and_cast` made it, without checking it again."""
        self.__dict__[name] = value

    @classmethod
    def _path(cls, name: str) -> str:
        return f"{cls._PATH}.{name}" if cls._PATH else name

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return _field_names(cls)  # type: ignore[arg-type]

    @classmethod
    def ensure(cls, x: object) -> Self:
        """Return a new instance made from `x`: None, an instance, or a mapping of fields.

        Raises
        ------
        TypeError
            If `x` is none of these.
        """
        if x is None:
            return cls()
        if isinstance(x, cls):
            return x.copy()
        if isinstance(x, Mapping):
            return cls.from_mapping(x)
        raise MetadataTypeError(
            f"expected None, a dict or {cls.__name__}, got {type(x).__name__}", field=cls._PATH or None
        )

    @classmethod
    def from_mapping(cls, d: Mapping[str, object]) -> Self:
        """Return an instance with the fields of a mapping.

        Raises
        ------
        TypeError
            If `d` is no mapping.
        KeyError
            If it has unknown keys.
        """
        if not isinstance(d, Mapping):
            raise MetadataTypeError(f"expected a dict, got {type(d).__name__}", field=cls._PATH or None)
        for key in d:
            if key not in cls._names():
                known = did_you_mean(str(key), cls._names()) or f". Known are {', '.join(cls._names())}"
                raise MetadataKeyError(f"no such field{known}", field=cls._path(str(key)))
        return cls(**d)

    def to_mapping(self, *, include_none: bool = True) -> JsonDict:
        """Return the fields as a new dict, sections as dicts of their own, ready to be stored.

        Parameters
        ----------
        include_none
            Whether fields that are None are in it.
        """
        mapping: JsonDict = {}
        for name in self._names():
            value = getattr(self, name)
            if isinstance(value, BaseMeta):
                mapping[name] = value.to_mapping(include_none=include_none)
            elif value is not None or include_none:
                mapping[name] = thawed(value)
        return mapping

    def to_plain(self, *, include_none: bool = False) -> Any:
        """Return the fields as a new dict to be shown: wrapped values without their wrapper.

        Parameters
        ----------
        include_none
            Whether fields that are None are in it.
        """
        return self.to_mapping(include_none=include_none)

    def is_default(self) -> bool:
        """Return whether nothing is set."""
        return same(self.to_mapping(), type(self)().to_mapping())

    def reset(self) -> None:
        """Unset every field, but for those that only the library sets.

        Raises
        ------
        ReadOnlyError
            The library sets all of them (an AttributeError).
        """
        free = [f for f in fields(self) if f.name not in self._READ_ONLY]
        if not free:
            raise ReadOnlyError("only the library sets this", field=self._PATH or None)
        self._assign({f.name: _default(f) for f in free})

    def copy(self) -> Self:
        """Return a copy that shares nothing with this one."""
        twin = object.__new__(type(self))
        for name, value in self.__dict__.items():
            twin.__dict__[name] = value.copy() if isinstance(value, BaseMeta) else duplicate(value)
        return twin

    def copy_from(self, other: Self, *, overwrite: bool = False) -> None:
        """Copy the fields of another instance of the same class.

        Parameters
        ----------
        other
            Where to copy from.
        overwrite
            Copy every field; otherwise only those that aren't set here.

        Raises
        ------
        TypeError
            If `other` is of another class.
        """
        self._copy_fields(other, self._user_names(), overwrite=overwrite)

    def _copy_fields(self, other: Self, names: Iterable[str], *, overwrite: bool) -> None:
        """Copy the named fields of another instance, read-only ones too."""
        self._same_class(other)
        chosen = [name for name in names if overwrite or is_unset(getattr(self, name))]
        self._assign({name: getattr(other, name) for name in chosen})

    def _user_names(self) -> list[str]:
        """Return the fields that users may set."""
        return [name for name in self._names() if name not in self._READ_ONLY]

    def _same_class(self, other: object) -> None:
        if type(other) is not type(self):
            raise MetadataTypeError(
                f"expected {type(self).__name__} to copy from, got {type(other).__name__}",
                field=self._PATH or None,
            )

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: object) -> Self:
        return self.copy()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return same(self.to_mapping(), other.to_mapping())

    def __repr__(self) -> str:
        return repr(self.to_plain())

    def __str__(self) -> str:
        return str(self.to_plain())


@cache
def _field_names(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
