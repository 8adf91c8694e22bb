"""Which planes make up an image, and where they lie in it: along axes, and as tiles of a larger plane."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, LimitError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlarray_ndtiff.index import Entry

POSITION, ROW, COLUMN = "position", "row", "column"
_LETTERS = {"time": "T", "channel": "C", "z": "Z"}
"""Letters of the axes that the specification names, in any case."""
_EVEN = "TZ"
"""Axes along which a plane that is missing leaves a gap."""
_MOST = 1 << 22
"""Planes, those that aren't stored included."""


@dataclass(frozen=True)
class Along:
    """An axis along which planes lie.

    Parameters
    ----------
    name
        In the index.
    letter
        Of its kind, empty where it has none.
    values
        Of the planes, in order: numbers rise, names are in the order in which they were acquired.
    """

    name: str
    letter: str
    values: Sequence[int | str]

    @cached_property
    def _places(self) -> dict[int | str, int]:
        return {value: at for at, value in enumerate(self.values)}

    def index(self, value: int | str) -> int | None:
        """Return where a value lies, None for one that isn't there."""
        if isinstance(self.values, range):
            return self.values.index(int(value)) if value in self.values else None
        return self._places.get(value)


@dataclass
class Grid:
    """The planes of one image.

    Parameters
    ----------
    axes
        Along which they lie, slowest first, those of one value included.
    tile
        Rows and columns that each tile adds.
    cut
        Rows and columns that are cut off before them.
    first
        Row and column of the first tile.
    counts
        How many rows and columns of tiles there are.
    planes
        Tiles by row and column, by index along `axes`.
    """

    axes: list[Along]
    tile: tuple[int, int]
    cut: tuple[int, int] = (0, 0)
    first: tuple[int, int] = (0, 0)
    counts: tuple[int, int] = (1, 1)
    planes: dict[tuple[int, ...], dict[tuple[int, int], Entry]] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the whole plane."""
        return self.counts[0] * self.tile[0], self.counts[1] * self.tile[1]

    @property
    def missing(self) -> int:
        """How many planes, or tiles of them, aren't stored."""
        planned = math.prod(len(axis.values) for axis in self.axes) * math.prod(self.counts)
        return planned - sum(len(tiles) for tiles in self.planes.values())

    @property
    def samples(self) -> tuple[int, ...]:
        """Size of the axis of colours, nothing without one."""
        return self._any.shape[2:]

    @property
    def dtype(self) -> str:
        """Of the voxels, without a byte order."""
        return self._any.dtype

    @property
    def _any(self) -> Entry:
        return next(iter(next(iter(self.planes.values())).values()))


def positions_of(entries: Sequence[Entry]) -> list[int | str | None]:
    """Return the positions of the stage: numbers rise, names are in the order in which they were acquired."""
    found = list(dict.fromkeys(entry.place.get(POSITION) for entry in entries))
    if all(type(value) is int for value in found):
        return sorted(found, key=lambda value: int(value or 0))
    return found


def grid_of(
    entries: Sequence[Entry], overlap: tuple[int, int] | None, path: Path, fine: Grid | None = None
) -> Grid:
    """Return how the planes of one position lie.

    Parameters
    ----------
    entries
        The planes.
    overlap
        Rows and columns that tiles share; None where planes are no tiles to be put together.
    path
        The index, for errors.
    fine
        The finest resolution, where these are of a coarser one: they lie along its axes.

    Raises
    ------
    UnsupportedError
        Planes differ in size, type, or their axes.
    CorruptError
        Tiles are smaller than their overlap, or a plane of a coarser resolution has no finer one.
    LimitError
        The axes span more planes than any data set has.
    """
    first = entries[0]
    names = {name for name in first.place if name != POSITION}
    for entry in entries:
        if (entry.shape, entry.dtype) != (first.shape, first.dtype):
            raise UnsupportedError("has planes of different sizes or types in one image", path=path)
        if set(entry.place) - {POSITION} != names:
            raise UnsupportedError("has planes with different axes in one image", path=path)
    tiled = overlap is not None and {ROW, COLUMN} <= names
    if tiled:
        tiled = all(type(entry.place[name]) is int for entry in entries for name in (ROW, COLUMN))
        names -= {ROW, COLUMN} if tiled else set()
    grid = Grid(_axes(names, entries) if fine is None else fine.axes, (first.shape[0], first.shape[1]))
    if math.prod(len(axis.values) for axis in grid.axes) > _MOST:
        raise LimitError("has axes that span more planes than there can be", path=path)
    if tiled and overlap is not None:
        _lay(grid, entries, overlap, path)
    for entry in entries:
        index = [axis.index(entry.place[axis.name]) if axis.name in names else None for axis in grid.axes]
        if None in index or len(index) != len(names):
            raise CorruptError("has a plane that the finest resolution doesn't have", path=path)
        tile = _tile(entry.place, grid.first) if tiled else (0, 0)
        grid.planes.setdefault(tuple(at for at in index if at is not None), {})[tile] = entry
    return grid


def _tile(place: Mapping[str, int | str], first: tuple[int, int]) -> tuple[int, int]:
    return int(place[ROW]) - first[0], int(place[COLUMN]) - first[1]


def _axes(names: set[str], entries: Sequence[Entry]) -> list[Along]:
    """Return the axes: others in the order of the index, then time, channel and z, as it is usual."""
    # an axis whose name is spelt as it is specified comes before one that differs in capitals
    letters: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name not in _LETTERS, name)):
        letter = _LETTERS.get(name.lower(), "")
        letters[name] = "" if letter in letters.values() else letter
    listed = [name for name in entries[0].place if name in names]
    listed.sort(key=lambda name: "TCZ".index(letters[name]) + 1 if letters[name] else 0)
    return [_along(name, letters[name], entries) for name in listed]


def _along(name: str, letter: str, entries: Sequence[Entry]) -> Along:
    values = list(dict.fromkeys(entry.place[name] for entry in entries))
    numbers = sorted(value for value in values if type(value) is int)
    if len(numbers) < len(values):
        return Along(name, letter, values)
    if letter and letter in _EVEN and len(numbers) > 1:
        step = math.gcd(*(value - numbers[0] for value in numbers))
        return Along(name, letter, range(numbers[0], numbers[-1] + 1, step))
    return Along(name, letter, numbers)


def _lay(grid: Grid, entries: Sequence[Entry], overlap: tuple[int, int], path: Path) -> None:
    """Place tiles: each without half of its overlap at each side, the odd row or column off its end."""
    tile = grid.tile[0] - overlap[0], grid.tile[1] - overlap[1]
    if min(tile) < 1:
        raise CorruptError(f"has tiles of {grid.tile} that share {overlap}", path=path)
    rows, columns = ([int(entry.place[name]) for entry in entries] for name in (ROW, COLUMN))
    grid.tile, grid.cut = tile, (overlap[0] // 2, overlap[1] // 2)
    grid.first = min(rows), min(columns)
    grid.counts = max(rows) - min(rows) + 1, max(columns) - min(columns) + 1
