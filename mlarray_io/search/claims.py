"""Which format a file or a folder belongs to, as a search needs to know it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError
from mlarray_io.engine import foreign
from mlarray_io.engine.registry import installed, refused
from mlarray_io.sdk.format import Confidence
from mlarray_io.sdk.source import Source
from mlarray_io.search.criteria import UNRECOGNISED

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from mlarray_io.sdk.format import Format
    from mlarray_io.search.names import Names


@dataclass(frozen=True)
class Claim:
    """What was found out about a file.

    Attributes
    ----------
    format
        Whose it is; None when no format takes it.
    reason
        Why none does.
    lost
        Whether it may be an image all the same.
    """

    format: Format | None = None
    reason: str = ""
    lost: bool = False


def claim_of(path: str, names: Names, likely: Format | None = None) -> Claim:
    """Return which format a file belongs to, by its content before its name.

    Parameters
    ----------
    path
        The file.
    names
        The suffixes that formats have.
    likely
        The format of the files around it, which is asked first.
    """
    named = names.format(path.rpartition("/")[2])
    try:
        source = Source(path)
        head = source.head  # read here, because a format that can't read it just says that it isn't its own
        preview = foreign.stand_in(source)
        if preview is not None:
            return Claim(reason=explained(refused(source, preview)), lost=True)
        if likely is not None and likely.sniff(source) >= Confidence.SIGNATURE:
            return Claim(likely)
        claim = installed().surest(source)
    except MLArrayError as error:
        return Claim(reason=error.message, lost=True)
    if claim is not None:
        return Claim(claim[0])
    if not head:
        return Claim(reason="the file is empty", lost=named is not None)
    other = installed().recognised(source)
    if named is not None and other is None:
        what = f"it is called as {named.title or named.name} is, but doesn't begin as that does"
        return Claim(reason=what, lost=True)
    image = other is not None and other.hint != foreign.NOTHING
    return Claim(reason=explained(installed().unknown(source, other)), lost=image)


def explained(error: MLArrayError) -> str:
    """Return what an error says, and its way out."""
    return error.message if error.message == UNRECOGNISED else error.told


def whole_format(folder: str, names: Names) -> Format | None:
    """Return the format that takes a folder as one image, such as Zarr; None when none does.

    A folder of slices is one image only when its name says so: pictures in a folder may just as well be a
    data set of single images.
    """
    named = names.format(folder.rstrip("/").rpartition("/")[2])
    asked = [
        one
        for one in installed().formats
        if one.reads and (one.folder == "whole" or (one.folder == "named" and one is named))
    ]
    source = Source(folder)
    sure = [one for one in asked if installed().confidence(one, source) >= Confidence.SIGNATURE]
    return sure[0] if sure else None


def is_collected(format: Format | None) -> bool:
    """Whether files of a format that lie together make up images together, as those of DICOM do."""
    return format is not None and format.folder == "together"


def parts_of(path: str, format: Format, beside: Sequence[str]) -> set[str]:
    """Return the names of files beside one that hold parts of the same images, as its header says.

    Parameters
    ----------
    path, format
        The file, and whose it is.
    beside
        The names of the files that lie beside it.
    """
    try:
        parts = {part.name for part in format.parts(Source(path)) if part.parent == Path(path).parent}
    except MLArrayError:
        return set()  # what is wrong with it is said when it is converted
    return parts.intersection(beside) - {Path(path).name}


def folders_of(files: Iterable[os.DirEntry[str]], claims: Mapping[str, Claim]) -> set[str]:
    """Return the names of folders beside files that hold nothing but parts of those files' images.

    Parameters
    ----------
    files
        Of one folder.
    claims
        Whose each of them is, by name.
    """
    found: set[str] = set()
    for entry in files:
        claim = claims.get(entry.name)
        if claim is None or claim.format is None or not claim.format.mixed_parts:
            continue
        try:
            parts = claim.format.parts(Source(entry.path))
        except MLArrayError:
            continue  # what is wrong with it is said when it is converted
        found |= {part.parent.name for part in parts if part.parent.parent == Path(entry.path).parent}
    return found
