"""A look at an image: its middle planes, in the order and proportions in which a radiologist sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, UnsupportedError, about
from mlarray_io.mla import MlaReader
from mlarray_io.pictures.colours import classes, greys, limits_of, shown_as_labels
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    import numpy as np

    from mlarray_core.array.image import MLArray
    from mlarray_core.meta import Meta
    from mlarray_io.pictures.colours import Colour

    Array = np.ndarray[Any, Any]

LARGEST = 512
"""Where the file holds coarser levels, the coarsest with an axis of at least so many voxels is read."""
WHOLE = 1 << 30
"""Bytes up to which an image is read at once, which is fastest; of a larger one its middle planes are."""


@dataclass(frozen=True)
class Plane:
    """One slice, ready to be shown.

    Parameters
    ----------
    pixels
        Rows x columns x 3, uint8.
    height, width
        In the world's unit.
    title
        What it shows.
    labels
        Whether colours stand for classes, and must not be mixed.
    sides
        Where the patient's sides are, of left, right, top and bottom: letters such as ``RLAP``; empty where
        that is unknown.
    legend
        The values of labels that are to be seen, each with its colour and its name.
    note
        What it was taken for, where nothing says what it is.
    """

    pixels: Array
    height: float
    width: float
    title: str
    labels: bool = False
    sides: str = ""
    legend: tuple[tuple[int, Colour, str], ...] = ()
    note: str = ""


SIDES = ("RLAP", "RLSI", "APSI")
"""Left, right, top and bottom of axial, coronal and sagittal planes, whose axes lead to L, P and S."""


@dataclass(frozen=True)
class Look:
    """Where to look at an image.

    Attributes
    ----------
    at
        Voxel along each spatial axis, in the order of the array, whose planes are shown; None for the middle.
    entry
        Which entry along each other axis, such as time; the first where it isn't said.
    full
        Read the image itself, also where a coarser level would do.
    """

    at: tuple[int, ...] | None = None
    entry: tuple[int, ...] = ()
    full: bool = False


MIDDLE = Look()


def planes(image: MLArray | Reader, window: str | None = None, look: Look = MIDDLE) -> list[Plane]:
    """Return planes of an image: three of a volume, the plane itself of a picture.

    Parameters
    ----------
    image
        Of one, two or three spatial axes; of the others the first entry is taken. Where the world is known,
        axial planes show the patient's right on the left, as seen from the feet.
    window
        A name of `mlarray_io.pictures.colours.WINDOWS`, ``"LOW,HIGH"``, or None for the first to the 99th
        percentile.
    look
        Where, if not in the middle.

    Raises
    ------
    UnsupportedError
        There are no voxels, no plane, or too many spatial axes.
    """
    reader = image if isinstance(image, Reader) else MlaReader(image)
    volume = _Volume(reader if look.full or look.at is not None else _coarse(reader), look)
    names = (
        ("axial", "coronal", "sagittal") if volume.oriented else tuple(f"along axis {n}" for n in range(3))
    )
    sizes, spacing = volume.shape, volume.spacing
    cuts = {}
    for axis in range(3):
        rows, columns = [other for other in range(3) if other != axis]
        if min(sizes[rows], sizes[columns]) > 1 or max(sizes) == 1:
            cuts[axis] = (volume.plane(axis), sizes[rows] * spacing[rows], sizes[columns] * spacing[columns])
    if not cuts:
        raise UnsupportedError("a row of voxels has no plane to show")
    seen = [cut[0] for cut in cuts.values()]
    labels, note = (False, "") if volume.coloured else _labels(image.meta, seen, window)
    limits = None if labels or volume.coloured else limits_of(seen, window)
    shown = []
    for axis, (plane, height, width) in cuts.items():
        upright = plane[::-1] if volume.oriented and axis > 0 else plane  # head up
        sides = SIDES[axis] if volume.oriented else ""
        if labels:
            pixels, legend = classes(upright, image.meta.labels)
            shown.append(Plane(pixels, height, width, names[axis], True, sides, legend, note))
        else:
            shown.append(Plane(greys(upright, limits), height, width, names[axis], False, sides))
    return shown


def _labels(meta: Meta, seen: list[Array], window: str | None) -> tuple[bool, str]:
    """Say whether planes are of labels, and why where nothing says so; what has a window is of greys."""
    if meta.is_seg.value is None and window is not None:
        return False, ""
    labels, count = shown_as_labels(meta.is_seg.value, seen)
    note = f"its planes hold {count} different integers and are taken for labels; --no-labels shows greys"
    return labels, note if count else ""


def planes_of(
    path: str,
    source_format: str | None = None,
    image: str | None = None,
    window: str | None = None,
    look: Look = MIDDLE,
    labels: bool | None = None,
) -> list[Plane]:
    """Return planes of a file of any format.

    Parameters
    ----------
    path, source_format, image
        The file, a format to force, an image to choose.
    window, look
        As for `planes`.
    labels
        Whether the voxels are labels; None for what the file says.
    """
    from mlarray_io.engine.select import open_one
    from mlarray_io.engine.settings import Settings
    from mlarray_io.places.place import place_of

    settings = Settings(source_format=source_format, labels=labels)
    with open_one(place_of(path), settings, image) as opened, about(str(opened.source.where)):
        return planes(opened.reader, window, look)


def _coarse(reader: Reader) -> Reader:
    """Return the coarsest version of an image that is still fine enough to show."""
    if reader.shape == (0,):
        raise UnsupportedError("there are no voxels to show")
    fine = [one for one in (reader, *reader.levels) if max(one.shape or (1,)) >= LARGEST]
    return fine[-1] if fine else reader


def overlaid(image: list[Plane], labels: list[Plane]) -> list[Plane]:
    """Return the planes of an image with those of its labels over them, in colours that it shines through.

    Raises
    ------
    ArgumentError
        The two aren't cut alike.
    """
    import numpy as np

    if [(one.title, one.pixels.shape) for one in image] != [(one.title, one.pixels.shape) for one in labels]:
        hint = "'mlarray check-pairs' says how they differ"
        raise ArgumentError("image and labels have not the same shape or orientation", hint=hint)
    shown = []
    for under, over in zip(image, labels, strict=True):
        mixed = (under.pixels.astype(np.uint16) + over.pixels) // 2
        pixels = np.where(over.pixels.any(axis=2, keepdims=True), mixed, under.pixels).astype(np.uint8)
        shown.append(replace(under, pixels=pixels, legend=over.legend))
    return shown


class _Volume:
    """One entry of an image along all but its spatial axes, as z, y, x.

    Parameters
    ----------
    reader
        Of one to three spatial axes.
    look
        Which entry, and where its planes are.

    Attributes
    ----------
    shape, spacing
        Along z, y and x; 1 where there is no such axis.
    oriented
        Whether the world is known, and the axes lead as the patient lies.
    coloured
        Whether planes have red, green and blue.
    """

    def __init__(self, reader: Reader, look: Look) -> None:
        from mlarray_core import geometry
        from mlarray_io.engine.views import OrientedView

        labels = reader.meta.spatial.axis_labels or ["spatial"] * len(reader.shape)
        self._axes = list(geometry.spatial_axes(labels, len(reader.shape)))
        if not 1 <= len(self._axes) <= 3:
            raise UnsupportedError(f"an image of {len(self._axes)} spatial axes can't be shown")
        world = geometry.normal_world(reader.meta.spatial.coord_system)
        self.oriented = len(self._axes) == 3 and world in ("RAS", "LPS", "LAS")
        self._reader = OrientedView(reader, "LPS") if self.oriented else reader
        sizes = self._reader.shape
        colours = [i for i, label in enumerate(labels) if label == "components" and sizes[i] in (3, 4)][:1]
        self.coloured = bool(colours)
        missing = [1.0] * (3 - len(self._axes))
        affine = geometry.affine_of(self._reader.meta.spatial, len(self._axes))
        self.spacing = missing + list(geometry.decompose(affine)[0])
        self.shape = [1] * len(missing) + [sizes[axis] for axis in self._axes]
        kept = (*self._axes, *colours)
        entry = iter(look.entry)
        self._box = [
            slice(0, size) if axis in kept else _entry(next(entry, 0), size)
            for axis, size in enumerate(sizes)
        ]
        self._at = [size // 2 for size in self.shape]
        if look.at is not None:
            self._at = [0] * len(missing) + self._oriented_index(reader, look.at)
        count = math.prod(part.stop - part.start for part in self._box)
        self._voxels = self._read(self._box) if count * reader.dtype.itemsize <= WHOLE else None

    def _oriented_index(self, reader: Reader, at: tuple[int, ...]) -> list[int]:
        """Return an index along the spatial axes of the array as one along the axes that are shown."""
        from mlarray_core import geometry

        sizes = [reader.shape[axis] for axis in self._axes]
        if len(at) != len(sizes) or not all(0 <= one < size for one, size in zip(at, sizes, strict=False)):
            what = f"expected a voxel within {' x '.join(map(str, sizes))}, got {','.join(map(str, at))}"
            raise ArgumentError(what, field="at")
        if not self.oriented:
            return list(at)
        spatial = reader.meta.spatial
        affine = geometry.affine_of(spatial, len(sizes))
        order, flips, _ = geometry.reorientation(affine, spatial.coord_system, sizes, "LPS")
        return [sizes[old] - 1 - at[old] if flip else at[old] for old, flip in zip(order, flips, strict=True)]

    def plane(self, axis: int) -> Array:
        """Return the plane across an axis: rows, columns, and colours if there are any."""
        middle, own = self._at[axis], axis - 3 + len(self._axes)
        if self._voxels is not None or own < 0:
            voxels = self._read(self._box) if self._voxels is None else self._voxels
            cut: Array = voxels.take(middle, axis)
            return cut
        box = list(self._box)
        box[self._axes[own]] = slice(middle, middle + 1)
        only: Array = self._read(box).take(0, axis)
        return only

    def _read(self, box: list[slice]) -> Array:
        """Return z, y, x (and colours) of a box."""
        import numpy as np

        count = len(self._axes)
        voxels = np.moveaxis(self._reader[tuple(box)], self._axes, range(count))
        inner = voxels.shape[:count]
        voxels = voxels.reshape(*inner, -1)[..., :3] if self.coloured else voxels.reshape(inner)
        return voxels.reshape((1,) * (3 - count) + voxels.shape)


def _entry(number: int, size: int) -> slice:
    if not 0 <= number < size:
        raise ArgumentError(f"expected an entry from 0 to {size - 1}, got {number}", field="entry")
    return slice(number, number + 1)
