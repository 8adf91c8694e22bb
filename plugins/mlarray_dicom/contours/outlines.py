"""Closed curves around the pixels of a mask, along their edges: filled again, they give the same mask.

Pixels that touch at a corner only are apart. A hole is joined to the curve around it by a channel without
width, a keyhole: nested curves mean different things to different programs (PS3.3, C.8.8.6.3). Edges and
channels lie half a pixel from all centres, so that no rounding of a coordinate can lose one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    Mask = np.ndarray[Any, np.dtype[np.bool_]]
    Numbers = np.ndarray[Any, np.dtype[np.float64]]

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Right, down, left, up, in rows and columns: each is a turn to the right of the one before."""


def outlines(mask: Mask) -> Iterator[Numbers]:
    """Yield curves around a mask.

    Parameters
    ----------
    mask
        Rows x columns.

    Yields
    ------
    numpy.ndarray
        Corners of one curve, n x 2: row and column, 0 the centre of the first pixel.
    """
    rings = _Rings(mask)
    rings.join_holes()
    for start in rings.outer:
        yield _corners(rings.walk(start)) - 0.5


class _Rings:
    """The edges between a mask and the rest as rings of nodes, each at a corner of pixels.

    Edges are followed with the mask to their right: around areas clockwise, around holes the other way.
    """

    def __init__(self, mask: Mask) -> None:
        self._width = mask.shape[1] + 1
        self._corner: list[int] = []
        self._next: list[int] = []
        self._at: dict[int, list[int]] = {}
        self._ring: list[int] = []
        self.outer: list[int] = []
        self._holes: list[int] = []
        self._moves = [row * self._width + column for row, column in _STEPS]
        self._edges = _edges(mask, self._width)
        followed: set[tuple[int, int]] = set()
        for corner, headings in self._edges.items():
            for heading in headings:
                if (corner, heading) not in followed:
                    self._follow(corner, heading, followed)

    def _follow(self, corner: int, heading: int, followed: set[tuple[int, int]]) -> None:
        """Follow edges into a ring; where two leave a corner, to the right."""
        begin, first, turned = (corner, heading), len(self._corner), 0
        while True:
            self._add(corner, first)
            followed.add((corner, heading))
            corner += self._moves[heading]
            turn = next(turn for turn in (1, 0, -1) if (heading + turn) % 4 in self._edges[corner])
            heading, turned = (heading + turn) % 4, turned + turn
            if (corner, heading) == begin:
                break
        self._next[-1] = first
        (self.outer if turned > 0 else self._holes).append(first)

    def _add(self, corner: int, ring: int) -> None:
        node = len(self._corner)
        self._corner.append(corner)
        self._next.append(node + 1)
        self._ring.append(ring)
        self._at.setdefault(corner, []).append(node)

    def join_holes(self) -> None:
        """Join each hole to the next ring to the left of its uppermost, leftmost corner.

        That ring isn't joined to this one: its own uppermost corner lies higher, or further left.
        """
        for hole in self._holes:
            own = min(self.walk_nodes(hole), key=lambda node: self._corner[node])
            corner = self._corner[own]
            while True:
                other = next((n for n in self._at.get(corner, ()) if self._ring[n] != hole), None)
                if other is not None:
                    break
                corner -= 1
            self._splice(other, own)

    def _splice(self, node: int, hole: int) -> None:
        """Let a ring go into a hole at one node of each, around it, and back."""
        for corner in (self._corner[hole], self._corner[node]):
            self._corner.append(corner)
            self._next.append(-1)
            self._ring.append(self._ring[node])
        into, back = len(self._corner) - 2, len(self._corner) - 1
        before = next(one for one in self.walk_nodes(hole) if self._next[one] == hole)
        self._next[before], self._next[into], self._next[back] = into, back, self._next[node]
        self._next[node] = hole

    def walk_nodes(self, start: int) -> Iterator[int]:
        """Yield the nodes of a ring."""
        node = start
        while True:
            yield node
            node = self._next[node]
            if node == start:
                return

    def walk(self, start: int) -> Numbers:
        """Return the corners of a ring, n x 2."""
        corners = np.array([self._corner[node] for node in self.walk_nodes(start)])
        return np.column_stack(np.divmod(corners, self._width)).astype(np.float64)


def _edges(mask: Mask, width: int) -> dict[int, list[int]]:
    """Return the headings of the edges that leave each corner; corners are counted row by row."""
    inside = np.pad(mask, 1)
    middle = inside[1:-1, 1:-1]
    neighbours = (
        (inside[:-2, 1:-1], (0, 0), 0),  # an edge above a pixel runs to the right from its upper left corner
        (inside[1:-1, 2:], (0, 1), 1),
        (inside[2:, 1:-1], (1, 1), 2),
        (inside[1:-1, :-2], (1, 0), 3),
    )
    found: dict[int, list[int]] = {}
    for other, (down, right), heading in neighbours:
        rows, columns = np.nonzero(middle & ~other)
        for corner in ((rows + down) * width + columns + right).tolist():
            found.setdefault(corner, []).append(heading)
    return found


def _corners(points: Numbers) -> Numbers:
    """Leave out points on straight lines."""
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    before, after = np.sign(before), np.sign(after)
    turning: Numbers = points[(before != after).any(axis=1)]
    return turning
