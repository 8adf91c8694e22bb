"""Small pictures of middle slices, made with nothing but NumPy and zlib."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_io.pictures.colours import classes, shown_as_labels

if TYPE_CHECKING:
    from mlarray_io.sdk.format import Reader

    Array = np.ndarray[Any, Any]

SIDE = 144
"""Pixels of the longer side."""


def thumbnail(reader: Reader) -> str | None:
    """Return the middle slice as a PNG in base64, in its true proportions; None when there is none to show.

    The slice is across the slowest spatial axis, the window between the percentiles 1 % and 99 %; labels have
    a colour each.
    """
    reader = _coarse(reader)
    axes = geometry.spatial_axes(reader.meta.spatial.axis_labels, len(reader.shape))
    if len(axes) < 2 or 0 in reader.shape or reader.dtype.kind not in "biuf":
        return None
    plane = axes[-2:]
    colours = _colours(reader)
    box = tuple(
        slice(0, size) if axis in (*plane, colours) else slice(size // 2, size // 2 + 1)
        for axis, size in enumerate(reader.shape)
    )
    voxels = _upright(np.moveaxis(reader[box], plane, (0, 1)), reader, len(axes))
    shown = voxels.reshape(*voxels.shape[:2], -1)[..., :3]
    labels = colours is None and shown_as_labels(reader.meta.is_seg.value, [shown[..., 0]])[0]
    pixels = classes(shown[..., 0], reader.meta.labels)[0] if labels else _grey(shown)
    return base64.b64encode(png(_resized(pixels, _steps(reader, len(axes))))).decode()


def _upright(voxels: Array, reader: Reader, n: int) -> Array:
    """Turn a slice as radiologists see it, front or head up, right side left, where the world is known."""
    spatial = reader.meta.spatial
    if spatial.affine is None and spatial.direction is None:
        return voxels
    code = geometry.orientation(geometry.affine_of(spatial, n), spatial.coord_system)
    rows, columns = code[1] in "AS", code[0] == "R"
    return voxels[:: -1 if rows else 1, :: -1 if columns else 1]


_KINDS = {1: 0, 3: 2, 4: 6}
"""Colour type of a PNG by its channels: grey, red-green-blue, the same with opacity."""


def png(pixels: Array) -> bytes:
    """Return a PNG (ISO/IEC 15948) of `pixels`, uint8 of shape (height, width, 1, 3 or 4)."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, _KINDS[channels], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(name, data) for name, data in parts)


def _part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _coarse(reader: Reader) -> Reader:
    """Return the coarsest level that still fills a thumbnail."""
    return next((level for level in reversed(reader.levels) if max(level.shape[-2:]) >= SIDE), reader)


def _colours(reader: Reader) -> int | None:
    """Return the axis of red, green and blue, if there is one."""
    labels = reader.meta.spatial.axis_labels or []
    fitting = [a for a, name in enumerate(labels) if name == "components" and reader.shape[a] in (3, 4)]
    return fitting[0] if fitting and reader.dtype == np.uint8 else None


def _steps(reader: Reader, n: int) -> tuple[float, float]:
    """Return the spacing of the two axes that are shown."""
    spatial = reader.meta.spatial
    if spatial.affine is None and spatial.spacing is None:
        return 1.0, 1.0
    steps = geometry.decompose(geometry.affine_of(spatial, n))[0][-2:]
    return (steps[0], steps[1]) if all(np.isfinite(steps)) and min(steps) > 0 else (1.0, 1.0)


def _grey(voxels: Array) -> Array:
    if voxels.shape[-1] == 3 and voxels.dtype == np.uint8:
        return voxels
    values = voxels[..., :1].astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 0.0)
    if low == high and finite.size:
        low, high = finite.min(), finite.max()
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1)
    grey: Array = (scaled.clip(0, 1) * 255).astype(np.uint8)
    return grey


def _resized(pixels: Array, steps: tuple[float, float]) -> Array:
    """Return the nearest pixels on a grid that is square in the world and `SIDE` long."""
    extents = [max(1.0, size) * step for size, step in zip(pixels.shape, steps, strict=False)]
    scale = SIDE / max(extents)
    rows, columns = (
        np.minimum((np.arange(max(1, round(extent * scale))) + 0.5) / (extent * scale) * size, size - 1)
        for extent, size in zip(extents, pixels.shape, strict=False)
    )
    smaller: Array = pixels[rows.astype(int)][:, columns.astype(int)]
    return smaller
