"""A source: a path and its first bytes, read and gunzipped once for all formats."""

from __future__ import annotations

import io
import stat
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mlarray_core.disk import home_hint
from mlarray_core.errors import NotFoundError, ReadError, UnsupportedError

if TYPE_CHECKING:
    import os

HEAD_BYTES = 65536
NO_STREAMS = "A stream can't be read: save it to a file first"


class Source:
    """What is to be read: one file, or a folder that a format takes as a whole.

    Parameters
    ----------
    path
        An existing regular file or folder.

    Attributes
    ----------
    path
        The path as it was given.
    name
        Its last part, also for ``.`` and ``..``.
    is_dir
        Whether it is a folder.
    size
        Size of the file in bytes; 0 for a folder.
    where
        What messages call it: the path, or the URL that it was fetched from.
    url
        None. `UrlSource`, which formats with `reads_urls` get too, has one.

    Raises
    ------
    NotFoundError
        There is nothing at `path`.
    UnsupportedError
        It is a pipe, a socket or a device: reading could wait for ever.
    ReadError
        The operating system refuses to look at it.
    """

    url: str | None = None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.where: Path | str = self.path
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            hint = NO_STREAMS if str(path) == "-" else home_hint(path) or "Check the path"
            raise NotFoundError("there is no such file", path=path, hint=hint) from error
        except (OSError, ValueError) as error:
            raise ReadError(f"can't be read: {_cause(error)}", path=path) from error
        self.is_dir = stat.S_ISDIR(status.st_mode)
        if not (self.is_dir or stat.S_ISREG(status.st_mode)):
            raise UnsupportedError("is neither a file nor a folder", path=path, hint=NO_STREAMS)
        self.name = self.path.name or self.path.resolve().name
        self.size = 0 if self.is_dir else status.st_size

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB as they are; empty for a folder.

        Raises
        ------
        ReadError
            The file can't be read.
        """
        if self.is_dir:
            return b""
        try:
            with self.path.open("rb") as file:
                return file.read(HEAD_BYTES)
        except OSError as error:
            raise ReadError(f"can't be read: {_cause(error)}", path=self.path) from error

    @cached_property
    def plain_head(self) -> bytes:
        """The first 64 KiB of content: `head`, unpacked as far as it goes when it is packed."""
        if not self.is_gzip:
            return self._unpacked_head()
        import zlib

        try:
            return zlib.decompressobj(31).decompress(self.head, HEAD_BYTES)
        except zlib.error:
            return b""

    def _unpacked_head(self) -> bytes:
        """Return the first 64 KiB of what is packed with bzip2, xz or Zstandard, `head` for other files."""
        from mlarray_io.sdk.files.packings import MARK_BYTES, Unpacked, packing_of

        packing = packing_of(self.head[:MARK_BYTES])
        if packing is None:
            return self.head
        found = bytearray()
        # a block of bzip2 is unpacked whole, and may be longer than the head
        with suppress(Exception), self._opened() as file:
            unpacked, piece = Unpacked(file, packing, self.path), bytearray(HEAD_BYTES)
            while len(found) < HEAD_BYTES and (count := unpacked.readinto(piece)):
                found += piece[:count]
        return bytes(found[:HEAD_BYTES])

    def _opened(self) -> IO[bytes]:
        return self.path.open("rb") if self.url is None else io.BytesIO(self.head)

    def holds(self, name: str) -> bool:
        """Whether it is a folder with a file called `name` in it."""
        return self.is_dir and (self.path / name).is_file()

    @property
    def is_gzip(self) -> bool:
        """Whether the first bytes are those of gzip."""
        return self.head[:3] == b"\x1f\x8b\x08"

    def has_suffix(self, *suffixes: str) -> bool:
        """Whether the name ends in one of `suffixes`, such as ``.nii.gz``, in any case."""
        return any(suffix_length(self.name, (suffix,)) for suffix in suffixes)

    def __repr__(self) -> str:
        return f"Source({str(self.where)!r})"


def suffix_length(name: str, suffixes: tuple[str, ...]) -> int:
    """Length of the longest of `suffixes` that `name` ends in, in any case; 0 when it ends in none."""
    low = name.lower()
    fitting = (len(s) for s in suffixes if low.endswith(s.lower()) and len(low) > len(s))
    return max(fitting, default=0)


def _cause(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
