"""Images that differ from the rest of their dataset."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median

from mlarray_io.scan.rows import Row, images

Values = Sequence[float | None]

ENOUGH = 10
"""Images that a group needs, so that one that differs is the exception."""
RARE = 0.1
"""The part of a group that has a word in common, below which the word is odd."""
FAR = 6.0
"""Standard deviations of a normal distribution with the same median deviation: farther off is odd."""
_NORMAL = 1.4826
"""The standard deviation of a normal distribution by its median absolute deviation."""


def mark(rows: Sequence[Row]) -> None:
    """Say in each row's `outlier` what is odd about it, if anything is.

    Images are compared with those of the same modality, and labels with labels. A number is odd when it lies
    more than 6 median absolute deviations from the median: each spacing and size, the statistics; on a
    logarithmic scale where all are positive. So is a word that fewer than 1 in 10 have in common: dtype,
    orientation, world, number of axes. Fewer than 10 images have no outliers.
    """
    groups: dict[tuple[bool, str | None], list[Row]] = {}
    for row in images(rows):
        groups.setdefault((bool(row.labels), row.modality), []).append(row)
    for group in groups.values():
        _mark_group(group)


def _mark_group(rows: Sequence[Row]) -> None:
    notes: dict[int, list[str]] = {id(row): [] for row in rows}
    if len(rows) >= ENOUGH:
        _words(rows, "dtype", [row.dtype for row in rows], notes)
        _words(rows, "orientation", [row.orientation for row in rows], notes)
        _words(rows, "coord_system", [row.coord_system for row in rows], notes)
        _words(rows, "axes", [len(row.shape or ()) for row in rows], notes)
        _lists(rows, "shape", [row.shape or [] for row in rows], notes)
        _lists(rows, "spacing", [row.spacing or [] for row in rows], notes)
        for name in ("min", "max", "mean", "std"):
            _numbers(rows, name, [row.numbers.get(name) for row in rows], notes)
    for row in rows:
        row.outlier = "; ".join(notes[id(row)]) or None


def _words(
    rows: Sequence[Row], name: str, values: Sequence[str | int | None], notes: dict[int, list[str]]
) -> None:
    counts = Counter(values)
    for row, value in zip(rows, values, strict=True):
        if counts[value] < RARE * len(rows):
            notes[id(row)].append(f"{name} {'none' if value is None else value}")


def _lists(
    rows: Sequence[Row], name: str, lists: Sequence[Sequence[float]], notes: dict[int, list[str]]
) -> None:
    """Compare lists of numbers axis by axis, among those with the same number of axes."""
    for count in {len(numbers) for numbers in lists}:
        same = [(row, numbers) for row, numbers in zip(rows, lists, strict=True) if len(numbers) == count]
        for axis in range(count if len(same) >= ENOUGH else 0):
            alike = [row for row, _ in same]
            _numbers(alike, f"{name}[{axis}]", [numbers[axis] for _, numbers in same], notes)


def _numbers(rows: Sequence[Row], name: str, values: Values, notes: dict[int, list[str]]) -> None:
    pairs = [
        (row, float(v)) for row, v in zip(rows, values, strict=True) if v is not None and math.isfinite(v)
    ]
    if len(pairs) < ENOUGH:
        return
    logarithmic = all(value > 0 for _, value in pairs)
    scaled = [math.log(value) if logarithmic else value for _, value in pairs]
    middle = median(scaled)
    spread = median(abs(value - middle) for value in scaled)
    # when more than half are equal, the others differ by more than the noise of a measurement, or by nothing
    spread = max(spread, 0.01 if logarithmic else 1e-6 * max(1.0, abs(middle)))
    for (row, value), place in zip(pairs, scaled, strict=True):
        if abs(place - middle) > FAR * _NORMAL * spread:
            notes[id(row)].append(f"{name} {value:.5g}")
