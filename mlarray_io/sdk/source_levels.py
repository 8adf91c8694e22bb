"""The coarser versions that a source brings along: which of them are coarser versions of its image indeed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlarray_core.errors import MetadataError
from mlarray_io.sdk.boxes import slab_shape, tiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy as np

    from mlarray_core.levels.overlay import Fit
    from mlarray_core.levels.values import ValueSet
    from mlarray_io.sdk.format import Reader

MOST = 32
"""No image has more levels: halving its longest axis so often leaves one voxel."""
BUDGET = 32 << 20
"""Bytes of voxels that are looked at together, unless one chunk has more."""


def fitting_levels(reader: Reader) -> tuple[list[tuple[Reader, Fit]], list[str]]:
    """Return the levels of a source that can stand for its image, and why others can't.

    Parameters
    ----------
    reader
        The source. Voxels are read of a label map with levels only.

    Returns
    -------
    tuple
        The levels, finest first, each with how it lies over the image: those whose sizes and geometry say
        that blocks of 2, 4, 8 ... voxels became one, and which hold no label that the image doesn't. And a
        sentence for each of the others.
    """
    found: list[tuple[Reader, Fit]] = []
    reasons: list[str] = []
    labels = None
    for number, level in enumerate(reader.levels[:MOST], 1):
        try:
            place = _place(reader, level, found)
            if reader.meta.is_seg.value is True:
                labels = _labels(reader) if labels is None else labels
                _check(level, labels)
        except MetadataError as error:
            reasons.append(f"level {number} of the source isn't taken over: {error.message}")
        else:
            found.append((level, place))
    return found, reasons


def _place(reader: Reader, level: Reader, finer: list[tuple[Reader, Fit]]) -> Fit:
    from mlarray_core.levels.overlay import fit

    if level.dtype != reader.dtype:
        raise MetadataError(f"its voxels are {level.dtype}, not {reader.dtype}")
    place = fit(reader.shape, reader.meta.spatial, level.shape, level.meta.spatial)
    if finer and math.prod(place.factors) <= math.prod(finer[-1][1].factors):
        raise MetadataError("it isn't coarser than the one before")
    return place


def _labels(reader: Reader) -> ValueSet:
    from mlarray_core.levels.values import ValueSet

    labels = ValueSet(reader.dtype)
    for voxels in _pieces(reader):
        labels.add(voxels)
    return labels


def _check(level: Reader, labels: ValueSet) -> None:
    for voxels in _pieces(level):
        strangers = labels.strangers(voxels)
        if strangers.size:
            raise MetadataError(f"it holds labels that the image doesn't, such as {strangers[0]}")


def _pieces(reader: Reader) -> Iterator[np.ndarray[Any, Any]]:
    if 0 not in reader.shape:
        chunks = reader.chunks
        for box in tiles(reader.shape, slab_shape(reader.shape, reader.dtype.itemsize, chunks, None, BUDGET)):
            yield reader[box]
