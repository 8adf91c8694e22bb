"""A film within a file of another format, such as DICOM's pixel data. Runs in the other process."""

from __future__ import annotations

import io
from bisect import bisect_right
from functools import partial
from itertools import accumulate
from typing import IO, TYPE_CHECKING, cast

from mlarray_core import Meta
from mlarray_core.errors import CorruptError
from mlarray_films.container import explained, open_streams, packets_of
from mlarray_films.reader import FilmReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_films.container import Film
    from mlarray_io import Context

FORMS = {(1, False): "gray", (1, True): "gray16le", (3, False): "rgb24", (3, True): "rgb48le"}
"""What frames become, by the samples of a pixel and whether 8 bits don't do."""


class Pieces(io.RawIOBase):
    """Pieces of a file as if they were one.

    Parameters
    ----------
    path
        The file.
    pieces
        Place and length of each.
    """

    def __init__(self, path: Path, pieces: Sequence[tuple[int, int]]) -> None:
        self._file, self._pieces, self._at = path.open("rb"), pieces, 0
        self._ends = list(accumulate(length for _, length in pieces))

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that places can be reached."""
        return True

    def tell(self) -> int:
        """Return where it is."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the beginning, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, target: Buffer, /) -> int:
        """Fill a part of `target`, as far as one piece goes; 0 at the end."""
        number = bisect_right(self._ends, self._at)
        if number == len(self._pieces):
            return 0
        view = memoryview(target).cast("B")
        (place, length), left = self._pieces[number], self._ends[number] - self._at
        self._file.seek(place + length - left)
        count = self._file.readinto(view[: min(left, len(view))])
        self._at += count
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def open_embedded(
    path: Path,
    context: Context,
    pieces: Sequence[tuple[int, int]],
    shape: tuple[int, ...],
    deep: bool,
) -> FilmReader:
    """Open a film of which the file around it says how large it is.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where warnings are reported.
    pieces
        Place and length of each piece of the film.
    shape
        Frames, rows, columns, and samples where there are several.
    deep
        Whether its samples have more than 8 bits.

    Raises
    ------
    CorruptError
        FFmpeg finds it damaged, or it is no film of this size.
    LimitError
        It is larger than the host allows.
    """
    frames, *plane = shape[:3]
    samples = shape[3] if len(shape) > 3 else 1
    opened = partial(_opened, path, pieces)
    with explained(path), opened() as film:
        if len(film.streams.video) != 1:
            raise CorruptError(f"holds {len(film.streams.video)} films, not one")
        stream = film.streams.video[0]
        if [stream.height, stream.width] != plane:
            raise CorruptError(
                f"its header describes {plane[0]} x {plane[1]} pixels,"
                f" its film has {stream.height} x {stream.width}"
            )
        index, times = stream.index, packets_of(film, stream)
        if film.streams.audio:
            context.loss("its sound", "an image has none")
    if len(times) < frames:
        raise CorruptError(f"its header describes {frames:,} frames, its film has {len(times):,}", path=path)
    if len(times) > frames:
        context.warn(f"its film has {len(times):,} frames, of which its header tells of {frames:,}")
    known = sorted(time for time in times if time is not None)
    sought = known if len(known) == frames == len(times) else [None] * frames
    context.allow(frames * plane[0] * plane[1] * samples * (2 if deep else 1), path)
    return FilmReader(path, opened, index, sought, FORMS[samples, deep], (plane[0], plane[1]), Meta())


def _opened(path: Path, pieces: Sequence[tuple[int, int]]) -> Film:
    return open_streams(cast("IO[bytes]", io.BufferedReader(Pieces(path, pieces), 1 << 18)))
