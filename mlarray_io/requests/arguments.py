"""Arguments of functions as people give them: one or several paths, numbers for keys, True for a bar."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
