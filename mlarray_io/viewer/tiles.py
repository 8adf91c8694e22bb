"""Planes cut into square pictures, of which the page loads those that are to be seen."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import ArgumentError
from mlarray_io.pictures.colours import greys
from mlarray_io.scan.thumbnails import png
from mlarray_io.viewer.display import indexed, rgb, shown_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.viewer.shown import ShownImage

    Array = np.ndarray[Any, Any]

SIDE = 256
"""Pixels of a tile."""
QUALITY = 85
"""Of JPEG, where the page doesn't ask for exact pixels."""


def plane_axes(image: ShownImage) -> tuple[int, int]:
    """Return which of x, y, z are the columns and the rows of a flat image."""
    shape = image.shape(0)
    long = [axis for axis, size in enumerate(shape) if size > 1]
    long += [axis for axis in range(len(shape)) if axis not in long]
    return (min(long[:2]), max(long[:2])) if len(shape) > 1 else (0, 0)


def plane_shape(image: ShownImage, level: int) -> tuple[int, int]:
    """Return rows and columns of a resolution of a flat image."""
    columns, rows = plane_axes(image)
    shape = image.shape(level)
    return (1 if rows == columns else shape[rows]), shape[columns]


def tile(
    image: ShownImage,
    level: int,
    column: int,
    row: int,
    entry: Sequence[int],
    window: tuple[float, float] | None,
    *,
    exact: bool,
) -> tuple[str, bytes]:
    """Return the type and the bytes of a picture.

    Parameters
    ----------
    image
        A flat image.
    level
        Which resolution.
    column, row
        Which tile of it.
    entry
        Along all axes that aren't spatial.
    window
        Which values are black and white; None for what suits the image.
    exact
        Compress without loss.

    Raises
    ------
    ArgumentError
        There is no such tile.
    """
    columns, rows = plane_axes(image)
    height, width = plane_shape(image, level)
    if not (0 <= column * SIDE < width and 0 <= row * SIDE < height):
        raise ArgumentError(f"level {level} has no tile {column}, {row}")
    box = [(0, 1)] * len(image.shape(level))
    box[columns] = (column * SIDE, min(width, (column + 1) * SIDE))
    if rows != columns:
        box[rows] = (row * SIDE, min(height, (row + 1) * SIDE))
    voxels = image.voxels(level, entry, tuple(box))
    wide, high = box[columns][1] - box[columns][0], 1 if rows == columns else box[rows][1] - box[rows][0]
    if image.colour is not None:
        return _picture(rgb(voxels).reshape(high, wide, 3), exact=exact)
    plane = voxels.reshape(high, wide)
    if image.is_labels:
        return "image/png", _label_png(plane, image)
    grey = greys(shown_values(plane), image.window(entry) if window is None else window)[..., :1]
    return _picture(grey, exact=exact)


def _label_png(plane: Array, image: ShownImage) -> bytes:
    """Return labels as a PNG with opacity: 0 isn't to be seen."""
    places, labels = indexed(plane, image.reader.meta.labels)
    colours = np.zeros((len(labels) + 1, 4), np.uint8)
    for row in labels:
        colours[row.place] = *row.colour, 255
    return png(colours[places])


def _picture(pixels: Array, *, exact: bool) -> tuple[str, bytes]:
    """Return a JPEG where a library for it is installed and loss is allowed, else a PNG."""
    if not exact and find_spec("PIL") is not None:
        from io import BytesIO

        from PIL import Image

        shown = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        target = BytesIO()
        Image.fromarray(np.ascontiguousarray(shown)).save(target, "JPEG", quality=QUALITY)
        return "image/jpeg", target.getvalue()
    return "image/png", png(pixels)
