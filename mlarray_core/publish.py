"""Files that appear whole or not at all.

What is written goes to a temporary folder beside the target, ``.NAME.tmp-PID-RANDOM-MACHINE/NAME``, so that
it has the right name for libraries that look at it, and is on the target's file system. Only when it is
complete and on disk is it renamed over the target, which until then stays as it was.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.disk import alone, exchange, move_new, remove_folder, sync, sync_one, uncertain, write_error
from mlarray_core.errors import ExistsError, MLArrayError, WriteError
from mlarray_core.leftovers import BEFORE, REPLACED, temporary_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WRITING_ONLY = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


class Publication:
    """One target that is being written: `commit` makes it appear, `abort` forgets it.

    Parameters
    ----------
    target
        Where the file or folder is to appear. Links are followed, a replaced file's permissions kept.
    overwrite
        Replace what is there. Otherwise an existing target is refused, at once and again by `commit`. A
        folder is never replaced by a file.
    needed
        Names of files beside the target that only what is there needs, such as the voxels that a header
        names: those that aren't written anew are removed when the new target is in place.
    spare
        Names of files beside the target that what is there doesn't need. Any other that is written anew is
        replaced together with it.

    Attributes
    ----------
    path
        Where to write: a path that doesn't exist yet, with the target's name, in a folder of its own. Other
        files that are written beside it (the ``.img`` of a ``.hdr``) are published beside the target.

    Raises
    ------
    ExistsError
        The target exists and `overwrite` is false.
    WriteError
        The target's folder is missing or can't be written, or the target is no file and no folder.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        needed: Sequence[str] = (),
        spare: Sequence[str] = (),
    ) -> None:
        self.asked = Path(target)
        self.target = Path(os.path.realpath(target))
        self.overwrite, self._needed, self._spare = overwrite, needed, spare
        self._check(self.target)
        self._before = _identity(self.target)
        self._folder = self.target.parent / temporary_name(self.target.name)
        self.path = self._folder / self.target.name
        self._open, self._touched = False, False
        self._pid = os.getpid()
        with self._explained():
            self._folder.mkdir(mode=0o700)
        self._open = True

    def commit(self) -> None:
        """Put everything that was written into place: companions first, the target last. Once is enough."""
        if not self._open:
            return
        try:
            with self._explained():
                self._publish()
        finally:
            self.abort()

    def abort(self) -> None:
        """Remove everything that was written and not committed."""
        if self._open and os.getpid() == self._pid:  # not a forked child's to remove
            remove_folder(self._folder)
        self._open = False

    def explain(self, error: OSError) -> MLArrayError:
        """Say what `error`, raised while writing, means for the target."""
        if isinstance(error, MLArrayError):
            return error
        return write_error(error, self.asked, unchanged=not self._touched)

    def concerns(self, error: OSError) -> bool:
        """Whether `error` came from writing, not from reading some other file."""
        names = (error.filename, error.filename2)
        return error.errno in _WRITING_ONLY or any(str(self._folder) in str(name) for name in names if name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.explain(error) from error

    def _check(self, target: Path) -> None:
        check_target(self.asked if target == self.target else target, overwrite=self.overwrite)

    def _publish(self) -> None:
        written = sorted(self._folder.iterdir(), key=lambda path: path == self.path)
        if self.path not in written:
            raise WriteError("nothing was written", path=self.asked)
        for path in written:
            self._check_place(path)
        for path in written:
            sync(path)
        if len(written) == 1 and not self._needed:
            self._move(self.path, self.target)
        else:
            with alone(self.target.parent):
                self._check_same()
                self._place_all(written)
        try:
            sync_one(self.target.parent)
        except OSError as error:
            raise uncertain(error, self.asked) from error
        self._remove_old({path.name for path in written})

    def _check_place(self, path: Path) -> None:
        """Refuse what is there and may not be replaced; a folder of files never is by one file."""
        place = self.target.parent / path.name
        self._check(place)
        if path.is_file() and place.is_dir():
            raise WriteError(
                "is a folder, which no file replaces",
                path=self.asked if place == self.target else place,
                hint="Remove the folder yourself, or choose another name",
            )

    def _check_same(self) -> None:
        """Refuse to replace files of which another writer has replaced one meanwhile: they'd be mixed."""
        if _identity(self.target) != self._before:
            self._check(self.target)
            what = "another writer has replaced it meanwhile; what is there is that one's"
            raise WriteError(what, path=self.asked, hint="Write it again")

    def _place_all(self, written: list[Path]) -> None:
        """Put files in place that make up one image, such as a header and its voxels: never a mix.

        What the old target needs goes with it. Until the new one is there the image is incomplete then, as
        its readers say. A failure puts everything back.
        """
        places = [self.target.parent / path.name for path in written]
        asides: list[tuple[Path, Path]] = []
        moved: list[Path] = []
        self._touched = True
        try:
            self._set_aside([place for place in places[:-1] if os.path.lexists(place)], asides)
            for path, place in zip(written, places, strict=True):
                self._move(path, place)
                moved.append(place)
        except BaseException:
            self._put_back(moved, asides)
            raise

    def _set_aside(self, others: list[Path], asides: list[tuple[Path, Path]]) -> None:
        """Set companions aside that are replaced, and before them the target if it needs one of them."""
        needed = any(place.name not in self._spare for place in others)
        before = [(self.target, REPLACED)] if needed and os.path.lexists(self.target) else []
        for place, end in (*before, *((place, BEFORE) for place in others)):
            aside = self._folder / f"{place.name}{end}"
            place.rename(aside)
            asides.append((aside, place))
        if before:
            sync_one(self.target.parent)

    def _put_back(self, moved: list[Path], asides: list[tuple[Path, Path]]) -> None:
        """Undo what was placed; where that fails too, what was there stays in the temporary folder."""
        try:
            for place in moved:
                place.unlink(missing_ok=True)
            for aside, place in reversed(asides):
                aside.replace(place)
        except OSError as error:
            self._open = False
            what = f"can't be written, and what was there can't be put back: {error.strerror or error}"
            raise WriteError(what, path=self.asked, hint=f"It is in {self._folder}") from error
        self._touched = False

    def _remove_old(self, written: set[str]) -> None:
        """Remove what only the replaced target needed; the new one is whole without."""
        for name in set(self._needed) - written:
            old = self.target.parent / name
            for _ in range(2):  # a disk may fail once
                if not old.is_symlink() and old.is_file():
                    with suppress(OSError):
                        old.unlink()

    def _move(self, path: Path, target: Path) -> None:
        if target.exists() and path.is_file() and target.is_file():
            path.chmod(stat.S_IMODE(target.stat().st_mode))
        if not self.overwrite:
            try:
                move_new(path, target)
            except FileExistsError:
                self._check(target)
                raise
        elif path.is_dir():
            self._move_folder(path, target)
        else:
            path.replace(target)

    def _move_folder(self, path: Path, target: Path) -> None:
        """Put a folder in place of whatever is there; a folder can't be renamed over a full one."""
        aside = self._folder / f"{target.name}{REPLACED}"
        replaced = target.exists()
        if replaced and exchange(path, target):
            return  # what was there is in the temporary folder now, and goes with it
        if replaced:
            target.rename(aside)
        try:
            path.rename(target)
        except BaseException:
            if replaced:
                self._put_back([], [(aside, target)])
            raise


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Return what tells a file from one that has replaced it; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def atomic(
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    needed: Sequence[str] = (),
    spare: Sequence[str] = (),
) -> Iterator[Path]:
    """Yield a path to write to; it becomes `target` when the body ends, and vanishes when the body raises.

    Errors of the operating system that come from writing leave as `WriteError` with the target's name and the
    cause; every other error leaves as it is. See `Publication` for the rest.

    Parameters
    ----------
    target
        Where the file or folder appears.
    overwrite
        Replace what is there.
    needed, spare
        As `Publication` has them.

    Raises
    ------
    ExistsError
        The target exists and `overwrite` is false.
    WriteError
        The system refuses to write.
    """
    publication = Publication(target, overwrite=overwrite, needed=needed, spare=spare)
    try:
        yield publication.path
    except MLArrayError as error:
        if error.path is not None and error.path.startswith(str(publication.path)):
            error.path = str(publication.asked)
        raise
    except OSError as error:
        if publication.concerns(error):
            raise publication.explain(error) from error
        raise
    else:
        publication.commit()
    finally:
        publication.abort()


def check_target(target: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise `ExistsError` or `WriteError` when `target` can't be published, as far as can be seen.

    Raises
    ------
    ExistsError
        It exists and `overwrite` is false.
    WriteError
        Its folder is missing, or it is neither a file nor a folder.
    """
    real = Path(os.path.realpath(target))
    try:
        if not stat.S_ISDIR(real.parent.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(real.parent))
        mode = real.lstat().st_mode if real.exists() else None
    except OSError as error:
        raise write_error(error, target) from error
    if mode is None:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise WriteError("is neither a file nor a folder, so it can't be replaced", path=target)
    if not overwrite:
        raise ExistsError("exists already", path=target, hint="Overwrite it with --force (overwrite=True)")
