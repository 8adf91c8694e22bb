"""A look at an image: its middle planes, in the order and proportions in which a radiologist sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, MissingDependencyError, UnsupportedError, about
from mlarray_io.mla import MlaReader
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    from pathlib import Path

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
GAP = 8


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
    """

    pixels: Array
    height: float
    width: float
    title: str
    labels: bool = False


def planes(image: MLArray | Reader, window: str | None = None) -> list[Plane]:
    """Return the middle planes of an image: three of a volume, the plane itself of a picture.

    Parameters
    ----------
    image
        Of one, two or three spatial axes; of the others the first entry is taken. Where the world is known,
        axial planes show the patient's right on the left, as seen from the feet.
    window
        A name of `WINDOWS`, ``"LOW,HIGH"``, or None for the first to the 99th percentile.
    """
    volume = _Volume(_coarse(image if isinstance(image, Reader) else MlaReader(image)))
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
        shown.append(Plane(_coloured(upright, labels, limits), height, width, names[axis], labels))
    return shown


def planes_of(
    path: str, source_format: str | None = None, image: str | None = None, window: str | None = None
) -> list[Plane]:
    """Return the middle planes of a file of any format."""
    from mlarray_io.engine.select import open_one
    from mlarray_io.engine.settings import Settings
    from mlarray_io.places.place import place_of

    settings = Settings(source_format=source_format)
    with open_one(place_of(path), settings, image) as opened, about(str(opened.source.where)):
        return planes(opened.reader, window)


def _coarse(reader: Reader) -> Reader:
    """Return the coarsest version of an image that is still fine enough to show."""
    if reader.shape == (0,):
        raise UnsupportedError("there are no voxels to show")
    fine = [one for one in (reader, *reader.levels) if max(one.shape or (1,)) >= LARGEST]
    return fine[-1] if fine else reader


class _Volume:
    """The first entry of an image along all but its spatial axes, as z, y, x.

    Parameters
    ----------
    reader
        Of one to three spatial axes.

    Attributes
    ----------
    shape, spacing
        Along z, y and x; 1 where there is no such axis.
    oriented
        Whether the world is known, and the axes lead as the patient lies.
    coloured
        Whether planes have red, green and blue.
    """

    def __init__(self, reader: Reader) -> None:
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
        self._box = [slice(0, size) if axis in kept else slice(0, 1) for axis, size in enumerate(sizes)]
        count = math.prod(part.stop for part in self._box)
        self._voxels = self._read(self._box) if count * reader.dtype.itemsize <= WHOLE else None

    def plane(self, axis: int) -> Array:
        """Return the middle plane across an axis: rows, columns, and colours if there are any."""
        middle, own = self.shape[axis] // 2, axis - 3 + len(self._axes)
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


def save_png(shown: list[Plane], target: Path, height: int = 512) -> None:
    """Write planes side by side, a millimetre as long in each direction.

    Raises
    ------
    MissingDependencyError
        Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError(
            "writing a picture needs Pillow", path=target, hint="Install it with: pip install 'mlarray[show]'"
        ) from error
    scale = height / max(plane.height for plane in shown)
    sizes = [(max(1, round(plane.width * scale)), max(1, round(plane.height * scale))) for plane in shown]
    sheet = Image.new("RGB", (sum(w for w, _ in sizes) + GAP * (len(sizes) - 1), height))
    left = 0
    for plane, size in zip(shown, sizes, strict=True):
        how = Image.Resampling.NEAREST if plane.labels else Image.Resampling.BILINEAR
        sheet.paste(Image.fromarray(plane.pixels).resize(size, how), (left, (height - size[1]) // 2))
        left += size[0] + GAP
    sheet.save(target, "PNG")


def publish(shown: list[Plane], target: str, *, overwrite: bool) -> None:
    """Write a picture that appears whole or not at all."""
    from mlarray_core.publish import atomic

    with atomic(target, overwrite=overwrite) as path:
        save_png(shown, path)


def print_planes(shown: list[Plane]) -> None:
    """Print planes in the terminal, as wide as it is."""
    from rich.console import Console

    console = Console()
    console.print(blocks(shown, console.width - 1))


def blocks(shown: list[Plane], columns: int) -> Any:
    """Return planes side by side as text for a terminal, two pixels in each character."""
    import numpy as np
    from rich.text import Text

    widths = sum(plane.width for plane in shown)
    scale = (columns - 2 * (len(shown) - 1)) / widths
    sheets = [
        _nearest(plane, max(1, int(plane.height * scale)), max(1, int(plane.width * scale)))
        for plane in shown
    ]
    rows = max(len(sheet) for sheet in sheets)
    rows += rows % 2
    sheets = [np.pad(sheet, ((0, rows - len(sheet)), (0, 0), (0, 0))) for sheet in sheets]
    text = Text(no_wrap=True)
    for row in range(0, rows, 2):
        for index, sheet in enumerate(sheets):
            for upper, lower in zip(sheet[row], sheet[row + 1], strict=True):
                text.append(
                    "\u2580",
                    f"rgb({upper[0]},{upper[1]},{upper[2]}) on rgb({lower[0]},{lower[1]},{lower[2]})",
                )
            text.append("  " if index < len(sheets) - 1 else "\n")
    return text


def _nearest(plane: Plane, height: int, width: int) -> Array:
    import numpy as np

    rows = (np.arange(height) + 0.5) * len(plane.pixels) / height
    columns = (np.arange(width) + 0.5) * plane.pixels.shape[1] / width
    picked: Array = plane.pixels[rows.astype(int)][:, columns.astype(int)]
    return picked
