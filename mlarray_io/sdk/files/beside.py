"""Names of data files beside a header that names them: two for each, of which one is always free.

Voxels that replace others get the name that the old header doesn't say. Old header and old voxels stay
together until the new header is put in place, by one rename.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def data_names(header: Path, end: str) -> tuple[str, str]:
    """Return both names: ``scan.raw`` and ``scan.mhd.raw`` for a ``scan.mhd`` whose data end in ``.raw``."""
    return header.stem + end, header.name + end


def named_in(head: bytes, files: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of the files that a header in text names, as a value of their own, by name alone.

    Parameters
    ----------
    head
        The header: fields and their values after ``=`` or ``:``, one a line.
    files
        Which may be named.
    """
    return tuple(path for path in files if _names(head, path.name))


def _names(head: bytes, name: str) -> bool:
    spelt = {name.encode("utf-8", "surrogateescape"), name.encode("latin-1", "replace")}
    return any(re.search(rb"(?m)[:=][ \t]*(?:\./)?" + re.escape(one) + rb"[ \t\r]*$", head) for one in spelt)
