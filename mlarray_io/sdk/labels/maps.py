"""Whether voxels are labels, also where nothing says so: labels must be neither averaged nor rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core.levels.values import taken_for_labels
from mlarray_io.sdk.boxes import slabs

if TYPE_CHECKING:
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Reader

_BUDGET = 8 << 20
"""Bytes of voxels that are looked at at once: enough to tell a scan by, little to read twice."""


def holds_labels(reader: Reader, context: Context) -> bool:
    """Whether the voxels of an image are labels, of which no others may be made.

    What the metadata say counts. Where they say nothing, an image of few different integers is taken for a
    label map, which is reported: its values survive, whatever they are.

    Parameters
    ----------
    reader
        The image. It is read until it has shown too many values for labels, which is soon for most.
    context
        Gets the note.

    Returns
    -------
    bool
        True for label maps, truth values and what is taken for a label map.
    """
    boxes = slabs(reader.shape, reader.dtype.itemsize, reader.chunks, None, _BUDGET)
    pieces = (reader[box] for box in (boxes if 0 not in reader.shape else ()))
    labels, count = taken_for_labels(reader.meta.is_seg.value, reader.dtype, pieces)
    if count:
        context.warn(
            f"it holds {count} different integers and doesn't say what they are: they are taken for labels, "
            "which are neither averaged nor rounded. Say it with --labels or --no-labels (labels=)"
        )
    return labels
