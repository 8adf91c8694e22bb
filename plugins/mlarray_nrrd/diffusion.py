"""Diffusion images as Slicer and NA-MIC store them: gradients in key/value pairs, one an image of a list."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_GRADIENT = re.compile(r"DWMRI_(gradient|NEX)_(\d{1,6})")


def b_values(pairs: Iterable[tuple[str, Any]], count: int) -> list[float] | None:
    """Return the b-value of each of `count` images, None when it isn't a diffusion image.

    The nominal one belongs to the longest gradient; others have it times their squared length relative to
    that one's. ``DWMRI_NEX`` says for how many images a gradient holds (NA-MIC wiki, "DWI in NRRD").
    """
    nominal, gradients, repeats = None, dict[int, list[float]](), dict[int, int]()
    for key, value in pairs:
        found = _GRADIENT.fullmatch(key)
        if key == "DWMRI_b-value" and isinstance(value, int | float):
            nominal = float(value)
        elif found and found[1] == "gradient" and isinstance(value, list) and len(value) == 3:
            gradients[int(found[2])] = value
        elif found and found[1] == "NEX" and isinstance(value, int):
            repeats[int(found[2])] = value
    if nominal is None or not gradients:
        return None
    squares = _squares(gradients, repeats, count)
    longest = max(squares, default=0.0)
    if len(squares) != count or not longest:
        return None
    return [nominal * square / longest for square in squares]


def _squares(gradients: dict[int, list[float]], repeats: dict[int, int], count: int) -> list[float]:
    squares: list[float] = []
    for index in sorted(gradients):
        try:
            square = math.fsum(float(part) ** 2 for part in gradients[index])
        except (TypeError, ValueError, OverflowError):
            return []
        squares += [square] * min(max(repeats.get(index, 1), 1), count)
        if len(squares) > count:
            return []
    return squares
