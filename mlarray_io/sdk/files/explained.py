"""What libraries raise on damaged files, as errors of ours."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, LimitError, MissingDependencyError, MLArrayError
from mlarray_io.sdk.warning_filters import ignored_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CUT = re.compile(r"(?i)\b(eof|end|ends|short|shorter|truncated?|enough|missing|bytes|buffer|size)\b")
"""What a library says of a file that may have been cut short; only then asking for a whole copy helps."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever a library raises within into an error of the file. Also for decorating a function.

    Raises
    ------
    MLArrayError
        In the library's words: the file is damaged, needs too much memory, or another library.
    """
    try:
        yield
    except MLArrayError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        said = f"its library can't read it: {text[-300:] or type(error).__name__}"
        kind = _kind(error, text)
        cut = kind is CorruptError and _CUT.search(said)
        raise kind(said, hint="Was it copied whole?" if cut else None) from error


def in_a_line(error: BaseException) -> str:
    """Return what an error says, on one line that isn't too long."""
    return " ".join(str(error).split())[:160]


def kind_and_text(error: BaseException) -> str:
    """Return what an error is and says."""
    return f"{type(error).__name__}: {in_a_line(error)}"


@contextmanager
def damage_named(
    path: Path | str,
    what: str,
    *quiet: str,
    kinds: tuple[type[Exception], ...] = (Exception,),
    told: Callable[[Exception], str] = kind_and_text,
) -> Iterator[None]:
    """Say which file is damaged when a library raises within, and silence the library's warnings.

    Parameters
    ----------
    path
        The file.
    what
        What to say of it, such as ``can't be decoded``.
    *quiet
        Packages whose warnings are ignored.
    kinds
        What the library raises for damaged files. Errors of ours pass, named, and so does a lack of memory.
    told
        Returns what to tell of the library's error.

    Raises
    ------
    CorruptError
        The library finds the file damaged.
    """
    with ignored_warnings(*quiet, "contextlib"):
        try:
            yield
        except MLArrayError as error:
            error.name_path(path)
            raise
        except MemoryError:
            raise
        except kinds as error:
            raise CorruptError(f"{what} ({told(error)})", path=path, hint="Was it copied whole?") from error


def _kind(error: Exception, text: str) -> type[MLArrayError]:
    if isinstance(error, MemoryError) or "bad_alloc" in text or "allocate" in text.lower():
        return LimitError
    return MissingDependencyError if isinstance(error, ImportError) else CorruptError
