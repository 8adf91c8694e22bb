"""Readers of images that a library hands out plane by plane."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_io.sdk.files.explained import explained
from mlarray_io.sdk.format import Box, Reader

if TYPE_CHECKING:
    from collections.abc import Sequence


class PlanesReader(Reader):
    """An image whose last axes, rows and columns and perhaps colours, are read together.

    A subclass sets `shape`, `dtype`, `meta` and `chunks`, and says how a part of a plane is read; what its
    library raises there is an error of the file.

    Attributes
    ----------
    inner
        How many axes make a plane: 2, or 3 with colours.
    """

    inner: int = 2

    def part(self, place: tuple[int, ...], box: Box) -> np.ndarray[Any, Any]:
        """Return part of one plane.

        Parameters
        ----------
        place
            Its index along each outer axis.
        box
            What is wanted of its rows, columns and colours.

        Raises
        ------
        NotImplementedError
            A subclass doesn't override it.
        """
        raise NotImplementedError

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            outer: Sequence[slice] = box[: len(box) - self.inner]
            inside = box[len(outer) :]
            for place in itertools.product(*(range(part.start, part.stop) for part in outer)):
                at = tuple(index - part.start for index, part in zip(place, outer, strict=True))
                with explained():
                    out[at] = self.part(place, inside)
        return out
