"""A result read back and compared with its source, voxel by voxel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError
from mlarray_io.engine.registry import installed
from mlarray_io.engine.select import open_one
from mlarray_io.places.place import LocalPlace

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from mlarray_io.engine.result import Conversion
    from mlarray_io.engine.settings import Settings
    from mlarray_io.places.place import Place
    from mlarray_io.sdk.format import Box, Reader

BUDGET = 32 << 20


def compare(done: Conversion, source: Place, target: Path, settings: Settings) -> None:
    """Compare the target of a conversion with its source, both read anew.

    Parameters
    ----------
    done
        What was converted: the image, and the formats of both sides.
    source, target
        Where both lie.
    settings
        Of the conversion.

    Raises
    ------
    CorruptError
        They differ, in shape or in a voxel. NaN equals NaN.
    """
    reading = replace(settings, source_format=done.source_format)
    again = replace(reading, source_format=done.target_format, options={}, coord_system=None, orient=None)
    writing = installed().get(done.target_format)
    with (
        open_one(source, reading, done.image, target=writing) as one,
        open_one(LocalPlace(target), again) as other,
    ):
        left, right = one.reader, other.reader
        if not same_shape(left.shape, right.shape):
            raise _differ(target, f"the shape is {right.shape}, the source's {left.shape}")
        for box in _boxes(left, right):
            if not _equal(left[box[0]], right[box[1]]):
                raise _differ(target, f"voxels differ in {_spelt(box[0])}")


def same_shape(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """Whether two shapes differ in nothing but axes of length one."""
    return [size for size in left if size != 1] == [size for size in right if size != 1]


def _boxes(source: Reader, target: Reader) -> list[tuple[Box, Box]]:
    """Return boxes that tile the source, each with the same voxels' box of the target."""
    from mlarray_io.sdk.boxes import slabs

    own = [axis for axis, size in enumerate(source.shape) if size != 1]
    others = [axis for axis, size in enumerate(target.shape) if size != 1]
    chunks = target.chunks if target.shape == source.shape else None
    pairs = []
    for box in slabs(source.shape, source.dtype.itemsize, source.chunks, chunks, BUDGET):
        there = [slice(0, 1)] * len(target.shape)
        for axis, other in zip(own, others, strict=True):
            there[other] = box[axis]
        pairs.append((box, tuple(there)))
    return pairs


def _equal(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
    import numpy as np

    floating = left.dtype.kind in "fc" and right.dtype.kind in "fc"
    return bool(np.array_equal(left.reshape(right.shape), right, equal_nan=floating))


def _differ(path: Path, how: str) -> CorruptError:
    return CorruptError(f"doesn't hold what its source holds: {how}", path=path, hint="Report this, please")


def _spelt(box: Box) -> str:
    return "[" + ", ".join(f"{one.start}:{one.stop}" for one in box) + "]"
