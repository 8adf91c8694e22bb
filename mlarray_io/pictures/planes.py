"""A look at an image: its middle planes, in the order and proportions in which a radiologist sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, UnsupportedError, about
from mlarray_io.mla import MlaReader
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    import numpy as np

    from mlarray_core.array.image import MLArray

    Array = np.ndarray[Any, Any]

WINDOWS = {
    "ct-soft": (40.0, 400.0),
    "ct-bone": (500.0, 2000.0),
    "ct-lung": (-600.0, 1500.0),
    "ct-brain": (40.0, 80.0),
}
"""Centre and width, in Hounsfield units."""
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
    """

    pixels: Array
    height: float
    width: float
    title: str
    labels: bool = False
    sides: str = ""


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
        A name of `WINDOWS`, ``"LOW,HIGH"``, or None for the first to the 99th percentile.
    look
        Where, if not in the middle.
    """
    reader = image if isinstance(image, Reader) else MlaReader(image)
    volume = _Volume(reader if look.full or look.at is not None else _coarse(reader), look)
    labels = image.meta.is_seg.value is True
    names = (
        ("axial", "coronal", "sagittal") if volume.oriented else tuple(f"along axis {n}" for n in range(3))
    )
    sizes, spacing = volume.shape, volume.spacing
    cuts = {}
    for axis in range(3):
        rows, columns = [other for other in range(3) if other != axis]
        if min(sizes[rows], sizes[columns]) > 1 or max(sizes) == 1:
            cuts[axis] = (volume.plane(axis), sizes[rows] * spacing[rows], sizes[columns] * spacing[columns])
    limits = None if labels or volume.coloured else _limits([cut[0] for cut in cuts.values()], window)
    shown = []
    for axis, (plane, height, width) in cuts.items():
        upright = plane[::-1] if volume.oriented and axis > 0 else plane  # head up
        sides = SIDES[axis] if volume.oriented else ""
        shown.append(Plane(_coloured(upright, labels, limits), height, width, names[axis], labels, sides))
    return shown


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
        shown.append(replace(under, pixels=pixels))
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


def _limits(shown: list[Array], window: str | None) -> tuple[float, float]:
    import numpy as np

    if window in WINDOWS:
        centre, width = WINDOWS[window]
        return centre - width / 2, centre + width / 2
    if window is not None:
        try:
            low, high = map(float, window.split(","))
        except ValueError:
            choices = ", ".join(WINDOWS)
            raise ArgumentError(
                f"{window!r} is no window", hint=f"Take LOW,HIGH or one of {choices}"
            ) from None
        return low, high
    parts = [plane[tuple(slice(None, None, max(1, size // 256)) for size in plane.shape)] for plane in shown]
    sample = np.concatenate([part.reshape(-1) for part in parts] or [np.empty(0)])
    sample = np.abs(sample) if np.iscomplexobj(sample) else sample
    known = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample
    if known.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(known.astype(np.float64), (1, 99))
    return float(low), float(high if high > low else low + 1)


def _coloured(plane: Array, labels: bool, limits: tuple[float, float] | None) -> Array:
    """Return a plane as rows x columns x 3, uint8."""
    import numpy as np

    if labels:
        values = plane.astype(np.int64)
        return _palette()[np.where(values == 0, 0, (values - 1) % 255 + 1)]  # only nothing is black
    if np.iscomplexobj(plane):
        plane = np.abs(plane)
    if plane.ndim == 3:
        low, high = (0.0, 255.0) if plane.dtype == np.uint8 else (0.0, float(max(1, plane.max(initial=1))))
    else:
        assert limits is not None
        low, high = limits
    grey = (np.nan_to_num(plane.astype(np.float32)) - low) / (high - low)
    pixels = (np.clip(grey, 0, 1) * 255).astype(np.uint8)
    return pixels if plane.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def _palette() -> Array:
    """Return 256 colours, black first, neighbours far apart."""
    import colorsys

    import numpy as np

    hues = [(0.61803398875 * number) % 1 for number in range(256)]
    colours = [colorsys.hsv_to_rgb(hue, 0.75 if i % 2 else 0.55, 0.95) for i, hue in enumerate(hues)]
    table = (np.array(colours) * 255).astype(np.uint8)
    table[0] = 0
    return table
