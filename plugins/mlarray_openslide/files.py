"""The files of a slide, as the text that describes it names them: none outside of its folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlarray_core.errors import UnsafeError

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 16 << 20
_NAMES = re.compile(
    r"(?im)^\s*(?:FILE_\d+|INDEXFILE|ImageFile[^=]*|MapFile|OptimisationFile|MacroImage)\s*=\s*(.*?)\s*$"
)
"""What names a file in Slidedat.ini and in Hamamatsu's key files (openslide.org/formats)."""


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files that hold a slide besides the one at `path`.

    Raises
    ------
    UnsafeError
        A name leads out of the folder that it is of.
    """
    suffix = path.suffix.lower()
    if suffix == ".mrxs":
        folder = path.with_suffix("")
        text = folder / "Slidedat.ini"
    elif suffix in (".vms", ".vmu"):
        folder, text = path.parent, path
    else:
        return ()
    with text.open("rb") as file:
        names = _NAMES.findall(file.read(_LONGEST).decode("utf-8", "replace"))
    found = [text] if text != path else []
    for name in dict.fromkeys(filter(None, names)):
        if "/" in name or "\\" in name or (folder / name).resolve().parent != folder.resolve():
            raise UnsafeError(f"names the file {name[:80]!r}, outside of its folder", path=text)
        found.append(folder / name)
    return tuple(found)
