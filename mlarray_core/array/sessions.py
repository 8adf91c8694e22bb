"""Files that are being written: new ones, and existing ones that are edited in place.

A new file appears whole when its session commits. An edit in place appends the changed chunks, a new index
and a new trailer behind the old frame, and only then writes the header that points to them: until that one
write, every reader, and whoever comes after a crash, sees the file as it was.
"""

from __future__ import annotations

import os
import warnings
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mlarray_core.container.edits import Editor
from mlarray_core.container.image_writer import ImagePlan, ImageWriter, write_anew
from mlarray_core.container.mapping import lock, open_binary
from mlarray_core.container.open import open_contents
from mlarray_core.container.storage import EditedStorage, FrameStorage, Storage
from mlarray_core.errors import LockedError, MLArrayError, WriteError
from mlarray_core.levels import store as levels
from mlarray_core.metadata import generations
from mlarray_core.publish import Publication, atomic, write_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core.meta import Meta

_sessions: weakref.WeakValueDictionary[str, FileSession] = weakref.WeakValueDictionary()


class FileSession:
    """One file that this process writes to.

    Parameters
    ----------
    path
        Of the file.
    meta
        The image's metadata, read again at each commit.
    cparams, dparams
        Plain compression and decompression parameters.
    verify
        As `Contents` takes it.
    """

    def __init__(
        self,
        path: Path,
        meta: Meta,
        cparams: Mapping[str, Any],
        dparams: Mapping[str, Any],
        verify: str = "touch",
    ) -> None:
        self.path, self.meta = Path(os.path.realpath(path)), meta
        self.cparams, self.dparams, self.verify = dict(cparams), dict(dparams), verify
        self.pid = os.getpid()
        self._publication: Publication | None = None
        self._file: BinaryIO | None = None
        self._writer: ImageWriter | None = None
        self._edited: EditedStorage | None = None
        self._stored: FrameStorage | None = None
        self._saved_meta = b""
        self._taken_over = False
        self._levels: str | int | None = None
        settle(self.path, take_over=True)
        _sessions[str(self.path)] = self

    @classmethod
    def create(
        cls,
        path: Path,
        plan: ImagePlan,
        meta: Meta,
        dparams: Mapping[str, Any],
        levels: str | int | None = None,
    ) -> FileSession:
        """Begin a new file, which appears, with its levels, at the first commit."""
        session = cls(path, meta, plan.cparams, dparams)
        session._levels = levels
        publication = Publication(session.path, overwrite=True)
        session._publication = publication
        try:
            session._file = open(publication.path, "w+b", buffering=0)  # noqa: SIM115 - closed by commit or abort
            session._write_through(ImageWriter(session._file, plan))
        except OSError as error:
            session.abort()
            raise publication.explain(error) from error
        except BaseException:
            session.abort()
            raise
        return session

    @classmethod
    def edit(
        cls, path: Path, meta: Meta, stored: FrameStorage, cparams: Mapping[str, Any], verify: str
    ) -> FileSession:
        """Begin to edit an existing file in place; nobody else may while this goes on."""
        session = cls(path, meta, cparams, stored.dparams, verify)
        session._stored = stored
        session._saved_meta = generations.encode(meta)
        try:
            session._lock()
        except BaseException:
            session.abort()
            raise
        return session

    def _lock(self) -> None:
        """Keep other writers out, and make sure that none has been there since the file was read."""
        self._file = open_binary(str(self.path), "r+b", buffering=0)
        if not lock(self._file):
            self._release()
            raise LockedError(
                "another writer has the file open",
                path=self.path,
                hint="Wait for it to finish, or save to another file",
            )
        assert self._stored is not None
        header = self._stored.contents.frame.header
        if self._file.read(len(header)) != header:
            self._release()
            raise LockedError(
                "another writer has changed the file since it was opened",
                path=self.path,
                hint="Open it again",
            )

    def _release(self) -> None:
        """Close the file, and cut off what was written behind the frame and never committed."""
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(OSError), file:  # nothing refers to these bytes
            if self._writer is None or self._stored is None or os.getpid() != self.pid:
                return
            contents = self._stored.contents
            frame = contents.frame
            file.seek(0)
            if file.read(frame.header_size) == frame.header:
                file.truncate(contents.end)

    def _write_through(self, writer: ImageWriter) -> None:
        stored = self._stored
        written: set[int] = set()

        def load(number: int) -> bytes | None:
            return stored.chunk(number) if stored and number not in written else writer.load(number)

        def store(number: int, chunk: bytes) -> None:
            written.add(number)
            try:
                writer.append(number, chunk)
            except OSError as error:
                raise self._explain(error) from error

        self._writer = writer
        self._edited = EditedStorage(Editor(writer.grid, writer.cparams, load, store))

    def _explain(self, error: OSError) -> WriteError:
        if isinstance(error, WriteError):
            return error
        return write_error(error, self.path)

    def is_at(self, path: str) -> bool:
        """Whether `path` is the file that is written to."""
        return os.path.realpath(path) == str(self.path)

    @property
    def readable(self) -> Storage:
        """The voxels as they are now."""
        storage = self._edited or self._stored
        assert storage is not None
        return storage

    @property
    def writable(self) -> Storage:
        """The voxels, to be written to."""
        if os.getpid() != self.pid:
            raise LockedError(
                "the file is being written by the process that this one was forked from", path=self.path
            )
        if self._taken_over:
            raise LockedError("the file has been opened for writing again since", path=self.path)
        if self._edited is None:
            assert self._stored is not None
            if self._file is None:
                self._lock()
            assert self._file is not None
            plan = ImagePlan(self._stored.grid, self.cparams)
            self._write_through(ImageWriter(self._file, plan, base=self._stored.contents))
        assert self._edited is not None
        return self._edited

    def commit(self) -> None:
        """Make everything that was written, metadata included, the content of the file."""
        if self._taken_over or os.getpid() != self.pid:
            return
        self.meta.validate(shape=self.readable.shape if self.meta._has_array.has_array else None)
        metadata = generations.encode(self.meta)
        if self._edited is None and metadata == self._saved_meta:
            return
        storage = self.writable
        assert isinstance(storage, EditedStorage)
        assert self._writer is not None
        try:
            self._check_same()
            if self._publication is None and 0 in storage.shape:
                self._rewrite(metadata)
            else:
                storage.editor.flush()
                self._writer.finish(metadata)
                self._publish()
        except OSError as error:
            raise self._explain(error) from error
        self._saved_meta = metadata
        self._edited = self._writer = None  # what is in the file now is its content
        self._stored = FrameStorage(open_contents(str(self.path), self.verify), self.dparams)

    def _rewrite(self, metadata: bytes) -> None:
        """Put a new file in place of one without voxels: such a frame has no room to append to."""
        assert self._stored is not None
        with atomic(self.path, overwrite=True) as temporary, open(temporary, "w+b") as file:
            write_anew(file, self._stored.contents, metadata)
        self._release()

    def _check_same(self) -> None:
        """Refuse to write into a file that isn't at its path any more."""
        if self._publication is not None or self._file is None:
            return
        try:
            same = os.path.samestat(os.stat(self.path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            same = False
        if not same:
            raise WriteError("the file was replaced or removed while it was being edited", path=self.path)

    def _publish(self) -> None:
        if self._publication is None:
            return
        assert self._file is not None
        self._file.close()
        self._file = None
        publication, self._publication = self._publication, None
        levels.build(publication.path, self._levels, meta=self.meta)
        publication.commit()

    def close(self) -> None:
        """Commit and let go of the file."""
        try:
            self.commit()
        finally:
            self.abort()

    def abort(self) -> None:
        """Let go of the file; what was not committed is forgotten."""
        self._release()
        if self._publication is not None:
            self._publication.abort()
            self._publication = None
        self._taken_over = True
        if _sessions.get(str(self.path)) is self:
            del _sessions[str(self.path)]

    def finish(self) -> None:
        """Commit when the image is forgotten or the interpreter ends; a forked child leaves that alone."""
        if os.getpid() != self.pid or self._taken_over:
            return
        try:
            self.close()
        except MLArrayError as error:  # nobody is there to catch it
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
