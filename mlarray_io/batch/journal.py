"""The journal of a batch: what was begun, what came of it, and from which state of which source.

It is a folder `.mlarray` in the target with one file of JSON lines for each shard, only ever appended to. A
line that a kill cut short is ignored. Of the lines of one source, the last one counts.
"""

from __future__ import annotations

import gc
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from sys import intern
from typing import IO, TYPE_CHECKING, Any

from mlarray_core.container.mapping import lock
from mlarray_core.errors import LockedError
from mlarray_core.publish import write_error
from mlarray_io.batch.leftovers import remove_empty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ".mlarray"
SYNC_EVERY = 256
"""Lines between two fsyncs: what a power cut, not a kill, can cost is converting so many images again."""

TOGETHER = 4096
"""Lines that are parsed at once, which takes half the time."""


@dataclass(slots=True)
class Entry:
    """What the journal knows of one source that was done, or failed.

    Attributes
    ----------
    size, mtime_ns
        Of the source when it was converted.
    options
        Digest of everything that was asked for.
    state
        ``done`` or ``failed``.
    verified
        Whether the result was read back and compared with the source.
    targets
        Path below the target and size of each file that was written; -1 for a folder.
    voxel_bytes
        Of all images of the source.
    """

    size: int
    mtime_ns: int
    options: str
    state: str
    verified: bool
    targets: tuple[str | int, ...]
    voxel_bytes: int = 0


class Journal:
    """The journal of the folder `target`.

    Parameters
    ----------
    target
        Where images are converted to; made when something is written.
    shard
        ``(i, n)``: this run does the i-th of n parts, and writes a file of its own.

    Attributes
    ----------
    entries
        By source, what became of it.
    begun
        By source, which file says that it was begun, and at which place, when none says what became of it.
    """

    def __init__(self, target: Path, shard: tuple[int, int] | None = None) -> None:
        self.folder = target / FOLDER
        name = "journal.jsonl" if shard is None else f"journal-{shard[0]}-of-{shard[1]}.jsonl"
        self.path = self.folder / name
        self.entries: dict[str, Entry] = {}
        self.begun: dict[str, tuple[Path, str | None]] = {}
        self._made: list[Path] = []
        self._file: IO[bytes] | None = None
        self._unsynced = 0

    def load(self) -> Journal:
        """Read all files of the journal, those of other shards too, oldest first."""
        if self.folder.is_dir():
            files = sorted(self.folder.glob("journal*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
            with _without_garbage():
                for path in files:
                    for line in _whole_lines(path):
                        self._take(line, path)
        return self

    def leftovers(self) -> Iterator[str]:
        """Yield the places of all that was begun, and neither done nor failed, by runs that are over."""
        over = {path: path == self.path or _is_over(path) for path, _ in self.begun.values()}
        yield from (place for path, place in self.begun.values() if over[path] and place is not None)

    def open(self) -> Journal:
        """Begin to write.

        Raises
        ------
        LockedError
            Another run writes this journal.
        WriteError
            The operating system refuses.
        """
        self._made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = file = self.path.open("ab+", buffering=0)
        except OSError as error:
            raise write_error(error, self.path) from error
        if not lock(file):
            self.close()
            raise LockedError(
                "another run converts into this folder",
                path=self.folder.parent,
                hint="Wait for it, or give each run its part with --shard I/N",
            )
        if file.seek(0, os.SEEK_END) and _last_byte(file) != b"\n":
            file.write(b"\n")  # ends the line that a kill cut short
        return self

    def write(self, line: dict[str, Any]) -> None:
        """Append one line; it outlives a kill from now on."""
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            self._unsynced += 1
            if self._unsynced >= SYNC_EVERY:
                self._sync()
        except OSError as error:
            raise write_error(error, self.path) from error
        self._take(line, self.path)

    def undo(self) -> None:
        """Remove the journal, if its target was made for it, and all folders made with it that are empty."""
        if self._file is not None and self.folder.parent in self._made:
            if os.name == "nt":
                self.close()
            self.path.unlink()
            remove_empty(self._made)

    def close(self) -> None:
        """Let others write; twice is harmless."""
        if self._file is not None:
            self._sync()
            self._file.close()
            self._file = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sync(self) -> None:
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._unsynced = 0

    def _take(self, line: dict[str, Any], path: Path) -> None:
        source, state = line.get("source"), line.get("state")
        if not isinstance(source, str):
            return
        if state == "started":
            self.begun[source] = path, line.get("place")
            return
        self.begun.pop(source, None)
        targets: list[str | int] = []
        for image in line.get("images", ()):
            targets += (image["target"], image.get("size", image["bytes"]))
        self.entries[source] = Entry(
            line["size"],
            line["mtime_ns"],
            intern(line["options"]),
            intern(line["state"]),
            "verified" in line,
            tuple(targets),
            line.get("voxel_bytes", 0),
        )


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


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file that are whole; others were cut short by a kill."""
    with path.open("rb") as file:
        while lines := list(islice(file, TOGETHER)):
            try:
                found = json.loads(b"[" + b",".join(lines) + b"]")
            except ValueError:
                found = [_parsed(line) for line in lines]
            yield from (line for line in found if isinstance(line, dict))


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _is_over(path: Path) -> bool:
    """Whether nobody writes this file of a journal."""
    try:
        with path.open("ab") as file:
            return lock(file)
    except OSError:
        return False


def _last_byte(file: IO[bytes]) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)
