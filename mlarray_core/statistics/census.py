"""All that is counted of one image while it is written: statistics, and of label maps the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.statistics.class_counter import ClassCounter
from mlarray_core.statistics.summary import Statistics

if TYPE_CHECKING:
    import numpy as np

    from mlarray_core.chunks.grid import Box
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]


class Census:
    """Counts the voxels of one image, each once, in boxes of any order. Parts pickle, and can be merged.

    Parameters
    ----------
    shape, dtype
        Of the array.
    above
        Count only voxels above this value in the statistics.
    is_seg
        What the metadata say of it being a label map; truth values are one where they say nothing.

    Raises
    ------
    UnsupportedError
        The voxels are complex, and so have no order.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], above: float | None = None, *, is_seg: bool | None
    ) -> None:
        labels = is_seg is True or (is_seg is None and dtype.kind == "b")
        self._statistics = Statistics(dtype, above)
        self._classes = ClassCounter(shape) if labels else None

    def add(self, box: Box, voxels: Array) -> None:
        """Count the voxels of a box.

        Parameters
        ----------
        box
            Where they are in the array.
        voxels
            Of the box's shape.
        """
        self._statistics.add(voxels)
        if self._classes is not None:
            self._classes.add(box, voxels)

    def merge(self, other: Census) -> None:
        """Count what `other` has of the same image."""
        self._statistics.merge(other._statistics)
        if self._classes is not None and other._classes is not None:
            self._classes.merge(other._classes)

    def note(self, meta: Meta, voxels: str) -> str:
        """Write what was counted into the image's metadata; return why there are no class locations, if so.

        Parameters
        ----------
        meta
            Of the image.
        voxels
            What `Contents.voxels_sum` says of its voxels.
        """
        meta.stats = self._statistics.meta()
        locations = None if self._classes is None else self._classes.locations()
        if locations is not None:
            locations.note(meta, voxels)
        return "" if self._classes is None else self._classes.refused
