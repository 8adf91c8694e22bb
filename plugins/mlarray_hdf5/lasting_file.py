"""A file that HDF5's library can always write to: it crashes when it can't close one on a full disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class LastingFile:
    """A new file for h5py. What the system refuses to write is kept in memory, and the error until the end.

    What comes after an error is little: the library's cache and its index of chunks, if whoever writes asks
    `check` after each piece.

    Parameters
    ----------
    path
        Of the file, which doesn't exist yet.

    Raises
    ------
    OSError
        When the context ends: what the system said first.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._at = 0
        self._error: OSError | None = None
        self._kept: list[tuple[int, bytes]] = []

    def __enter__(self) -> LastingFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failed:
            self._error = self._error or failed
        self.check()

    def check(self) -> None:
        """Raise what the system said, if it has refused something.

        Raises
        ------
        OSError
            It has.
        """
        if self._error is not None:
            raise self._error

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, which may be behind the end; `whence` is 0 for the beginning or 2 for the end."""
        if whence == 2:
            kept = [start + len(content) for start, content in self._kept]
            offset += max(self._file.seek(0, 2), *kept, 0)
        self._at = offset
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def read(self, count: int) -> bytes:
        """Read back what was written."""
        found = bytearray(count)
        return bytes(found[: self.readinto(memoryview(found))])

    def readinto(self, target: memoryview) -> int:
        """Read back what was written; zeros where there is nothing yet."""
        view = memoryview(target).cast("B")
        view[:] = bytes(len(view))
        self._file.seek(self._at)
        self._file.readinto(view)
        for start, content in self._kept:
            low, high = max(start, self._at), min(start + len(content), self._at + len(view))
            if low < high:
                view[low - self._at : high - self._at] = content[low - start : high - start]
        self._at += len(view)
        return len(view)

    def write(self, content: bytes) -> int:
        """Write, or keep in memory what can't be written."""
        data = memoryview(content).cast("B")
        if self._error is None:
            try:
                self._put(data)
            except OSError as error:
                self._error = error
        if self._error is not None:
            self._kept.append((self._at, bytes(data)))
        self._at += len(data)
        return len(data)

    def _put(self, data: memoryview) -> None:
        self._file.seek(self._at)
        done = 0
        while done < len(data):
            done += self._file.write(data[done:]) or 0

    def truncate(self, size: int | None = None) -> int:
        """Set the size."""
        size = self._at if size is None else size
        if self._error is None:
            try:
                self._file.truncate(size)
            except OSError as error:
                self._error = error
        return size

    def flush(self) -> None:
        """Do nothing: nothing is held back."""
