"""What a search looks for, and what it finds: sources that may hold images, and files that are left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mlarray_core.url_text import is_url, shown
from mlarray_io.search.names import fitting, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Kind = Literal["file", "folder", "collection"]
Known = tuple[int, int]

UNRECOGNISED = "no installed format recognises it"
"""Why a file is left out that looks like nothing that is known."""


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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or a folder that is converted neither by itself nor as a part of something.

    Attributes
    ----------
    path
        Absolute; or its URL.
    reason
        Why it is left out.
    lost
        Whether an image may be lost by that: it can't be read, or its name says that it is one.
    """

    path: str
    reason: str
    lost: bool = False

    @property
    def name(self) -> str:
        """The path as messages and journals show it."""
        return display_name(self.path)


@dataclass(frozen=True)
class Criteria:
    """What a search looks for.

    Attributes
    ----------
    include, exclude
        Patterns such as ``*.nii.gz`` or ``sub-*/anat/*``, compared with the name and with the path below the
        source. Nothing given includes everything.
    source_format
        Take every file for this format, instead of looking at it.
    avoid
        A folder, or its URL, that isn't looked into: the target.
    merge
        Take all files below a folder that make up images together, as DICOM does, for one source, even when
        they lie in folders that have nothing in common: a series may be spread over several.
    known
        Size and time of a source that is known to hold images, so that it needn't be opened again.
    fitted
        The patterns that something has fitted so far.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    source_format: str | None = None
    avoid: str | None = None
    merge: bool = False
    known: Callable[[str], Known | None] = lambda path: None
    fitted: set[str] = field(default_factory=set, repr=False, compare=False)

    def wants(self, paths: Iterable[str]) -> bool:
        """Whether one of the paths below a source is included, and none is excluded."""
        paths = list(paths)
        excluded = self._fit(paths, self.exclude)
        return self.includes(paths) and not excluded

    def includes(self, paths: Iterable[str]) -> bool:
        """Whether one of the paths below a source is included, or nothing says what is."""
        return self._fit(paths, self.include) or not self.include

    def idle(self) -> list[str]:
        """Return what to say of each pattern that nothing has fitted of what was looked at so far."""
        patterns = [f"include {one!r}" for one in self.include if one not in self.fitted]
        patterns += [f"exclude {one!r}" for one in self.exclude if one not in self.fitted and not _hides(one)]
        how = "patterns are compared with names, and with paths below the source"
        return [f"{one} fits nothing: {how}" for one in patterns]

    def _fit(self, paths: Iterable[str], patterns: tuple[str, ...]) -> bool:
        found = fitting(paths, patterns)
        self.fitted.update(found)
        return bool(found)

    def wants_folder(self, folder: str, names: Iterable[str]) -> bool:
        """Whether a folder that is taken as one is asked for, or a file in it is.

        Parameters
        ----------
        folder
            Below the source.
        names
            Of the files in it. That one of them is to be left out doesn't leave out the folder.
        """
        paths = (folder, *(join(folder, name) for name in names))
        excluded = self._fit((folder,), self.exclude)
        return self.includes(paths) and not excluded


def _hides(pattern: str) -> bool:
    """Whether a pattern is one of hidden names, such as ``._*``, which are left out by themselves."""
    return any(part.startswith(".") and part.strip(".") for part in pattern.split("/"))


def display_name(source: str) -> str:
    """Return a source as messages and journals show it: a URL without what may be secret."""
    return shown(source) if is_url(source) else source
