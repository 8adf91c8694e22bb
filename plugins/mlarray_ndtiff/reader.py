"""Lists the positions of a data set, and opens one with its coarser resolutions."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_core.errors import SelectionError
from mlarray_io import Box, ImageRef
from mlarray_io.sdk import NamedAxis, PlanesReader, header_values, named_spatial, named_values
from mlarray_ndtiff.description import Description
from mlarray_ndtiff.grid import POSITION, Along, Grid, grid_of, positions_of
from mlarray_ndtiff.index import Entry, read_index
from mlarray_ndtiff.signature import FULL, INDEX
from mlarray_ndtiff.single_planes import METADATA, SinglePlanes
from mlarray_ndtiff.stacks import Planes, Stacks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_io import Context
    from mlarray_ndtiff.options import NdtiffOptions


class NdtiffReader(PlanesReader):
    """One position: axes of more than one place, then rows, columns and colours, put together from tiles.

    Parameters
    ----------
    grid
        Which planes it has.
    stacks
        The files that hold them.
    start, size
        The part of the grid's rows and columns that it has.

    Attributes
    ----------
    axes
        What is known of each axis; of the finest resolution alone.
    """

    axes: list[NamedAxis]

    def __init__(
        self, grid: Grid, stacks: Planes, start: tuple[int, int] = (0, 0), size: tuple[int, int] | None = None
    ) -> None:
        self.grid, self.stacks, self._start = grid, stacks, start
        self._kept = [n for n, axis in enumerate(grid.axes) if len(axis.values) > 1]
        rows_columns = grid.size if size is None else size
        outer = [len(grid.axes[n].values) for n in self._kept]
        self.inner = 2 + len(grid.samples)
        self.shape = (*outer, *rows_columns, *grid.samples)
        self.dtype = np.dtype(grid.dtype)
        tile = [min(pair) for pair in zip(grid.tile, rows_columns, strict=True)]
        self.chunks = (*(1 for _ in outer), *tile, *grid.samples)

    @property
    def along(self) -> list[Along]:
        """The axes before rows and columns."""
        return [self.grid.axes[n] for n in self._kept]

    def part(self, place: tuple[int, ...], box: Box) -> np.ndarray[Any, Any]:
        """Return part of a plane; tiles that aren't stored are 0."""
        index = [0] * len(self.grid.axes)
        for n, at in zip(self._kept, place, strict=True):
            index[n] = at
        out = np.zeros([part.stop - part.start for part in box], self.dtype)
        begin = [part.start + first for part, first in zip(box, self._start, strict=False)]
        tiles = self.grid.planes.get(tuple(index), {})
        for tile in itertools.product(*(self._reached(axis, begin, out.shape) for axis in range(2))):
            entry = tiles.get((tile[0], tile[1]))
            if entry is not None:
                here, there = zip(
                    *(self._parts(axis, tile, begin, out.shape) for axis in range(2)), strict=True
                )
                out[here] = self.stacks.voxels(entry, (*there, *box[2:]))
        return out

    def _reached(self, axis: int, begin: Sequence[int], shape: tuple[int, ...]) -> range:
        """Return the tiles along rows or columns that part of a plane has."""
        size = self.grid.tile[axis]
        return range(begin[axis] // size, -(-(begin[axis] + shape[axis]) // size))

    def _parts(
        self, axis: int, tile: Sequence[int], begin: Sequence[int], shape: tuple[int, ...]
    ) -> tuple[slice, slice]:
        """Return where a tile lies in part of a plane, and which of its rows or columns lie there."""
        low = tile[axis] * self.grid.tile[axis] - begin[axis]
        start, stop = max(low, 0), min(low + self.grid.tile[axis], shape[axis])
        first = self.grid.cut[axis] - low
        return slice(start, stop), slice(start + first, stop + first)

    def close(self) -> None:
        """Close the files."""
        self.stacks.close()
        for level in self.levels:
            level.close()


def list_positions(folder: Path) -> list[ImageRef]:
    """List the positions of the stage of a data set. The first one is primary.

    Parameters
    ----------
    folder
        With the index.
    """
    name = folder.parent.name if folder.name == FULL else folder.name
    return _images(read_index(folder / INDEX), name)


def list_folder(folder: Path) -> list[ImageRef]:
    """List the positions of the stage of a folder of single planes; most have one.

    Parameters
    ----------
    folder
        With the planes.
    """
    return _images(SinglePlanes(folder).entries, folder.name)


def _images(entries: list[Entry], name: str) -> list[ImageRef]:
    positions, found = positions_of(entries), []
    for position in positions:
        own = _of(entries, position)
        shape = {axis: len({one.place.get(axis) for one in own}) for axis in own[0].place if axis != POSITION}
        found.append(
            ImageRef(
                key=_key(position),
                title=position if isinstance(position, str) else "",
                primary=position == positions[0],
                facts={"planes": len(own), "axes": shape, "plane": own[0].shape, "dtype": own[0].dtype},
                name="" if len(positions) > 1 else name,
            )
        )
    return found


def _key(position: int | str | None) -> str:
    return "0" if position is None else str(position) or "position"


def _of(entries: list[Entry], position: int | str | None) -> list[Entry]:
    return [entry for entry in entries if entry.place.get(POSITION) == position]


def _named(entries: list[Entry], key: str) -> list[Entry]:
    return [entry for entry in entries if _key(entry.place.get(POSITION)) == key]


def open_position(folder: Path, context: Context, key: str, options: NdtiffOptions) -> NdtiffReader:
    """Open one position.

    Parameters
    ----------
    folder
        With the index.
    context
        Limits, and where planes that aren't stored are told.
    key
        Of the position.
    options
        The format's settings.

    Raises
    ------
    CorruptError
        A file is damaged.
    LimitError
        The image is larger than the host allows.
    SelectionError
        There is no such position.
    """
    with ExitStack() as opened:
        stacks = opened.enter_context(closing(Stacks(folder)))
        entries = read_index(folder / INDEX)
        own = _chosen(entries, key, folder)
        overlap = _overlap(stacks.summary(own[0].name) or {}) if options.tiles == "stitch" else None
        reader = _opened(own, overlap, stacks, folder / INDEX, context)
        opened.enter_context(reader)
        if overlap is not None and folder.name == FULL:
            _open_levels(reader, folder, key, context)
        opened.pop_all()
    _tell(reader, entries, context)
    return reader


def open_folder(folder: Path, context: Context, key: str) -> NdtiffReader:
    """Open one position of a folder of single planes.

    Parameters
    ----------
    folder, context, key
        See `open_position`.
    """
    planes = SinglePlanes(folder)
    own = _chosen(planes.entries, key, folder)
    reader = _opened(own, None, planes, folder / METADATA, context)
    _tell(reader, planes.entries, context)
    return reader


def _chosen(entries: list[Entry], key: str, folder: Path) -> list[Entry]:
    """Return the planes of one position.

    Raises
    ------
    SelectionError
        There is no such position.
    """
    found = _named(entries, key)
    if not found:
        raise SelectionError(f"has no position {key!r}", path=folder)
    return found


def _opened(
    entries: list[Entry], overlap: tuple[int, int] | None, stacks: Planes, about: Path, context: Context
) -> NdtiffReader:
    reader = NdtiffReader(grid_of(entries, overlap, about), stacks)
    context.allow(reader.nbytes, about.parent)
    for entry in entries:
        stacks.check(entry)
    reader.stored = sum(entry.nbytes for entry in entries)
    description = Description(reader.grid, stacks)
    reader.meta = _meta(_axes(reader, description, context), reader, description, about.parent, context)
    reader.meta.source["position"] = entries[0].place.get(POSITION)
    return reader


def _tell(reader: NdtiffReader, entries: list[Entry], context: Context) -> None:
    """Say what is left out of an image, and what is 0 in it."""
    positions = len(positions_of(entries))
    if positions > 1:
        context.warn(f"one of {positions} positions is read; --image chooses another")
    if reader.grid.missing:
        context.warn(f"{reader.grid.missing} of its planes or tiles weren't acquired, and are 0")


def _overlap(summary: dict[str, Any]) -> tuple[int, int] | None:
    """Return the rows and columns that tiles share, None where planes are no tiles."""
    found = summary.get("GridPixelOverlapY"), summary.get("GridPixelOverlapX")
    if any(type(value) is not int or value < 0 for value in found):
        return None
    return int(found[0] or 0), int(found[1] or 0)


def _open_levels(fine: NdtiffReader, folder: Path, key: str, context: Context) -> None:
    """Open the coarser resolutions, halved each time, as far as their voxels lie over the finest ones."""
    found: list[NdtiffReader] = []
    fine.levels = found
    grid, ratio = fine.grid, 2
    starts = [first * tile for first, tile in zip(grid.first, grid.tile, strict=True)]
    while not any(start % ratio for start in starts) and max(grid.size) > ratio:
        beside = folder.parent / f"Downsampled_x{ratio}"
        if not (beside / INDEX).is_file():
            break
        entries = _named(read_index(beside / INDEX), key)
        coarse = grid_of(entries, (0, 0), beside / INDEX, grid) if entries else None
        if coarse is None or not _fits(coarse, grid):
            break
        rows, columns = (
            first // ratio - own * tile
            for first, own, tile in zip(starts, coarse.first, coarse.tile, strict=True)
        )
        size = -(-grid.size[0] // ratio), -(-grid.size[1] // ratio)
        level = NdtiffReader(coarse, Stacks(beside), (rows, columns), size)
        found.append(level)
        for entry in entries:
            level.stacks.check(entry)
        spatial = named_spatial(_coarser(fine.axes, ratio), context)
        level.meta = Meta(source=fine.meta.source.to_plain(), spatial=spatial)
        ratio *= 2


def _fits(coarse: Grid, fine: Grid) -> bool:
    """Whether a coarser resolution has tiles like those of the finest one."""
    return (coarse.tile, coarse.dtype, coarse.samples) == (fine.tile, fine.dtype, fine.samples)


def _coarser(axes: list[NamedAxis], ratio: int) -> list[NamedAxis]:
    return [
        replace(axis, step=axis.step * ratio) if axis.step and axis.letter in ("Y", "X") else axis
        for axis in axes
    ]


def _meta(
    axes: list[NamedAxis],
    reader: NdtiffReader,
    description: Description,
    folder: Path,
    context: Context,
) -> Meta:
    source: dict[str, Any] = {
        "axes": {axis.name: list(axis.values) for axis in reader.grid.axes if len(axis.values) < 1000},
        "summary": header_values(description.summary),
        "plane": header_values(description.plane),
    }
    stage = description.stage()
    if stage:
        source["stage_position_um"] = stage
    reader.axes = axes
    meta = Meta(source=source, spatial=named_spatial(axes, context))
    Additions(axes=named_values(axes), channels=description.channels(folder)).store(meta)
    return meta


def _axes(reader: NdtiffReader, description: Description, context: Context) -> list[NamedAxis]:
    axes = [_axis(axis, description, context) for axis in reader.along]
    for letter, size in zip("YXS", reader.shape[len(axes) :], strict=False):
        step = None if letter == "S" else description.pixel_size
        axes.append(NamedAxis(letter=letter, size=size, step=step, unit="um"))
    return axes


def _axis(axis: Along, description: Description, context: Context) -> NamedAxis:
    letter, size = axis.letter, len(axis.values)
    if letter == "Z":
        return NamedAxis(letter="Z", size=size, step=description.depth(context), unit="um")
    if letter == "T":
        values, step = description.times(), description.interval
        return NamedAxis(letter="T", size=size, step=step, unit="s" if values or step else "", values=values)
    if letter == "C":
        return NamedAxis(letter="C", size=size)
    return NamedAxis(letter="?", size=size, name=axis.name, values=list(axis.values))
