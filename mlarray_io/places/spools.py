"""Folders of this machine for files on their way from or to a URL."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.leftovers import is_given_up, temporary_name

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "mlarray-spool"
"""What the names of these folders begin with, behind a point."""


@contextmanager
def spool() -> Iterator[Path]:
    """Yield a new folder, links in its path followed; it is removed in the end.

    What killed processes of this user left there, up to an image each, is removed first: nobody else would.

    Raises
    ------
    OSError
        There is no folder for temporary files (``TMPDIR``), or it takes none.
    """
    top = os.path.realpath(tempfile.gettempdir())
    _clear(top)
    folder = Path(top, temporary_name(NAME))
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _clear(top: str) -> None:
    """Remove what was left, once for each process. Anyone may put folders of such names there: only ours."""
    with suppress(OSError):
        for path in Path(top).glob(f".{NAME}.tmp-*"):
            if _is_mine(path) and is_given_up(path, None):
                shutil.rmtree(path, ignore_errors=True)


def _is_mine(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
