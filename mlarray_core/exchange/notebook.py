"""What a notebook shows of an image: middle slices and the facts, as HTML of its own."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlarray_core.meta import Label

    Array = np.ndarray[Any, Any]

SIDE = 128
"""Pixels of a picture's longer side: three of them, as bytes that don't compress, are 66 kB in base64."""
LONGEST = 200
"""Characters of a fact that are shown."""


def page(facts: Iterable[tuple[str, object]], pictures: Sequence[tuple[str, bytes]]) -> str:
    """Return HTML without scripts, in which everything from the image is escaped.

    Parameters
    ----------
    facts
        Names and values of the table.
    pictures
        Titles and PNGs.
    """
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(_short(str(value)))}</td></tr>'
        for name, value in facts
    )
    images = "".join(
        f'<figure style="display:inline-block;margin:4px">'
        f'<img alt="{escape(title)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<figcaption>{escape(title)}</figcaption></figure>"
        for title, png in pictures
    )
    return f"<div><table>{rows}</table>{images}</div>"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def slices_of(voxels: Array, axes: Sequence[int], steps: Sequence[float]) -> list[Array]:
    """Return the middle slices across each spatial axis, in true proportions, small.

    Parameters
    ----------
    voxels
        The array.
    axes
        Its spatial axes, one to three; of the others the first index is shown, components aside.
    steps
        Distances of voxels along them.

    Returns
    -------
    list
        Arrays of shape (height, width): one for two axes, three for three.
    """
    index = tuple(slice(None) if axis in axes else 0 for axis in range(voxels.ndim))
    block, lengths = voxels[index], list(steps)
    if block.ndim == 1:
        block, lengths = block[np.newaxis], [lengths[0] * max(1, block.size // 8), lengths[0]]
    if block.ndim == 2:
        return [_resized(block, lengths)]
    return [
        _resized(np.take(block, block.shape[axis] // 2, axis), [*lengths[:axis], *lengths[axis + 1 :]])
        for axis in range(3)
    ]


def _resized(plane: Array, steps: Sequence[float]) -> Array:
    """Take the nearest voxels, so that the longer side has `SIDE` pixels and proportions are true."""
    sizes = [count * step for count, step in zip(plane.shape, steps, strict=True)]
    pixel = max(*sizes, 1e-300) / SIDE
    rows, columns = (
        np.minimum((np.arange(max(1, round(size / pixel))) + 0.5) * count * pixel // size, count - 1).astype(
            int
        )
        for size, count in zip(sizes, plane.shape, strict=True)
    )
    return plane[np.ix_(rows, columns)]


def window_of(planes: Sequence[Array]) -> tuple[float, float]:
    """Return the range of grey values: percentiles 1 and 99 of what is shown, as viewers choose it."""
    values = np.concatenate(
        [np.abs(plane).ravel() if plane.dtype.kind == "c" else plane.ravel() for plane in planes]
    )
    numbers = values[np.isfinite(values)].astype(np.float64)
    if not numbers.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(numbers, (1, 99)))
    return (low, high) if high > low else (float(numbers.min()), float(numbers.max()))


def grey_png(plane: Array, window: tuple[float, float]) -> bytes:
    """Return a slice as a grey PNG; NaN is black."""
    values = np.abs(plane) if plane.dtype.kind == "c" else plane
    low, high = window
    with np.errstate(invalid="ignore", over="ignore"):
        shares = (np.nan_to_num(values.astype(np.float64), posinf=high, neginf=low) - low) / (
            (high - low) or 1.0
        )
    return _png((np.clip(np.nan_to_num(shares), 0, 1) * 255).astype(np.uint8))


def label_png(plane: Array, colors: Mapping[int, tuple[int, int, int]]) -> bytes:
    """Return a slice of labels as a PNG with a palette of up to 256 colours; 0 is black unless it has one."""
    values, places = np.unique(plane, return_inverse=True)
    palette = [colors.get(int(value), color_for(int(value))) for value in values]
    pixels = (places.reshape(plane.shape) % 256).astype(np.uint8)  # more labels share colours
    return _png(pixels, palette[:256])


def colors_of(labels: Iterable[Label]) -> dict[int, tuple[int, int, int]]:
    """Return the colours of a label table, by value."""
    return {label.value: label.rgba[:3] for label in labels if label.rgba is not None}


def color_for(value: int) -> tuple[int, int, int]:
    """Return a colour for a label without one: its bits spread over the channels, as PASCAL VOC does."""
    channels = [0, 0, 0]
    for bit in range(24):
        channels[bit % 3] |= (value >> bit & 1) << (7 - bit // 3)
    return channels[0], channels[1], channels[2]


def _png(pixels: Array, palette: Sequence[tuple[int, int, int]] = ()) -> bytes:
    """Return a PNG (ISO/IEC 15948) of one byte for each pixel, grey or of a palette."""
    height, width = pixels.shape
    rows = np.zeros((height, 1 + width), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3 if palette else 0, 0, 0, 0))]
    if palette:
        parts.append((b"PLTE", bytes(part for color in palette for part in color)))
    parts += [(b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def titles(affine: Array | None, coord_system: str | None, count: int) -> list[str]:
    """Return what the slices are called: the axis that they lie across, and the plane where it is known.

    Parameters
    ----------
    affine
        Of the image, columns in array order.
    coord_system
        Its world; None when unknown.
    count
        How many spatial axes there are.
    """
    names = [f"middle of axis {axis}" for axis in range(3)] if count == 3 else ["slice"]
    if affine is None or count != 3 or geometry.normal_world(coord_system) is None:
        return names
    letters = geometry.orientation(affine, coord_system)[::-1]  # it names the fastest axis first
    planes = {"S": "axial", "I": "axial", "A": "coronal", "P": "coronal", "R": "sagittal", "L": "sagittal"}
    return [f"{planes[letter]} ({name})" for letter, name in zip(letters, names, strict=True)]
