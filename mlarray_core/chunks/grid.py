"""How an array is cut into chunks and blocks, and where boxes of it lie among them. Pure."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

Box = tuple[slice, ...]
"""A part of an array: one slice for each axis, of integers within the array and of step 1."""


def cuts(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a range that is cut at multiples of a step, as chunks cut an axis.

    Parameters
    ----------
    start, stop
        The range; nothing is yielded of one that is empty.
    step
        Items from one cut to the next, counted from 0 and not from `start`.
    """
    while start < stop:
        end = min(stop, (start // step + 1) * step)
        yield start, end
        start = end


@dataclass(frozen=True)
class Grid:
    """How an array is cut into chunks and blocks.

    Parameters
    ----------
    shape, chunks, blocks
        In items, one number for each axis.
    dtype
        Of the items.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    blocks: tuple[int, ...]
    dtype: np.dtype[Any]

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of chunks along each axis."""
        return tuple(
            -(-size // chunk) if chunk else 0 for size, chunk in zip(self.shape, self.chunks, strict=True)
        )

    @cached_property
    def nchunks(self) -> int:
        """Number of chunks in all."""
        return math.prod(self.counts)

    @cached_property
    def extended(self) -> tuple[int, ...]:
        """Shape of a stored chunk: whole blocks."""
        return tuple(-(-c // b) * b if b else 0 for c, b in zip(self.chunks, self.blocks, strict=True))

    @cached_property
    def blocksize(self) -> int:
        """Bytes of a block."""
        return math.prod(self.blocks) * self.dtype.itemsize

    @cached_property
    def chunksize(self) -> int:
        """Bytes of a stored chunk."""
        return math.prod(self.extended) * self.dtype.itemsize

    def box(self, number: int) -> Box:
        """Return the box of the array that chunk `number` (C order) holds."""
        parts = []
        for count, chunk, size in zip(self.counts[::-1], self.chunks[::-1], self.shape[::-1], strict=True):
            number, place = divmod(number, count)
            parts.append(slice(place * chunk, min((place + 1) * chunk, size)))
        return tuple(parts[::-1])

    def overlap(self, number: int, box: Sequence[slice]) -> tuple[Box, Box]:
        """Return where chunk `number` and `box` meet: within the box, and within the chunk."""
        here, inside = [], []
        for part, own in zip(box, self.box(number), strict=True):
            start, stop = max(part.start, own.start), min(part.stop, own.stop)
            here.append(slice(start - part.start, stop - part.start))
            inside.append(slice(start - own.start, stop - own.start))
        return tuple(here), tuple(inside)

    def touched(self, box: Sequence[slice]) -> list[int]:
        """Return the numbers of the chunks that `box` touches."""
        if not self.shape:
            return [0]
        ranges = []
        for part, chunk in zip(box, self.chunks, strict=True):
            if part.stop <= part.start:
                return []
            ranges.append(range(part.start // chunk, -(-part.stop // chunk)))
        counts = self.counts
        strides = [math.prod(counts[axis + 1 :]) for axis in range(len(counts))]
        return [
            sum(i * s for i, s in zip(place, strides, strict=True)) for place in itertools.product(*ranges)
        ]
