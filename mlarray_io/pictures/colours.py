"""Voxels as pixels: greys within a window, and a colour for each class."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError
from mlarray_core.levels.values import taken_for_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from mlarray_core.meta import Label

    Array = np.ndarray[Any, Any]

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

WINDOWS = {
    "ct-soft": (40.0, 400.0),
    "ct-bone": (500.0, 2000.0),
    "ct-lung": (-600.0, 1500.0),
    "ct-brain": (40.0, 80.0),
}
"""Centre and width, in Hounsfield units."""
VOXELS_OF_A_CLASS = 16
"""How many voxels a value of labels has at least, on an average."""


def limits_of(shown: list[Array], window: str | None) -> tuple[float, float]:
    """Return which values are black and white in some planes.

    Parameters
    ----------
    shown
        The planes.
    window
        A name of `WINDOWS`, ``"LOW,HIGH"``, or None for the first to the 99th percentile.

    Raises
    ------
    ArgumentError
        It is no window.
    """
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


def shown_as_labels(is_seg: bool | None, seen: Sequence[Array]) -> tuple[bool, int]:
    """Say whether planes are shown in a colour for each value, as labels are.

    Parameters
    ----------
    is_seg
        What the metadata say; None for nothing.
    seen
        The planes. Of few voxels, few values say nothing.

    Returns
    -------
    tuple
        Whether they are, and how many different integers there are where only these say so; 0 otherwise.
    """
    labels, count = taken_for_labels(is_seg, seen[0].dtype, seen)
    few = count * VOXELS_OF_A_CLASS <= sum(plane.size for plane in seen)
    return (labels, count) if few else (False, 0)


def classes(plane: Array, table: Sequence[Label]) -> tuple[Array, tuple[tuple[int, Colour, str], ...]]:
    """Return a plane of labels in colours, and what they stand for: those of the table where it has any.

    Parameters
    ----------
    plane
        Rows x columns of labels.
    table
        What they mean, as far as that is known.

    Returns
    -------
    tuple
        Pixels, rows x columns x 3 of uint8; and value, colour and name of each label but 0, which is black.
    """
    import numpy as np

    values, places = np.unique(plane.astype(np.int64), return_inverse=True)
    known = {label.value: label for label in table}
    colours = np.array([colour_of(int(value), known.get(int(value))) for value in values], np.uint8)
    legend = tuple(
        (int(value), (int(red), int(green), int(blue)), known[int(value)].name if int(value) in known else "")
        for value, (red, green, blue) in zip(values, colours, strict=True)
        if value
    )
    return colours[places.reshape(plane.shape)], legend


def colour_of(value: int, label: Label | None) -> Colour:
    """Return the colour of one value of labels: that of its table, else one of its own, black for 0.

    Parameters
    ----------
    value
        The value.
    label
        What it means, as far as that is known.
    """
    rgba = None if label is None or not value else label.rgba
    if rgba is not None:
        return rgba[:3]
    red, green, blue = _palette()[(value - 1) % 255 + 1 if value else 0].tolist()
    return red, green, blue


def greys(plane: Array, limits: tuple[float, float] | None) -> Array:
    """Return a plane of values, or of red, green and blue, as rows x columns x 3, uint8.

    Parameters
    ----------
    plane
        Rows x columns, and colours if there are any.
    limits
        Which values are black and white; None for colours.
    """
    import numpy as np

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


@cache
def _palette() -> Array:
    """Return 256 colours, black first, neighbours far apart."""
    import colorsys

    import numpy as np

    hues = [(0.61803398875 * number) % 1 for number in range(256)]
    colours = [colorsys.hsv_to_rgb(hue, 0.75 if i % 2 else 0.55, 0.95) for i, hue in enumerate(hues)]
    table = (np.array(colours) * 255).astype(np.uint8)
    table[0] = 0
    return table
