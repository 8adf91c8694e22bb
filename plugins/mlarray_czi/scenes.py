"""What a CZI holds: tiles ("subblocks"), and the scenes that they make up (ZISRAW file format 1.2.2)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mlarray_core.errors import CorruptError

if TYPE_CHECKING:
    from pathlib import Path

    from pylibCZIrw.czi import CziReader

OUTER = "HIVRBTCZ"
"""Dimensions of planes, slowest first: phase, illumination, view, rotation, block, time, channel, z."""
_MOST_CELLS = 10_000_000


class Tile(NamedTuple):
    """One stored piece of a plane, in pixels of full resolution."""

    x: int
    y: int
    width: int
    height: int
    stored_width: int
    stored_height: int
    place: dict[str, int]
    kind: str
    compression: str

    @property
    def is_full(self) -> bool:
        """Whether it is of full resolution."""
        return (self.width, self.height) == (self.stored_width, self.stored_height)

    @property
    def factor(self) -> int:
        """How many pixels of full resolution became one; 0 when it is no whole number over 1."""
        ratios = {
            round(self.width / max(self.stored_width, 1)),
            round(self.height / max(self.stored_height, 1)),
        }
        factor = ratios.pop()
        return factor if not ratios and factor > 1 else 0


@dataclass
class Scene:
    """Tiles that make up one image.

    Parameters
    ----------
    index
        Of the scene; None in a file without scenes.
    tiles
        Of full resolution.
    coarse
        The others.
    """

    index: int | None
    tiles: list[Tile]
    coarse: list[Tile]

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height, in pixels of the whole document."""
        left, top = min(tile.x for tile in self.tiles), min(tile.y for tile in self.tiles)
        right = max(tile.x + tile.width for tile in self.tiles)
        bottom = max(tile.y + tile.height for tile in self.tiles)
        return left, top, right - left, bottom - top

    @cached_property
    def ranges(self) -> dict[str, range]:
        """The indices of each dimension that the tiles have, slowest first."""
        found = {}
        for letter in OUTER:
            indices = {tile.place[letter] for tile in self.tiles if letter in tile.place}
            if indices:
                found[letter] = range(min(indices), max(indices) + 1)
        return found

    @cached_property
    def kinds(self) -> dict[int, str]:
        """Type of pixels by channel; a channel without a tile has none."""
        return {tile.place.get("C", 0): tile.kind for tile in self.tiles}

    @cached_property
    def planes(self) -> int:
        """How many planes the dimensions make."""
        return math.prod(map(len, self.ranges.values()))

    @cached_property
    def stored(self) -> dict[tuple[int, ...], list[Tile]]:
        """The tiles of each plane that is stored."""
        found = defaultdict(list)
        for tile in self.tiles:
            found[tuple(tile.place.get(letter, 0) for letter in self.ranges)].append(tile)
        return found

    @cached_property
    def tile_size(self) -> tuple[int, int]:
        """Height and width of most tiles."""
        sizes = Counter((tile.height, tile.width) for tile in self.tiles)
        return sizes.most_common(1)[0][0]

    @cached_property
    def levels(self) -> dict[int, tuple[int, int]]:
        """Height and width of the coarser versions, by how many pixels became one."""
        left, top, width, height = self.box
        sizes: dict[int, tuple[int, int]] = {}
        for tile in self.coarse:
            factor = tile.factor
            if factor:
                below = (tile.y - top) // factor + tile.stored_height
                beside = (tile.x - left) // factor + tile.stored_width
                old = sizes.get(factor, (0, 0))
                sizes[factor] = (
                    min(max(old[0], below), -(-height // factor)),
                    min(max(old[1], beside), -(-width // factor)),
                )
        return {factor: sizes[factor] for factor in sorted(sizes) if min(sizes[factor]) > 0}

    def covers(self) -> bool:
        """Say whether the tiles of each stored plane leave no gap. A grid of very many is believed."""
        _, _, width, height = self.box
        checked: dict[frozenset[tuple[int, int, int, int]], bool] = {}
        for tiles in self.stored.values():
            boxes = frozenset((tile.x, tile.y, tile.width, tile.height) for tile in tiles)
            if boxes not in checked:
                checked[boxes] = _union(boxes) == width * height
        return all(checked.values())


def _union(boxes: frozenset[tuple[int, int, int, int]]) -> int:
    """Return the area that boxes cover together."""
    import numpy as np

    if len(boxes) == 1:
        return next(width * height for _, _, width, height in boxes)
    xs = np.unique([edge for x, _, width, _ in boxes for edge in (x, x + width)])
    ys = np.unique([edge for _, y, _, height in boxes for edge in (y, y + height)])
    if len(xs) * len(ys) > _MOST_CELLS:
        return int((xs[-1] - xs[0]) * (ys[-1] - ys[0]))
    covered = np.zeros((len(ys) - 1, len(xs) - 1), bool)
    for x, y, width, height in boxes:
        rows = slice(*np.searchsorted(ys, [y, y + height]))
        covered[rows, slice(*np.searchsorted(xs, [x, x + width]))] = True
    return int((np.diff(ys)[:, None] * np.diff(xs)[None, :])[covered].sum())


def tiles_of(document: CziReader) -> list[Tile]:
    """Return every tile of a file, from its directory."""
    found = []

    def take(_: int, info: object) -> bool:
        box, stored = info.logicalRect, info.physicalSize  # type: ignore[attr-defined]
        place = info.coordinate.to_dict()  # type: ignore[attr-defined]
        kind = info.pixelType.name  # type: ignore[attr-defined]
        compression = info.get_compression_mode().name  # type: ignore[attr-defined]
        found.append(Tile(box.x, box.y, box.w, box.h, stored.w, stored.h, place, kind, compression))
        return True

    document.enumerate_subblocks(take)
    return found


def scenes_of(tiles: list[Tile], path: Path) -> list[Scene]:
    """Return the scenes, in the order of their numbers.

    Raises
    ------
    CorruptError
        There is none, or a tile has no size.
    """
    full: dict[int | None, list[Tile]] = defaultdict(list)
    coarse: dict[int | None, list[Tile]] = defaultdict(list)
    for tile in tiles:
        if min(tile.width, tile.height, tile.stored_width, tile.stored_height) < 1:
            raise CorruptError(f"has a tile of {tile.width} x {tile.height} pixels", path=path)
        (full if tile.is_full else coarse)[tile.place.get("S")].append(tile)
    if not full:
        raise CorruptError("holds no tile of full resolution", path=path, hint="Was it copied whole?")
    order = sorted(full, key=lambda index: -1 if index is None else index)
    return [Scene(index, full[index], coarse.get(index, [])) for index in order]
