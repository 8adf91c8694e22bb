"""Voxels that are vectors or tensors of the world: which part is which, and how they turn with the world.

The positions along the axis of the parts name them: ``x``, ``y``, ``z`` for a displacement, ``xx``, ``xy``
and so on for a symmetric tensor. They are along the axes of the image's world, in whatever order its voxels
are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import UnsupportedError
from mlarray_core.meta import Additions
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.meta import Meta
    from mlarray_io.sdk.format import Box

DISPLACEMENT, TENSOR = "displacement", "tensor"
FRAME = "frame"
"""What the positions have beside the names of a tensor whose parts aren't along the world's axes: three
vectors of the world that they are along."""


@dataclass(frozen=True)
class WorldParts:
    """Which axis holds the parts of a vector or tensor of the world.

    Parameters
    ----------
    axis
        Of the array.
    kind
        `DISPLACEMENT` or `TENSOR`.
    names
        Of the parts, such as ``("x", "y", "z")``; an empty one is none of the world, such as a mask.
    frame
        Vectors of the world that a tensor's parts are along; None for the world's axes.
    """

    axis: int
    kind: str
    names: tuple[str, ...]
    frame: np.ndarray[Any, np.dtype[np.float64]] | None = None

    def signs(self, old: str, new: str) -> list[int]:
        """Return what to multiply the parts by, to lead from one world (RAS, LPS or LAS) to another."""
        flips = {
            letter: 1 if mine == yours else -1 for letter, mine, yours in zip("xyz", old, new, strict=True)
        }
        return [int(np.prod([flips[letter] for letter in name])) for name in self.names]


def world_parts(meta: Meta, labels: Sequence[str]) -> WorldParts | None:
    """Return which axis of an image holds parts of the world, None where none is known to.

    Parameters
    ----------
    meta
        The image's metadata.
    labels
        Of its axes.
    """
    for axis, known in Additions.of(meta).axes.items():
        kind, names = known.name, known.values or []
        if axis >= len(labels) or labels[axis] != "components" or kind not in (DISPLACEMENT, TENSOR):
            continue
        if all(isinstance(name, str) and set(name) <= set("xyz") for name in names):
            frame = known.others.get(FRAME)
            vectors = None if frame is None else np.array(frame, np.float64).reshape(3, 3)
            return WorldParts(axis, str(kind), tuple(map(str, names)), vectors)
    return None


def in_world(reader: Reader, world: str, order: Sequence[str] | None = None) -> Reader:
    """Return an image with its vectors or tensors along the axes of another world; its geometry stays.

    Parameters
    ----------
    reader
        The image. One whose parts aren't known to be of the world, or whose world is unknown, is returned.
    world
        ``RAS``, ``LPS`` or ``LAS``.
    order
        Names of the parts in another order than the image's; those that it lacks leave it as it is.
    """
    parts = world_parts(reader.meta, reader.labels)
    old, new = (geometry.normal_world(name) for name in (reader.meta.spatial.coord_system, world))
    if parts is None or old is None or new is None or len(parts.names) != reader.shape[parts.axis]:
        return reader
    if parts.frame is not None:
        turn = parts.frame * [1.0 if mine == yours else -1.0 for mine, yours in zip(old, new, strict=True)]
        view: Reader = TensorView(reader, parts, order or parts.names, turn)
        view.meta = _renamed(reader.meta, parts.axis, order or parts.names)
        return view
    places = list(range(len(parts.names)))
    if order is not None and sorted(order) == sorted(parts.names):
        places = [parts.names.index(name) for name in order]
    signs = parts.signs(old, new)
    if min(signs) > 0 and places == sorted(places):
        return reader
    view = PartsView(reader, parts.axis, places, signs)
    view.meta = _renamed(reader.meta, parts.axis, [parts.names[place] for place in places])
    return view


def _renamed(meta: Meta, axis: int, names: Sequence[str]) -> Meta:
    """Return metadata with other names of parts, which are along the axes of the world."""
    renamed, additions = meta.copy(), Additions.of(meta)
    additions.axes[axis].values = list(names)
    additions.axes[axis].others.pop(FRAME, None)
    additions.store(renamed)
    return renamed


def turned_frames(meta: Meta, old: str, new: str) -> None:
    """Turn the frames that tensors of an image are along from one world (RAS, LPS or LAS) to another.

    Parameters
    ----------
    meta
        The metadata of the image, changed in place.
    old
        World of the frames.
    new
        World to turn them to.
    """
    additions = Additions.of(meta)
    signs = [1.0 if mine == yours else -1.0 for mine, yours in zip(old, new, strict=True)]
    for known in additions.axes.values():
        if FRAME in known.others:
            known.others[FRAME] = (np.array(known.others[FRAME], np.float64) * signs + 0.0).tolist()
    additions.store(meta)


class PartsView(Reader):
    """The same image with the parts of its values in another order, and some with the opposite sign.

    Parameters
    ----------
    reader
        The image.
    axis
        The one of the parts.
    places
        Which part of `reader` each part is.
    signs
        1 or -1 for each part of `reader`.

    Raises
    ------
    UnsupportedError
        Unsigned integers have no opposite.
    """

    def __init__(self, reader: Reader, axis: int, places: Sequence[int], signs: Sequence[int]) -> None:
        self._reader, self._axis, self._places, self._signs = reader, axis, list(places), list(signs)
        self.shape, self.dtype, self.meta = reader.shape, reader.dtype, reader.meta
        if self.dtype.kind in "ub" and min(signs) < 0:
            raise UnsupportedError(
                f"its vectors can't be turned to another world: their type is {self.dtype}",
                hint="Convert the voxels to a signed type first",
            )
        self.chunks = reader.chunks
        self.levels = [PartsView(level, axis, places, signs) for level in reader.levels]

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        whole = list(box)
        whole[self._axis] = slice(0, self.shape[self._axis])
        wanted = self._places[box[self._axis]]
        voxels = np.take(self._reader[tuple(whole)], wanted, self._axis)
        for at, place in enumerate(wanted):
            if self._signs[place] < 0:
                part = np.moveaxis(voxels, self._axis, 0)[at]
                if part.dtype.kind == "i" and np.any(part == np.iinfo(part.dtype).min):
                    raise UnsupportedError(f"its vectors can't be turned: {part.min()} has no opposite")
                np.negative(part, out=part)
        return voxels

    def close(self) -> None:
        """Close the image behind the view."""
        self._reader.close()


class TensorView(Reader):
    """The same image with vectors or symmetric tensors along the axes of a world, not a frame of their own.

    Parameters
    ----------
    reader
        The image.
    parts
        Which axis has the tensors' parts.
    order
        Names of the parts, as they are wanted.
    frame
        Vectors of the world that the parts of `reader` are along: with them as the columns of F, a vector of
        the world is F v, a tensor F D F'.
    """

    def __init__(
        self,
        reader: Reader,
        parts: WorldParts,
        order: Sequence[str],
        frame: np.ndarray[Any, np.dtype[np.float64]],
    ) -> None:
        self._reader, self._axis = reader, parts.axis
        self._matrix = np.array([[_share(new, old, frame) for old in parts.names] for new in order])
        self.shape = tuple(
            len(order) if axis == parts.axis else size for axis, size in enumerate(reader.shape)
        )
        self.dtype, self.meta = np.result_type(reader.dtype, np.float32), reader.meta
        self.chunks = None if self.shape != reader.shape else reader.chunks

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        whole = list(box)
        whole[self._axis] = slice(0, self._reader.shape[self._axis])
        voxels = np.moveaxis(self._reader[tuple(whole)], self._axis, -1)
        turned = voxels.astype(np.float64) @ self._matrix[box[self._axis]].T
        return np.ascontiguousarray(np.moveaxis(turned, -1, self._axis), dtype=self.dtype)

    def close(self) -> None:
        """Close the image behind the view."""
        self._reader.close()


def _share(new: str, old: str, frame: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return how much of a part along the frame is in one along the world; what is no part stays itself."""
    if not new or not old:
        return float(new == old)
    if len(new) == len(old) == 1:
        return float(frame["xyz".index(old), "xyz".index(new)])
    row, column, first, second = ("xyz".index(letter) for letter in new + old)
    share = frame[first, row] * frame[second, column]
    return float(share if first == second else share + frame[second, row] * frame[first, column])
