"""Cases of a data set: images of one grid and their label map, opened when they are needed."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mlarray_core import geometry
from mlarray_core.array.image import MLArray
from mlarray_core.errors import ArgumentError, ArgumentTypeError
from mlarray_io.checks.pairs import problems

if TYPE_CHECKING:
    from mlarray_core.statistics.class_locations import ClassLocations

Array = np.ndarray[Any, Any]
Given: TypeAlias = "str | os.PathLike[str] | MLArray"
"""A path, a URL or an image."""
Pair: TypeAlias = "tuple[Given | Sequence[Given], Given | None]"
"""An image, or several of one case, and their label map; None without any."""

TOLERANCE = 1e-3
"""How far corners of the images of a case may lie apart, in parts of a voxel."""


@dataclass(frozen=True)
class Case:
    """Images of one grid, and their label map.

    Parameters
    ----------
    images
        At least one.
    label
        None without any.
    """

    images: tuple[Given, ...]
    label: Given | None

    @classmethod
    def of(cls, pair: Pair) -> Case:
        """Return the case that a pair is.

        Raises
        ------
        ArgumentTypeError
            It is no pair of what can be opened (a TypeError).
        """
        if isinstance(pair, (str, Mapping, MLArray)) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise ArgumentTypeError(
                f"a case is a pair (image, label) or ([image, image, ...], label), not {pair!r}"
            )
        first, label = pair
        images = tuple(first) if isinstance(first, (list, tuple)) else (first,)
        for one in (*images, *(() if label is None else (label,))):
            if not isinstance(one, (str, os.PathLike, MLArray)):
                raise ArgumentTypeError(f"an image is a path, a URL or an MLArray, not {one!r}")
        if not images:
            raise ArgumentTypeError("a case has at least one image")
        return cls(images, label)

    @property
    def files(self) -> int:
        """How many files are open while it is."""
        return sum(not isinstance(one, MLArray) for one in (*self.images, self.label) if one is not None)

    def open(self, verify: str = "touch") -> OpenCase:
        """Open its images.

        Raises
        ------
        ArgumentError
            They don't lie on one grid (a ValueError).
        """
        images = [Part(_opened(one, verify)) for one in self.images]
        label = None if self.label is None else Part(_opened(self.label, verify))
        case = OpenCase(self, images, label)
        case.check()
        return case


class Part:
    """One open image of a case, its spatial axes apart from the others.

    Parameters
    ----------
    image
        Open.

    Attributes
    ----------
    shape, dtype, meta
        Of the image.
    axes
        Which axes of the array are spatial.
    size
        Along those.
    """

    def __init__(self, image: MLArray) -> None:
        self.image = image
        self.meta = image.meta
        self.shape, self.dtype = image._state.need().shape, image._state.need().dtype
        self.axes = geometry.spatial_axes(image.meta.spatial.axis_labels, len(self.shape))
        self.size = tuple(self.shape[axis] for axis in self.axes)
        self.others = tuple(axis for axis in range(len(self.shape)) if axis not in self.axes)
        self.channels = math.prod(self.shape[axis] for axis in self.others)

    def read(self, start: Sequence[int], size: Sequence[int], pad: float | None) -> Array:
        """Return a patch, channels first.

        Parameters
        ----------
        start, size
            Along the spatial axes.
        pad
            The value outside of the image; None for a patch within it.
        """
        key = [slice(0, length) for length in self.shape] if self.others else [slice(0)] * len(size)
        for axis, first, length in zip(self.axes, start, size, strict=True):
            key[axis] = slice(first, first + length)
        voxels: Array = self.image.read(tuple(key), pad=pad)
        if not self.others:
            return voxels[None]
        return voxels.transpose(*self.others, *self.axes).reshape(self.channels, *size)


class OpenCase:
    """A case whose images are open.

    Parameters
    ----------
    case
        What was opened.
    images, label
        Its parts.

    Attributes
    ----------
    shape
        Along the spatial axes.
    dtype
        That all images fit.
    patch, margin
        What is read at a time, and how far it may reach beyond the image, for each spatial axis.
    points, classes
        Voxels of each class, and the classes that patches lie around.
    """

    def __init__(self, case: Case, images: list[Part], label: Part | None) -> None:
        self.case, self.images, self.label = case, images, label
        self.shape = images[0].size
        self.dtype = np.result_type(*(one.dtype for one in images)) if len(images) > 1 else images[0].dtype
        self.patch: tuple[int, ...] = ()
        self.margin: tuple[int, ...] = ()
        self.points: dict[int, Array] = {}
        self.classes: list[int] = []

    def check(self) -> None:
        """Compare the grids of its images.

        Raises
        ------
        ArgumentError
            They differ (a ValueError).
        """
        first = self.images[0]
        others = [*self.images[1:], *(() if self.label is None else (self.label,))]
        for other in others:
            is_label = other is self.label
            wrong = [
                text for text in problems(first, other, TOLERANCE) if is_label or not text.startswith("type:")
            ]
            if wrong:
                raise ArgumentError(
                    f"it isn't on the grid of {_name(first.image)}: {'; '.join(wrong)}",
                    path=other.image.filepath,
                    hint="See: mlarray check-pairs",
                )

    def read(self, start: Sequence[int], size: Sequence[int], pad: float) -> tuple[Array, Array | None]:
        """Return a patch of the images, channel first, and of the label map.

        Parameters
        ----------
        start, size
            Along the spatial axes.
        pad
            Of the images outside of them; label maps are padded with 0.
        """
        inside = all(
            first >= 0 and first + length <= most
            for first, length, most in zip(start, size, self.shape, strict=True)
        )
        value = None if inside else pad
        parts = [one.read(start, size, value) for one in self.images]
        image = parts[0] if len(parts) == 1 else np.concatenate(parts, dtype=self.dtype)
        label = None if self.label is None else self.label.read(start, size, None if inside else 0)
        return image, label

    def place(self, locations: ClassLocations, classes: frozenset[int] | None) -> None:
        """Take over where classes are.

        Parameters
        ----------
        locations
            Of the label map.
        classes
            Those that are wanted; None for all.
        """
        assert self.label is not None
        axes = list(self.label.axes)
        self.classes = [value for value in locations if classes is None or value in classes]
        self.points = {value: locations.points(value)[:, axes] for value in self.classes}

    def close(self) -> None:
        """Close the files that were opened for it."""
        for given, part in zip((*self.case.images, self.case.label), (*self.images, self.label), strict=True):
            if part is not None and not isinstance(given, MLArray):
                part.image.close()


def _opened(given: Given, verify: str) -> MLArray:
    return given if isinstance(given, MLArray) else MLArray.open(given, verify=verify)


def _name(image: MLArray) -> str:
    return image.filepath or repr(image)
