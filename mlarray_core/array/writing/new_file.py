"""A new file that is filled by assignment, and appears whole."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from mlarray_core.array.writing.edit_in_place import EditInPlace, committed, edited
from mlarray_core.container.image_writer import ImagePlan, ImageWriter
from mlarray_core.container.open import open_contents
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import WriteError
from mlarray_core.levels import store as levels
from mlarray_core.publish import Publication

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlarray_core.container.edits import EditedStorage
    from mlarray_core.meta import Meta


class NewFile:
    """A file that isn't there yet.

    Parameters
    ----------
    path
        Where it appears.
    plan
        How the image is stored.
    dparams
        Plain decompression parameters, for reading it later.
    level_count
        Coarser versions to build when it appears, as `levels.build` takes them.

    Raises
    ------
    WriteError
        The folder is missing or can't be written to.
    LimitError
        There would be too many chunks.
    """

    def __init__(
        self, path: Path, plan: ImagePlan, dparams: Mapping[str, object], level_count: str | int | None
    ) -> None:
        self.path, self._plan, self._dparams, self._levels = path, plan, dict(dparams), level_count
        self._publication = Publication(path, overwrite=True)
        with ExitStack() as undo:
            undo.callback(self._publication.abort)
            try:
                self._file = undo.enter_context(open(self._publication.path, "w+b", buffering=0))
                self._writer = ImageWriter(self._file, plan)
            except OSError as error:
                raise self._publication.explain(error) from error
            undo.pop_all()
        self._edited = edited(self._writer, path)

    @property
    def readable(self) -> EditedStorage:
        """The voxels as they are now."""
        return self._edited

    @property
    def writable(self) -> EditedStorage:
        """The voxels, to be written to."""
        return self._edited

    def changed(self, metadata: bytes) -> bool:
        """Whether there is something to commit: a new file always is."""
        return True

    def commit(self, meta: Meta, metadata: bytes) -> EditInPlace:
        """Make the file appear, with its levels, and return what edits it from now on.

        Raises
        ------
        WriteError
            It can't appear. When the disk was full while it was written, it can be tried again.
        """
        if self._file.closed:
            raise WriteError("what was written is lost: the file could not appear", path=self.path)
        committed(self._writer, self._edited, metadata)
        levels.build(self._publication.path, self._levels, meta=meta)
        self._file.close()
        self._publication.commit()
        stored = FrameStorage(open_contents(str(self.path)), self._dparams)
        return EditInPlace(self.path, stored, self._plan.cparams, metadata)

    def with_levels(self, levels: str | int | None, meta: Meta) -> EditInPlace:
        """Refuse: a file that isn't there has nothing to replace.

        Raises
        ------
        WriteError
            Always.
        """
        raise WriteError("the file has not been written yet", path=self.path)

    def abort(self, *, clean: bool) -> None:
        """Forget the file; a forked child, which may not clean up, only closes its own handle."""
        self._file.close()
        self._publication.abort()
