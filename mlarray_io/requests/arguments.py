"""Arguments of functions as people give them: one or several paths, numbers for keys, True for a bar."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

from mlarray_core.errors import OptionError
from mlarray_io.sdk.options import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.engine.writing import Progress

    Path = str | os.PathLike[str]


@contextmanager
def bar(progress: Progress | bool | None, name: str, *, images: bool) -> Iterator[Progress | None]:
    """Lend what is called as a conversion goes on: the caller's, a bar, or nothing.

    Parameters
    ----------
    progress
        The caller's function, True for a bar on standard error, None or False for nothing.
    name
        What stands before the bar.
    images
        Count images, not bytes.
    """
    if progress is True:
        from mlarray_io.printing.progress import progress as shown_bar

        with shown_bar(name, silent=False, images=images) as shown:
            yield shown
    else:
        yield progress or None


def texts(given: Path | Sequence[Path]) -> tuple[str, ...]:
    """Return one path or text, or several, as texts."""
    several = [given] if isinstance(given, str | os.PathLike) else given
    return tuple(os.fspath(one) for one in several)


def key_of(image: str | int | None) -> str | None:
    """Return the key of an image: keys that are numbers may be given as such."""
    return None if image is None else str(image)


class PrivacyFlags(TypedDict, total=False):
    """The flags of ``mlarray convert`` that say how a person is kept out."""

    anonymize: bool
    retain: tuple[str, ...]
    clean: tuple[str, ...]
    shift_dates: int | str | None
    key: str | None


def privacy_flags(given: bool | Mapping[str, object]) -> PrivacyFlags:
    """Return the flags of `anonymize`: True, or a dict of options.

    Raises
    ------
    OptionError
        An option isn't known.
    """
    if not isinstance(given, Mapping):
        return {"anonymize": bool(given)}
    known = {"retain", "clean", "shift_dates", "key"}
    for name in given:
        if name not in known:
            hint = suggestion(name, sorted(known), "options")
            raise OptionError(f"has no option {name!r}", field="anonymize", hint=hint)
    flags: PrivacyFlags = {"anonymize": True}
    flags["retain"], flags["clean"] = _words(given.get("retain")), _words(given.get("clean"))
    shift, key = given.get("shift_dates"), given.get("key")
    flags["shift_dates"] = shift if isinstance(shift, int | str) else None
    flags["key"] = None if key is None else os.fspath(key)  # type: ignore[call-overload]
    return flags


def _words(given: object) -> tuple[str, ...]:
    """Return one word, or several, as a tuple."""
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(map(str, given))  # type: ignore[call-overload]
