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
from mlarray_core.container.open import glance
from mlarray_core.errors import ArgumentError, ArgumentTypeError
from mlarray_core.url_text import is_url
from mlarray_io.checks.pairs import problems

if TYPE_CHECKING:
    from mlarray_core.meta import Meta
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

    @property
    def is_remote(self) -> bool:
        """Whether its label map is at a URL."""
        return isinstance(self.label, str) and is_url(self.label)

    def look(self) -> bool:
        """Look at its files without opening them as images; return whether the label map holds locations.

        Raises
        ------
        NotFoundError, CorruptError
            A file is missing or no image.
        """
        found = False
        for one in (*self.images, self.label):
            if one is not None and not isinstance(one, MLArray) and not is_url(one):
                _, found = glance(os.fspath(one), b"sample")
        return found


@dataclass(frozen=True)
class _Placed:
    """What `problems` compares of an image."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    meta: Meta


class Part:
    """One open image of a case, its spatial axes apart from the others.

    Parameters
    ----------
    image
        Open.

    Attributes
    ----------
    image
        The image; None while it is closed.
    shape, dtype
        Of the image.
    axes
        Which axes of the array are spatial.
    size
        Along those.
    """

    def __init__(self, image: MLArray) -> None:
        self.image: MLArray | None = image
        self.shape, self.dtype = _kind(image)
        self.axes = geometry.spatial_axes(image.meta.spatial.axis_labels, len(self.shape))
        self.size = tuple(self.shape[axis] for axis in self.axes)
        self.others = tuple(axis for axis in range(len(self.shape)) if axis not in self.axes)
        self.channels = math.prod(self.shape[axis] for axis in self.others)

    def put(self, image: MLArray) -> None:
        """Open it again.

        Raises
        ------
        ArgumentError
            It is another image now (a ValueError).
        """
        if _kind(image) != (self.shape, self.dtype):
            raise ArgumentError("it has another shape or type than it had", path=image.filepath)
        self.image = image

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
        assert self.image is not None
        voxels: Array = self.image.read(tuple(key), pad=pad)
        if not self.others:
            return voxels[None]
        return voxels.transpose(*self.others, *self.axes).reshape(self.channels, *size)


class OpenCase:
    """A case that is open, or was: what is known of it stays when its files are closed.

    Parameters
    ----------
    case
        The case.
    verify
        As `MLArray.open` takes it.

    Attributes
    ----------
    images, label
        Its parts.
    shape
        Along the spatial axes.
    dtype
        That all images fit.
    patch, margin
        What is read at a time, and how far it may reach beyond the image, for each spatial axis.
    samples, classes
        Voxels of each class, as indices into the label map in C order; the classes that patches lie around.

    Raises
    ------
    ArgumentError
        The images don't lie on one grid (a ValueError).
    """

    def __init__(self, case: Case, verify: str) -> None:
        self.case, self.verify = case, verify
        images = self._opened()
        _check(images, case.label is not None)
        parts = [Part(image) for image in images]
        self.images = parts[: len(case.images)]
        self.label = None if case.label is None else parts[-1]
        self.shape = parts[0].size
        self.dtype = np.result_type(*(one.dtype for one in self.images))
        self.patch: tuple[int, ...] = ()
        self.margin: tuple[int, ...] = ()
        self.samples: dict[int, Array] = {}
        self.classes: list[int] = []

    @property
    def parts(self) -> list[Part]:
        """Images, and the label map where there is one."""
        return [*self.images, *(() if self.label is None else (self.label,))]

    def _opened(self) -> list[MLArray]:
        given = [one for one in (*self.case.images, self.case.label) if one is not None]
        return [one if isinstance(one, MLArray) else MLArray.open(one, verify=self.verify) for one in given]

    def reopen(self) -> None:
        """Open its files again."""
        for part, image in zip(self.parts, self._opened(), strict=True):
            part.put(image)

    def close(self) -> None:
        """Close the files that were opened for it."""
        for given, part in zip((*self.case.images, self.case.label), self.parts, strict=False):
            if part.image is not None and not isinstance(given, MLArray):
                part.image.close()
            part.image = None

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
        width = np.uint32 if math.prod(locations.shape) <= 1 << 32 else np.int64
        self.classes = [value for value in locations if classes is None or value in classes]
        self.samples = {value: locations[value].sample.astype(width) for value in self.classes}

    def voxel(self, chances: Sequence[float]) -> list[int]:
        """Return a voxel of a class, along the spatial axes; classes have equal chances.

        Parameters
        ----------
        chances
            Two numbers from 0 to 1, which they can't be.
        """
        assert self.label is not None
        some = self.samples[self.classes[int(chances[0] * len(self.classes))]]
        index, found = int(some[int(chances[1] * len(some))]), []
        for size in reversed(self.label.shape):
            index, place = divmod(index, size)
            found.append(place)
        return [found[-1 - axis] for axis in self.label.axes]


def _check(images: list[MLArray], labelled: bool) -> None:
    """Compare the grids of the images of a case, the last of which is its label map."""
    first, *others = [_Placed(*_kind(image), image.meta) for image in images]
    for number, other in enumerate(others, 1):
        is_label = labelled and number == len(others)
        wrong = [
            text for text in problems(first, other, TOLERANCE) if is_label or not text.startswith("type:")
        ]
        if wrong:
            raise ArgumentError(
                f"it isn't on the grid of {images[0].filepath or images[0]!r}: {'; '.join(wrong)}",
                path=images[number].filepath,
                hint="See: mlarray check-pairs",
            )


def _kind(image: MLArray) -> tuple[tuple[int, ...], np.dtype[Any]]:
    storage = image._state.need()
    return storage.shape, storage.dtype
