"""Fields of a BIDS sidecar that follow the axes of the image, turned when the axes are.

BIDS counts the axes i, j and k from the fastest one on. Gradients (``bvec``) are along them, and the first
element is inverted where they are right-handed (BIDS, "Gradient orientation file formats"; FSL's rule).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

_LETTERS = "kji"
"""Of the three spatial axes, the slowest first."""
_DIRECTION, _AXIS = "PhaseEncodingDirection", "PhaseEncodingAxis"
"""With a sign; and as dcm2niix tells the axis where the sign isn't known, without one."""
_SLICES = "SliceEncodingDirection"


class Turn:
    """How the spatial axes of an image were permuted and flipped.

    Parameters
    ----------
    perm
        New axis n is old axis ``perm[n]``, in array order.
    flips
        Whether new axis n runs backwards.
    before, after
        4 x 4 affines, columns in array order.
    world
        The world of both.
    """

    def __init__(
        self, perm: Sequence[int], flips: Sequence[bool], before: Matrix, after: Matrix, world: str | None
    ) -> None:
        self._perm, self._flips = tuple(perm), tuple(flips)
        self._signs = [-1.0 if _is_right_handed(affine, world) else 1.0 for affine in (before, after)]

    def fields(self, bids: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a sidecar as they are for the turned image."""
        turned = dict(bids)
        if len(self._perm) != len(_LETTERS):
            return turned
        for name in (_DIRECTION, _AXIS):
            if isinstance(bids.get(name), str):
                turned[name] = self._direction(bids[name])
        if bids.get(_AXIS) in tuple(_LETTERS):
            turned[_AXIS] = turned[_AXIS][:1]
        if isinstance(bids.get("SliceTiming"), list):
            turned.update(self._slices(bids))
        if _is_gradients(bids.get("bvec")):
            turned["bvec"] = self._gradients(bids["bvec"])
        return turned

    def reverses(self, old: int) -> bool:
        """Say whether an old axis runs backwards now, wherever it went."""
        return bool(self._flips[self._perm.index(old)])

    def _axis(self, letter: str) -> int:
        """Return which new axis an old letter names."""
        return self._perm.index(_LETTERS.index(letter))

    def _direction(self, direction: str) -> str:
        letter, sign = direction[:1], direction[1:]
        if letter not in _LETTERS or sign not in ("", "-"):
            return direction
        new = self._axis(letter)
        if self._flips[new]:
            sign = "" if sign else "-"
        return _LETTERS[new] + sign

    def _slices(self, bids: Mapping[str, Any]) -> dict[str, Any]:
        """Turn the times of slices, which lie along k unless Slice Encoding Direction says otherwise."""
        given = bids.get(_SLICES, "k")
        if not isinstance(given, str) or given[:1] not in _LETTERS:
            return {}
        new = self._axis(given[:1])
        times = bids["SliceTiming"]
        found: dict[str, Any] = {"SliceTiming": times[::-1] if self._flips[new] else times}
        if _LETTERS[new] != "k" or _SLICES in bids:
            found[_SLICES] = _LETTERS[new] + given[1:]
        return found

    def _gradients(self, rows: list[list[float]]) -> list[list[float]]:
        old = np.array(rows, dtype=np.float64)
        old[0] *= self._signs[0]
        along = old[::-1]  # by axis of the array
        signs = [-1.0 if flip else 1.0 for flip in self._flips]
        new = np.stack([along[axis] * sign for axis, sign in zip(self._perm, signs, strict=True)])
        turned = new[::-1]
        turned[0] *= self._signs[1]
        return [[float(part) + 0.0 for part in row] for row in turned]


def _is_right_handed(affine: Matrix, world: str | None) -> bool:
    """Say whether the axes i, j and k are right-handed in the patient."""
    matrix = geometry.to_world(affine, world, "RAS")
    return bool(np.linalg.det(matrix[:3, :3][:, ::-1]) > 0) if matrix.shape == (4, 4) else False


def _is_gradients(rows: object) -> bool:
    return isinstance(rows, list) and len(rows) == 3 and len({len(row) for row in rows}) == 1
