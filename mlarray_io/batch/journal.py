"""The journal of a batch: what was begun, what came of it, and from which state of which source.

It is a folder `.mlarray` in the target with one file of JSON lines for each shard, only ever appended to. A
line that a kill cut short is ignored. Of the lines of one source, the last one counts.
"""

from __future__ import annotations

import gc
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from mlarray_core.container.mapping import lock
from mlarray_core.disk import explained
from mlarray_core.errors import LockedError, OptionError, ReadError
from mlarray_io.batch.journal_lines import Begun, Entry, checked, read_lines
from mlarray_io.batch.leftovers import remove_empty
from mlarray_io.places.side_files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io.batch.jobs import Job, Report
    from mlarray_io.privacy.profile import Privacy

FOLDER = ".mlarray"
SYNC_EVERY = 256
"""Lines between two fsyncs: what a power cut, not a kill, can cost is converting so many images again."""


class Journal:
    """The journal of the folder `target`.

    Parameters
    ----------
    target
        Where images are converted to; made when something is written.
    shard
        ``(i, n)``: this run does the i-th of n parts, and writes a file of its own.
    privacy
        How a person is kept out of targets: their sources are called by pseudonyms then, as the journal lies
        among the targets.

    Attributes
    ----------
    entries
        By source, what became of it.
    begun
        By source, which file says that it was begun, and at which place, when none says what became of it.
    """

    def __init__(
        self, target: Path, shard: tuple[int, int] | None = None, privacy: Privacy | None = None
    ) -> None:
        self.privacy = privacy
        self._secrets: set[str] = set()
        self.folder = target / FOLDER
        name = "journal.jsonl" if shard is None else f"journal-{shard[0]}-of-{shard[1]}.jsonl"
        self.path = self.folder / name
        self.entries: dict[str, Entry] = {}
        self.begun: dict[str, tuple[Path, str]] = {}
        self._made: list[Path] = []
        self._file: BinaryIO | None = None
        self._unsynced = 0

    def load(self) -> Journal:
        """Read all files of the journal, those of other shards too, oldest first.

        Raises
        ------
        ReadError
            The folder or a file of it is a link, a pipe or something else, or can't be read.
        CorruptError
            A file isn't a journal, or names a place outside of the target.
        """
        self._check_folder()
        if self.folder.is_dir():
            files = sorted(self.folder.glob("journal*.jsonl"), key=lambda path: path.lstat().st_mtime_ns)
            with _without_garbage():
                for path in files:
                    self._read(path)
        return self

    def entry(self, source: str) -> Entry | None:
        """Return what became of a source, None for one that isn't known."""
        return self.entries.get(self._called(source))

    def has_begun(self, source: str) -> bool:
        """Whether a source was begun, and nothing says what became of it."""
        return self._called(source) in self.begun

    def check_secret(self) -> None:
        """Refuse to go on with other pseudonyms than those of the runs before.

        Raises
        ------
        OptionError
            They were made with another secret, or are names now.
        """
        if not self.entries or self._secrets == {self._secret}:
            return
        raise OptionError(
            "what lies there was converted with another secret, or with names"
            if self.privacy
            else "what lies there was converted with --anonymize, and this isn't",
            path=self.folder.parent,
            field="--key",
            hint="Give the --key FILE that it was made with, or convert into another folder",
        )

    @property
    def _secret(self) -> str:
        return "" if self.privacy is None else self.privacy.check

    def _called(self, source: str) -> str:
        return source if self.privacy is None else self.privacy.pseudonym(source, "source")

    def leftovers(self) -> Iterator[str]:
        """Yield the places of all that was begun, and neither done nor failed, by runs that are over."""
        over = {path: path == self.path or _is_over(path) for path, _ in self.begun.values()}
        yield from (place for path, place in self.begun.values() if over[path])

    def open(self) -> Journal:
        """Begin to write.

        Raises
        ------
        LockedError
            Another run writes this journal.
        ReadError
            Something that is no file has its name.
        WriteError
            The operating system refuses.
        """
        self._made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        self._check_folder()
        with explained(self.path):
            self.folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            self._file = file = open_regular(self.path, flags, follow=False)
        if not lock(file):
            self.close()
            raise LockedError(
                "another run converts into this folder",
                path=self.folder.parent,
                hint="Wait for it, or give each run its part with --shard I/N",
            )
        try:
            with explained(self.path):
                if file.seek(0, os.SEEK_END) and _last_byte(file) != b"\n":
                    file.write(b"\n")  # ends the line that a kill cut short
        except BaseException:
            self.close()
            raise
        return self

    def begin(self, job: Job, options: str) -> None:
        """Note that a source is begun, with the digest of what is asked for. Raises as `end` does."""
        self._write({**self._identity(job, options), "state": "started", "place": job.place})

    def end(self, job: Job, report: Report, options: str, *, verified: bool) -> None:
        """Note what came of a source.

        Parameters
        ----------
        job, report
            The source, and what came of it.
        options
            Digest of what was asked for.
        verified
            Whether results were compared with their source.

        Raises
        ------
        WriteError
            The operating system refuses.
        """
        images = [image.journal_json() for image in report.images]
        line = {
            **self._identity(job, options),
            "state": report.state,
            "images": images,
            "voxel_bytes": report.voxel_bytes,
            "seconds": round(report.seconds, 4),
        }
        if self.privacy is not None:
            line["images"] = [{**image, "image": str(number)} for number, image in enumerate(images)]
            line["secret"] = self._secret
        elif report.failures:
            line["failures"] = [{"image": one.image, **one.to_json()} for one in report.failures]
        if report.left_out and self.privacy is None:
            line["left_out"] = [
                {"path": one.name, "reason": one.reason, "lost": one.lost} for one in report.left_out
            ]
        if verified and report.state == "done":
            line["verified"] = True
        self._write(line)

    def leave_out(self, path: str, reason: str, *, lost: bool) -> None:
        """Note a file that is left out.

        Parameters
        ----------
        path
            As messages show it.
        reason
            Why.
        lost
            Whether it may be an image.
        """
        if self.privacy is None:
            self._write({"path": path, "state": "left out", "reason": reason, "lost": lost})

    def undo(self) -> None:
        """Remove the journal, and all folders made with it that are empty, if its target was made for it.

        It stays where anything else lies in the target: an image that was finished as the run was stopped.
        """
        if self._file is None or self.folder.parent not in self._made:
            return
        if any(path.name != FOLDER for path in self.folder.parent.iterdir()):
            return
        if os.name == "nt":
            self.close()
        with explained(self.path):
            self.path.unlink()
        remove_empty(self._made)

    def close(self) -> None:
        """Let others write; twice is harmless.

        Raises
        ------
        WriteError
            What was written may not be on the disk.
        """
        file, self._file = self._file, None
        if file is not None:
            with explained(self.path), file:
                self._sync(file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_folder(self) -> None:
        """Refuse what would have the journal written somewhere else, or not at all."""
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            what = "is a link" if self.folder.is_symlink() else "is no folder"
            hint = "Remove it, or keep the journal elsewhere with --journal FOLDER"
            raise ReadError(f"{what}, expected the folder of a journal", path=self.folder, hint=hint)

    def _read(self, path: Path) -> None:
        try:
            with open_regular(path, follow=False) as file:
                for source, found in read_lines(file, path):
                    self._take(source, found, path)
        except OSError as error:
            raise ReadError(f"can't be read: {error.strerror or error}", path=path) from error

    def _take(self, source: str, found: Entry | Begun, path: Path) -> None:
        if isinstance(found, Begun):
            self.begun[source] = path, found.place
        else:
            self.begun.pop(source, None)
            self.entries[source] = found
            self._secrets.add(found.secret)

    def _write(self, line: dict[str, object]) -> None:
        """Append one line; it outlives a kill from now on."""
        if self._file is None:
            return
        content = memoryview(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        with explained(self.path):
            while content:  # a disk that is nearly full takes a part
                content = content[self._file.write(content) :]
            self._unsynced += 1
            if self._unsynced >= SYNC_EVERY:
                self._sync(self._file)
        if "source" in line:
            self._take(str(line["source"]), checked(line), self.path)

    def _identity(self, job: Job, options: str) -> dict[str, object]:
        name = self._called(job.name)
        return {"source": name, "size": job.size, "mtime_ns": job.mtime_ns, "options": options}

    def _sync(self, file: BinaryIO) -> None:
        os.fsync(file.fileno())
        self._unsynced = 0


@contextmanager
def _without_garbage() -> Iterator[None]:
    """Don't search for garbage: reading a million entries takes twice as long then, and none is any."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


def _is_over(path: Path) -> bool:
    """Whether nobody writes this file of a journal."""
    try:
        with open_regular(path, os.O_RDWR | os.O_APPEND, follow=False) as file:
            return lock(file)
    except (OSError, ReadError):
        return False


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)
