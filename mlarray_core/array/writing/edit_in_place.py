"""An existing file that is edited: changes are appended, and shown by one write of the header."""

from __future__ import annotations

from threading import Lock, RLock
from typing import TYPE_CHECKING

from mlarray_core.container.edits import EditedStorage, Editor
from mlarray_core.container.held_file import HeldFile
from mlarray_core.container.image_writer import ImagePlan, ImageWriter, write_anew
from mlarray_core.container.open import open_contents
from mlarray_core.container.seal import State
from mlarray_core.container.storage import FrameStorage
from mlarray_core.disk import explained
from mlarray_core.errors import ArgumentError, LockedError
from mlarray_core.levels.store import build, count_of
from mlarray_core.processors import available_threads
from mlarray_core.publish import atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_core.container.storage import Storage
    from mlarray_core.meta import Meta


class EditInPlace:
    """A file that is there, and what was changed of it since the last commit.

    Parameters
    ----------
    path
        Of the file.
    stored
        Its voxels as they were committed last.
    cparams
        Plain compression parameters for what is written.
    metadata
        Encoded, as they were committed last.
    """

    def __init__(
        self, path: Path, stored: FrameStorage, cparams: Mapping[str, object], metadata: bytes
    ) -> None:
        self.path, self.stored, self._cparams, self._metadata = path, stored, cparams, metadata
        self._held: HeldFile | None = None
        self._writer: ImageWriter | None = None
        self._edited: EditedStorage | None = None
        self._beginning = RLock()

    def hold(self) -> HeldFile:
        """Keep other writers out from now on, and return the file; see `HeldFile` for errors."""
        if self._held is None:
            self._held = HeldFile(self.path, self.stored.contents)
        return self._held

    @property
    def readable(self) -> Storage:
        """The voxels as they are now."""
        return self._edited or self.stored

    @property
    def writable(self) -> EditedStorage:
        """The voxels, to be written to."""
        with self._beginning:
            if self._edited is None:
                self._edited = edited(self._begun(), self.path, self.stored)
            return self._edited

    def _begun(self) -> ImageWriter:
        """Return what appends to the file."""
        if self._writer is None:
            plan = ImagePlan(self.stored.grid, self._cparams)
            self._writer = ImageWriter(self.hold().file, plan, base=self.stored.contents)
        return self._writer

    def changed(self, metadata: bytes) -> bool:
        """Whether there is something to commit."""
        return self._edited is not None or metadata != self._metadata

    def commit(self, meta: Meta, metadata: bytes) -> EditInPlace:
        """Write what was changed, and return what edits the file from now on."""
        held, writer = self.hold(), self._begun()
        held.check_same()
        if 0 in self.stored.shape:
            self._rewrite(metadata)
        else:
            committed(writer, self._edited, metadata)
        contents = self.stored.contents
        stored = FrameStorage(open_contents(str(self.path), contents.verification), self.stored.dparams)
        after = EditInPlace(self.path, stored, self._cparams, metadata)
        if 0 not in self.stored.shape:
            after._held = held
            held.contents = stored.contents
        return after

    def _rewrite(self, metadata: bytes) -> None:
        """Put a new file in place of one without voxels: such a frame has no room to append to."""
        with atomic(self.path, overwrite=True) as temporary, open(temporary, "w+b") as file:
            write_anew(file, self.stored.contents, metadata)
        self.hold().release()

    def with_levels(self, levels: str | int | None, meta: Meta) -> EditInPlace:
        """Replace the file, which has been committed, by one with other levels, and return what edits that.

        Parameters
        ----------
        levels
            As `levels.build` takes them.
        meta
            Of the image.

        Raises
        ------
        ArgumentError
            `levels` is none of them, or another program edited the file, whose seal must not be renewed.
        WriteError
            The new file can't be written; the old one stays.
        """
        held, contents = self.hold(), self.stored.contents
        if count_of(levels) == 0 and not contents.levels:
            return self
        if contents.state is not State.SEALED:
            raise ArgumentError(
                "only a sealed file can hold levels", hint="Seal it with: mlarray verify --reseal"
            )
        held.check_same()
        with atomic(self.path, overwrite=True) as temporary:
            with open(temporary, "w+b") as file:
                write_anew(file, contents)
            build(temporary, levels, threads=available_threads(), meta=meta)
        stored = FrameStorage(open_contents(str(self.path), contents.verification), self.stored.dparams)
        after = EditInPlace(self.path, stored, self._cparams, self._metadata)
        after.hold()
        held.release()
        return after

    def abort(self, *, clean: bool) -> None:
        """Let go of the file, and cut off what was not committed if that is this process's to do."""
        held, self._held = self._held, None
        if held is None:
            return
        if clean and self._writer is not None:
            held.undo()
        held.release()


def committed(writer: ImageWriter, storage: EditedStorage | None, metadata: bytes) -> None:
    """Write all that was changed; what other threads write from now on goes to what comes after.

    Parameters
    ----------
    writer
        Of the file.
    storage
        What was changed of the voxels, if anything.
    metadata
        Encoded.

    Raises
    ------
    BaseException
        What writing raised; the file is as it was.
    """
    if storage is None:
        writer.finish(metadata)
        return
    storage.editor.flush(last=True)
    try:
        writer.finish(metadata)
    except BaseException:
        storage.editor.go_on()
        raise


def edited(writer: ImageWriter, path: Path, stored: FrameStorage | None = None) -> EditedStorage:
    """Return voxels that go through a writer to its file, and come from there or from where they were.

    Parameters
    ----------
    writer
        Of the file.
    path
        Named in errors.
    stored
        The voxels as they were; None for zeros.
    """
    written: set[int] = set()
    in_file = Lock()  # which has one position, whichever thread reads or writes

    def load(number: int) -> bytes | None:
        if stored and number not in written:
            return stored.chunk(number)
        with in_file:
            if writer.frame.file.closed:
                raise LockedError("these voxels are in a file that the parent process writes", path=path)
            return writer.load(number)

    def store(number: int, chunk: bytes) -> None:
        with in_file:
            written.add(number)
            with explained(path, unchanged=True):
                writer.append(number, chunk)

    return EditedStorage(Editor(writer.grid, writer.cparams, load, store))
