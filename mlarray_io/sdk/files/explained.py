"""What libraries raise on damaged files, as errors of ours."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, LimitError, MissingDependencyError, MLArrayError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def _kind(error: Exception, text: str) -> type[MLArrayError]:
    if isinstance(error, MemoryError) or "bad_alloc" in text or "allocate" in text.lower():
        return LimitError
    return MissingDependencyError if isinstance(error, ImportError) else CorruptError
