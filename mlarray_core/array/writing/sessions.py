"""Files that this process writes to: new ones, and existing ones that are edited in place.

A new file appears whole when its session commits. An edit in place appends the changed chunks, a new index
and a new trailer behind the old frame, and only then writes the header that points to them: until that one
write, every reader, and whoever comes after a crash, sees the file as it was.
"""

from __future__ import annotations

import os
import warnings
import weakref
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from mlarray_core.array.writing.edit_in_place import EditInPlace
from mlarray_core.array.writing.new_file import NewFile
from mlarray_core.disk import explained
from mlarray_core.errors import LockedError, MLArrayError
from mlarray_core.metadata import generations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core.container.edits import EditedStorage
    from mlarray_core.container.image_writer import ImagePlan
    from mlarray_core.container.storage import FrameStorage, Storage
    from mlarray_core.meta import Meta

_sessions: weakref.WeakValueDictionary[str, FileSession] = weakref.WeakValueDictionary()


class Work(Protocol):
    """What a session does to its file: `NewFile` until the first commit, `EditInPlace` after that."""

    @property
    def readable(self) -> Storage:
        """The voxels as they are now."""

    @property
    def writable(self) -> EditedStorage:
        """The voxels, to be written to."""

    def changed(self, metadata: bytes, /) -> bool:
        """Whether there is something to commit."""

    def commit(self, meta: Meta, metadata: bytes, /) -> EditInPlace:
        """Make everything that was written the content of the file."""

    def with_levels(self, levels: str | int | None, meta: Meta, /) -> EditInPlace:
        """Replace the file, which has been committed, by one with other levels."""

    def abort(self, *, clean: bool) -> None:
        """Let go of the file; what was not committed is forgotten."""


class FileSession:
    """One file that this process writes to.

    Parameters
    ----------
    path
        Of the file, links resolved.
    meta
        The image's metadata, read again at each commit.
    work
        What is done to the file.
    """

    def __init__(self, path: Path, meta: Meta, work: Work) -> None:
        self.path, self.meta, self._work = path, meta, work
        self.pid = os.getpid()
        self._taken_over = False
        self._lock = RLock()
        _sessions[str(path)] = self

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        plan: ImagePlan,
        meta: Meta,
        dparams: Mapping[str, object],
        levels: str | int | None = None,
    ) -> FileSession:
        """Begin a new file, which appears, with its levels, at the first commit.

        Parameters
        ----------
        path
            Of the file.
        plan
            How the image is stored.
        meta
            The image's metadata, read again at each commit.
        dparams
            Plain decompression parameters.
        levels
            As `levels.build` takes them.
        """
        real = Path(os.path.realpath(path))
        settle(real, take_over=True)
        return cls(real, meta, NewFile(real, plan, dparams, levels))

    @classmethod
    def edit(cls, path: str | os.PathLike[str], meta: Meta, stored: FrameStorage) -> FileSession:
        """Begin to edit an existing file in place; other writers are locked out until this one ends.

        Parameters
        ----------
        path
            Of the file.
        meta
            The image's metadata, read again at each commit.
        stored
            The voxels in the file.
        """
        real = Path(os.path.realpath(path))
        settle(real, take_over=True)
        work = EditInPlace(real, stored, stored.contents.frame.compression(), generations.encode(meta))
        work.hold()
        return cls(real, meta, work)

    def is_at(self, path: str) -> bool:
        """Whether `path` is the file that is written to."""
        return os.path.realpath(path) == str(self.path)

    @property
    def readable(self) -> Storage:
        """The voxels as they are now."""
        return self._work.readable

    @property
    def writable(self) -> EditedStorage:
        """The voxels, to be written to.

        Raises
        ------
        LockedError
            Another process, or another image of this one, writes to the file now.
        """
        if os.getpid() != self.pid:
            raise LockedError(
                "the file is being written by the process that this one was forked from", path=self.path
            )
        if self._taken_over:
            raise LockedError("the file has been opened for writing again since", path=self.path)
        with self._lock:
            storage = self._work.writable
            storage.after = self._writable_now
            return storage

    def _writable_now(self) -> Storage:
        with self._lock:
            return self.writable

    def commit(self) -> None:
        """Make everything that was written, metadata included, the content of the file.

        Raises
        ------
        MetadataError
            The metadata are not valid.
        WriteError
            The disk is full, or the file was replaced or removed; what is there stays as it is.
        """
        with self._lock:
            self._commit()

    def _commit(self) -> None:
        if self._taken_over or os.getpid() != self.pid:
            return
        self.meta.validate(shape=self.readable.shape if self.meta._has_array.has_array else None)
        metadata = generations.encode(self.meta)
        if not self._work.changed(metadata):
            return
        with explained(self.path, unchanged=True):
            self._work = self._work.commit(self.meta, metadata)

    def put_levels(self, levels: str | int | None) -> None:
        """Replace the file by one with other levels and the same image.

        Raises
        ------
        ArgumentError
            `levels` is nothing that `levels.build` takes, or the file isn't sealed.
        WriteError
            The new file can't be written; the old one stays.
        """
        with self._lock:
            self._commit()
            self._work = self._work.with_levels(levels, self.meta)

    def close(self) -> None:
        """Commit and close the file."""
        try:
            self.commit()
        finally:
            self.abort()

    def abort(self) -> None:
        """Let go of the file; what was not committed is forgotten."""
        self._work.abort(clean=os.getpid() == self.pid)
        self._taken_over = True
        if _sessions.get(str(self.path)) is self:
            del _sessions[str(self.path)]

    def finish(self) -> None:
        """Commit when the image is forgotten or the interpreter ends; a forked child leaves that alone."""
        if os.getpid() != self.pid or self._taken_over:
            return
        try:
            self.close()
        except MLArrayError as error:  # there is no caller to catch it
            warnings.warn(f"what was written is lost: {error}", stacklevel=2)


def settle(path: str | os.PathLike[str], *, take_over: bool = False) -> None:
    """Commit what this process has written to `path` so far, before it is opened again.

    Parameters
    ----------
    path
        Of the file.
    take_over
        Also end the session, because another one begins.
    """
    session = _sessions.get(os.path.realpath(path)) if _sessions else None
    if session is None or session.pid != os.getpid():
        return
    session.commit()
    if take_over:
        session.abort()
