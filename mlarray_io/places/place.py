"""Where a source or a target lies: one class for a path on this machine, one for a URL."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core import disk, publish
from mlarray_core.errors import ReadError
from mlarray_core.leftovers import sweep
from mlarray_core.url_text import is_url, protocols, shown
from mlarray_io.places import url_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

HEAD = 1 << 20
"""Bytes in which the header of a file of several parts ends."""

Shown = Path | str
"""What users are shown of a place: a path, or a URL without logins and tokens."""


def place_of(where: str | os.PathLike[str]) -> Place:
    """Return the place that a path or the text of a URL names; a ``file://`` URL names a path."""
    text = os.fspath(where)
    if not is_url(text):
        return LocalPlace(Path(text))
    if protocols(text) in (["file"], ["local"]):
        from urllib.request import url2pathname

        return LocalPlace(Path(url2pathname(text.partition("://")[2])))
    return UrlPlace(text)


class Place(ABC):
    """A file or a folder, there or not, at a path (`LocalPlace`) or at a URL (`UrlPlace`)."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The path or the whole URL, which may hold secrets."""

    @property
    @abstractmethod
    def shown(self) -> Shown:
        """The path, or the URL without what may be secret in it: for messages and results."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The last part, as a file may be called on any system."""

    @property
    @abstractmethod
    def local(self) -> Path | None:
        """The path; None for a URL."""

    @property
    def real(self) -> Place:
        """Where a link leads; this place itself otherwise."""
        return self

    @abstractmethod
    def head(self) -> bytes:
        """Return the first bytes of the file that is there, up to `HEAD`; none of anything else."""

    @abstractmethod
    def joined(self, name: str) -> Place:
        """Return the place called `name`, a relative path with ``/`` between its parts, below this one."""

    @abstractmethod
    def beside(self, name: str) -> Place:
        """Return the place called `name` in the folder that this one lies in; that folder for no name."""

    @abstractmethod
    def below(self, folder: Place) -> str:
        """Return what this place is called below a folder, with ``/`` between the parts."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is a file or a folder."""

    @abstractmethod
    def is_free(self) -> bool:
        """Whether there is nothing, or an empty folder."""

    @abstractmethod
    def check_target(self, *, overwrite: bool = False) -> None:
        """Raise an error when nothing can be written here, as far as can be seen.

        Raises
        ------
        ExistsError
            There is something, and `overwrite` is false.
        WriteError, UnsupportedError
            It can't be written to.
        """

    @abstractmethod
    def check_planned(self, *, overwrite: bool = False) -> None:
        """Raise as `check_target` does, but allow for folders that will be made before it is written."""

    @abstractmethod
    def publishing(
        self, *, overwrite: bool = False, needed: Sequence[str] = (), spare: Sequence[str] = ()
    ) -> AbstractContextManager[Path]:
        """Return a context that yields a path to write to; what is written there appears here as a whole.

        Parameters
        ----------
        overwrite
            Replace what is there.
        needed, spare
            Names of files beside it that what is there needs, and doesn't need: see
            `mlarray_core.publish.Publication`.
        """

    @abstractmethod
    def as_folder(self) -> AbstractContextManager[None]:
        """Return a context in which files can be written below this place, whose own folder is there."""


@dataclass(frozen=True)
class LocalPlace(Place):
    """A file or a folder on this machine.

    Parameters
    ----------
    path
        As the user gave it.
    """

    path: Path

    @property
    def text(self) -> str:
        """The path as text."""
        return str(self.path)

    @property
    def shown(self) -> Path:
        """The path."""
        return self.path

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    @property
    def local(self) -> Path:
        """The path."""
        return self.path

    @property
    def real(self) -> LocalPlace:
        """The path with links followed."""
        return LocalPlace(Path(os.path.realpath(self.path)))

    def head(self) -> bytes:
        """Read the first bytes.

        Raises
        ------
        ReadError
            The system refuses.
        """
        if not self.path.is_file():
            return b""
        try:
            with self.path.open("rb") as file:
                return file.read(HEAD)
        except OSError as error:
            raise ReadError(f"can't be read: {error.strerror or error}", path=self.path) from error

    def joined(self, name: str) -> LocalPlace:
        """Return the place called `name` below this one."""
        return LocalPlace(self.path / name)

    def beside(self, name: str) -> LocalPlace:
        """Return the place called `name` in the same folder."""
        return LocalPlace(self.path.parent / name)

    def below(self, folder: Place) -> str:
        """Return the path relative to a folder."""
        return self.path.relative_to(folder.text).as_posix()

    def exists(self) -> bool:
        """Whether there is something at the path."""
        return self.path.exists()

    def is_free(self) -> bool:
        """Whether there is nothing at the path, or an empty folder."""
        return not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))

    def check_target(self, *, overwrite: bool = False) -> None:
        """Raise an error when nothing can be written here; see `mlarray_core.publish.check_target`."""
        publish.check_target(self.path, overwrite=overwrite)

    def check_planned(self, *, overwrite: bool = False) -> None:
        """Raise an error when there is something that can't be replaced."""
        if os.path.lexists(self.path):
            self.check_target(overwrite=overwrite)

    def publishing(
        self, *, overwrite: bool = False, needed: Sequence[str] = (), spare: Sequence[str] = ()
    ) -> AbstractContextManager[Path]:
        """Return a context that yields a path beside this one, renamed to it at the end.

        Parameters
        ----------
        overwrite, needed, spare
            See `Place.publishing`.
        """
        return publish.atomic(self.path, overwrite=overwrite, needed=needed, spare=spare)

    @contextmanager
    def as_folder(self) -> Iterator[None]:
        """Make the folder, rid it of what killed runs left, and remove it at the end if it stays empty.

        Raises
        ------
        WriteError
            It can't be made.
        """
        try:
            existed = self.path.is_dir()
            self.path.mkdir(exist_ok=True)
            sweep(self.path)
        except OSError as error:
            raise disk.write_error(error, self.path) from error
        try:
            yield
        finally:
            if not existed and not any(self.path.iterdir()):
                self.path.rmdir()


@dataclass(frozen=True)
class UrlPlace(Place):
    """A file or a folder at a URL.

    Parameters
    ----------
    url
        As the user gave it; it may hold secrets.
    """

    url: str

    @property
    def text(self) -> str:
        """The whole URL."""
        return self.url

    @property
    def shown(self) -> str:
        """The URL without logins and tokens."""
        return shown(self.url)

    @property
    def name(self) -> str:
        """The last part of the URL's path."""
        return url_names.name_of(self.url)

    @property
    def local(self) -> None:
        """None: it is nowhere on this machine."""
        return

    def head(self) -> bytes:
        """Fetch the first bytes."""
        from mlarray_io.places.sources import UrlSource

        return UrlSource(self.url).head

    def joined(self, name: str) -> UrlPlace:
        """Return the place called `name` below this one."""
        return UrlPlace(url_names.joined(self.url, name))

    def beside(self, name: str) -> UrlPlace:
        """Return the place called `name` in the same folder."""
        return UrlPlace(url_names.beside(self.url, name))

    def below(self, folder: Place) -> str:
        """Return what is shown of the URL below what is shown of a folder's."""
        return self.shown.removeprefix(str(folder.shown).rstrip("/") + "/")

    def exists(self) -> bool:
        """Whether the server has a file or a folder here."""
        from mlarray_io.places.listing import exists

        return exists(self.url)

    def is_free(self) -> bool:
        """Whether the server has nothing here."""
        return not self.exists()

    def check_target(self, *, overwrite: bool = False) -> None:
        """Raise an error when nothing can be uploaded here; see `places.uploads.check_target`."""
        from mlarray_io.places import uploads

        uploads.check_target(self.url, overwrite=overwrite)

    def check_planned(self, *, overwrite: bool = False) -> None:
        """Raise as `check_target` does: a server makes folders of its own accord."""
        self.check_target(overwrite=overwrite)

    def publishing(
        self, *, overwrite: bool = False, needed: Sequence[str] = (), spare: Sequence[str] = ()
    ) -> AbstractContextManager[Path]:
        """Return a context that yields a path here, uploaded at the end.

        Parameters
        ----------
        overwrite, needed, spare
            See `Place.publishing`.
        """
        from mlarray_io.places import uploads

        return uploads.publishing(self.url, overwrite=overwrite, needed=needed, spare=spare)

    @contextmanager
    def as_folder(self) -> Iterator[None]:
        """Do nothing: a server makes folders of its own accord."""
        yield
