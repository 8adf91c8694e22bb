"""Voxels of single frames, decoded on several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_dicom.parsing import quiet
from mlarray_dicom.pixels.film import FilmPixels
from mlarray_dicom.pixels.frame_pixels import FramePixels
from mlarray_dicom.syntaxes import VIDEO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlarray_dicom.instance import Instance
    from mlarray_dicom.pixels.layout import PixelLayout
    from mlarray_dicom.pixels.values import Values
    from mlarray_dicom.volumes.group import Group
    from mlarray_io import Context

Array = np.ndarray[Any, Any]

AHEAD = 8
"""How many frames each thread may be ahead of what is asked for."""


class Planes:
    """Voxels of single frames, decoded on several threads.

    Parameters
    ----------
    group
        The image.
    values
        What is done to stored values.
    context
        How many frames are decoded at once, limits of films, and where their warnings go.

    Raises
    ------
    MLArrayError
        The pixels of a file can't be decoded.
    """

    def __init__(self, group: Group, values: Values, context: Context) -> None:
        self._frames, self._values = group.frames, values
        self._films: list[FilmPixels] = []
        self._pixels: dict[int, FramePixels | FilmPixels] = {}
        self._pool: ThreadPoolExecutor | None = None
        try:
            for file in sorted({frame.file for frame in group.frames}):
                self._pixels[file] = self._opened(group.instances[file], group.layouts[file], context)
        except BaseException:
            self.close()
            raise
        self._threads = 1 if self._films else context.threads  # films are decoded in order
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self.size = group.layout.rows, group.layout.columns

    def _opened(self, instance: Instance, layout: PixelLayout, context: Context) -> FramePixels | FilmPixels:
        if instance.syntax not in VIDEO:
            return FramePixels(instance, layout)
        self._films.append(FilmPixels(instance, layout, context))
        return self._films[-1]

    def stored(self, file: int, number: int) -> Array:
        """Return the stored values of one frame."""
        return self._pixels[file][number]

    def each(self, wanted: Iterable[int]) -> Iterator[tuple[list[int], Array]]:
        """Yield stored frames, each decoded once, with the indices of those wanted that show a part of it."""
        together = self._together(wanted)
        for batch in self._batches(list(together)):
            arrays = map(self._stored, batch) if self._pool is None else self._pool.map(self._stored, batch)
            for place, array in zip(batch, arrays, strict=True):
                yield together[place], array

    def spread(self, wanted: Iterable[int], put: Callable[[list[int], Array], None]) -> None:
        """Decode frames once, and have each put where it belongs on the thread that decoded it.

        Parameters
        ----------
        wanted
            Indices of frames.
        put
            Called with what `each` yields, by several threads at once: frames must not share a place.
        """
        together = self._together(wanted)

        def work(place: tuple[int, int]) -> None:
            put(together[place], self._stored(place))

        for _ in map(work, together) if self._pool is None else self._pool.map(work, together):
            pass

    def _together(self, wanted: Iterable[int]) -> dict[tuple[int, int], list[int]]:
        """Return the stored frames, by file and number, with the indices of those wanted that show them."""
        together: dict[tuple[int, int], list[int]] = {}
        for index in wanted:
            frame = self._frames[index]
            together.setdefault((frame.file, frame.number), []).append(index)
        return together

    def _batches(self, places: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        """Yield as many frames at a time as keep all threads busy, so that few are in memory."""
        size = AHEAD * self._threads
        for start in range(0, len(places), size):
            yield places[start : start + size]

    def _stored(self, place: tuple[int, int]) -> Array:
        with quiet():
            return self.stored(*place)

    def voxels(self, index: int, stored: Array, rows: slice, columns: slice) -> Array:
        """Return the voxels of a part of one frame.

        Parameters
        ----------
        index
            Of the frame.
        stored
            Its stored values, all of them.
        rows, columns
            The part, within the tile of a mosaic.
        """
        frame = self._frames[index]
        top, left = (frame.tile or (0, 0))[:2]
        part = stored[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
        return self._values(part, frame)

    def overlap(self, sheets: Iterable[Sequence[int]]) -> bool:
        """Say whether two frames of one sheet mark the same voxel.

        Parameters
        ----------
        sheets
            Indices of the frames that lie at one place, for each place.
        """
        return any(
            np.sum([stored != 0 for _, stored in self.each(sheet)], axis=0).max() > 1
            for sheet in sheets
            if len(sheet) > 1
        )

    def close(self) -> None:
        """Stop the threads, and the processes that decode films."""
        for film in self._films:
            film.close()
        if self._pool is not None:
            self._pool.shutdown()
