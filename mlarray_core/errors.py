"""Every error that mlarray raises, one family with one shape of message.

::

    MLArrayError
    ├── CorruptError            (RuntimeError)       the file is damaged or lies about itself
    ├── UnsafeError             (RuntimeError)       reading on would run code or leave the file's folder
    ├── LimitError              (RuntimeError)       reading on would need more memory than allowed
    ├── UnsupportedError        (NotImplementedError) a valid file or request that nothing here can serve
    │   └── UnknownFormatError                       no installed format recognises the file
    ├── MissingDependencyError  (ImportError)        a format is known, its library isn't installed
    ├── PluginError             (RuntimeError)       a format failed in a way that it didn't explain
    ├── SelectionError          (LookupError)        several images and none, or an unknown one, chosen
    ├── LossError               (ValueError)         ``strict``: the target can't hold everything
    ├── ExistsError             (FileExistsError)    the target exists and overwriting wasn't asked for
    ├── NotFoundError           (FileNotFoundError)  there is no such file
    │   └── MissingFileError    (RuntimeError)       ... of `MLArray`, as 0.0.54 reports it
    ├── ReadError               (OSError)            the operating system refuses to read
    ├── WriteError              (OSError)            the operating system refuses to write
    ├── LockedError             (RuntimeError)       another writer has the file
    ├── ModeError               (RuntimeError)       wrong suffix or mode for this operation
    ├── ArgumentError           (ValueError)         an argument or option has an impossible value
    │   └── OptionError                              ... because no option or format is called or spelt so
    ├── ArgumentTypeError       (TypeError)          an argument has the wrong type
    └── MetadataError           (ValueError)         metadata that the schema refuses
        ├── MetadataTypeError   (TypeError)          ... because of its type
        ├── MetadataKeyError    (KeyError)           ... because of an unknown key
        └── ReadOnlyError       (AttributeError)     ... because only the library may set it

Each also inherits the builtin in parentheses, so that ``except ValueError`` goes on working.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType


class MLArrayError(Exception):
    """Base of every error of mlarray.

    Parameters
    ----------
    message
        What is wrong, in one sentence without a full stop.
    path
        The file that it is about.
    field
        The metadata field, header field or option that it is about, such as ``spatial.spacing[1]``.
    hint
        What to do about it, in one sentence.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | PathLike[str] | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> None:
        message = _scrubbed(message)
        super().__init__(message)
        self.message = message
        self.path = None if path is None else _scrubbed(fspath(path), whole=True)
        self.field = field
        self.hint = hint

    def name_path(self, path: str | PathLike[str] | None) -> None:
        """Note which file the error is about, unless it names one already."""
        if not self.path and path is not None:
            self.path = _scrubbed(fspath(path), whole=True)

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.path, self.field) if part)
        return f"{where}: {self.told}" if where else self.told

    @property
    def told(self) -> str:
        """What is wrong and what to do, without where it is."""
        if not self.hint:
            return self.message
        return f"{self.message}{'' if self.message.endswith('?') else '.'} {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.path, self.field, self.hint)


class about:  # noqa: N801 - used like a function
    """A ``with`` block whose errors name the file that they are about.

    A class, not a generator: metadata are read through it, and a generator would cost as much as they do.

    Parameters
    ----------
    path
        Of the file; None where it has none.
    """

    def __init__(self, path: str | PathLike[str] | None) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, MLArrayError):
            error.name_path(self._path)


def _scrubbed(text: str, *, whole: bool = False) -> str:
    """Return a text without the passwords and tokens that URLs in it hold, or that it holds as a URL."""
    if "://" not in text:
        return text
    from mlarray_core.url_text import is_url, scrubbed, shown

    return shown(text) if whole and is_url(text) else scrubbed(text)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three names that may be meant by one that isn't known.

    Parameters
    ----------
    name
        As it was given.
    known
        The names that there are.

    Returns
    -------
    list of str
        Those that look alike, the nearest first, then those of which it is the beginning or a part.
    """
    import difflib

    every, low = list(known), name.lower()
    close = difflib.get_close_matches(name, every, n=3)
    begun = [one for one in every if len(low) > 1 and one.lower().startswith(low)]
    within = [one for one in every if len(low) > 2 and low in one.lower()]
    return list(dict.fromkeys([*close, *begun, *within]))[:3]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, if any is near."""
    near = nearest(name, known)
    return f"; did you mean {near[0]!r}?" if near else ""


def _rebuild(
    kind: type[MLArrayError], message: str, path: str | None, field: str | None, hint: str | None
) -> MLArrayError:
    return kind(message, path=path, field=field, hint=hint)


class CorruptError(MLArrayError, RuntimeError):
    """The file is damaged, cut short, or its header contradicts its content."""


class UnsafeError(MLArrayError, RuntimeError):
    """Reading on would execute code, leave the file's folder or follow a trap."""


class LimitError(MLArrayError, RuntimeError):
    """Reading on would need more memory than the limit allows."""


class UnsupportedError(MLArrayError, NotImplementedError):
    """The file or the request is valid, but nothing here can serve it."""


class UnknownFormatError(UnsupportedError):
    """No installed format recognises the file."""


class MissingDependencyError(MLArrayError, ImportError):
    """The format is known, but the library that it needs is not installed."""


class PluginError(MLArrayError, RuntimeError):
    """A format failed in a way that it did not explain."""


class SelectionError(MLArrayError, LookupError):
    """The source holds several images and none, or one that isn't there, was chosen."""


class LossError(MLArrayError, ValueError):
    """Strict conversion was asked for and the target can't hold everything."""


class ExistsError(MLArrayError, FileExistsError):
    """The target exists and overwriting it was not asked for."""


class NotFoundError(MLArrayError, FileNotFoundError):
    """There is no such file."""


class MissingFileError(NotFoundError, RuntimeError):
    """There is no such `.mla` file."""


class ReadError(MLArrayError, OSError):
    """The operating system refuses to read the file."""


class WriteError(MLArrayError, OSError):
    """The operating system refuses to write the file."""


class LockedError(MLArrayError, RuntimeError):
    """Another writer has the file open."""


class ModeError(MLArrayError, RuntimeError):
    """The suffix or the mode doesn't fit the operation."""


class ArgumentError(MLArrayError, ValueError):
    """An argument or option has a value that can't be meant."""


class OptionError(ArgumentError):
    """An option or the name of a format doesn't exist, or an option can't have this value."""


class ArgumentTypeError(MLArrayError, TypeError):
    """An argument has the wrong type."""


class MetadataError(MLArrayError, ValueError):
    """The metadata schema refuses a value."""


class MetadataTypeError(MetadataError, TypeError):
    """The metadata schema refuses a value because of its type."""


class MetadataKeyError(MetadataError, KeyError):
    """The metadata schema does not know a key."""

    __str__ = MLArrayError.__str__


class ReadOnlyError(MetadataError, AttributeError):
    """Only the library sets this field."""
