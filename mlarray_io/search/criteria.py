"""What a search found: sources that may hold images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlarray_core.url_text import is_url, shown

Kind = Literal["file", "folder", "collection"]
Known = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """One source that may hold images.

    Attributes
    ----------
    path
        The file or folder, absolute; or its URL, as it was given.
    place
        Where its image belongs below the target, without suffix.
    kind
        ``file``; ``folder``, one that is an image as a whole, such as a Zarr; or ``collection``, one whose
        files make up images, such as DICOM.
    size, mtime_ns
        Of the file; of a folder, the sum and the latest of all that lies in it. -1 when it isn't
        there, or the server doesn't say.
    """

    path: str
    place: str
    kind: Kind = "file"
    size: int = -1
    mtime_ns: int = -1


def told(source: str) -> str:
    """Return a source as messages and journals call it: a URL without what may be secret."""
    return shown(source) if is_url(source) else source
