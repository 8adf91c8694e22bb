"""Images that differ from the rest of their dataset."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    Rows = Sequence[dict[str, Any]]

RARE, ENOUGH, FAR = 0.1, 10, 6.0


def mark(rows: Rows) -> None:
    """Say in each row's `outlier` what is odd about it, if anything is.

    A number is odd when it lies more than 6 median absolute deviations from the median: each spacing and
    size, the statistics; on a logarithmic scale where all are positive. So is a word that fewer than 1 in 10
    have in common: dtype, orientation, world, number of axes. Fewer than 10 images have no outliers.
    """
    good = [row for row in rows if not row.get("error")]
    notes: dict[int, list[str]] = {id(row): [] for row in good}
    if len(good) >= ENOUGH:
        for name in ("dtype", "orientation", "coord_system"):
            _words(good, name, [row.get(name) for row in good], notes)
        _words(good, "axes", [len(row.get("shape") or ()) for row in good], notes)
        for name in ("shape", "spacing"):
            _lists(good, name, notes)
        for name in ("min", "max", "mean", "std"):
            _numbers(good, name, [row.get(name) for row in good], notes)
    for row in good:
        row["outlier"] = "; ".join(notes[id(row)]) or None


def _words(rows: Rows, name: str, values: Sequence[Any], notes: dict[int, list[str]]) -> None:
    counts = Counter(values)
    for row, value in zip(rows, values, strict=True):
        if counts[value] < RARE * len(rows):
            notes[id(row)].append(f"{name} {'none' if value is None else value}")


def _lists(rows: Rows, name: str, notes: dict[int, list[str]]) -> None:
    """Compare lists of numbers axis by axis, among those with the same number of axes."""
    for count in {len(row.get(name) or ()) for row in rows}:
        same = [row for row in rows if len(row.get(name) or ()) == count]
        for axis in range(count if len(same) >= ENOUGH else 0):
            _numbers(same, f"{name}[{axis}]", [row[name][axis] for row in same], notes)


def _numbers(rows: Rows, name: str, values: Sequence[Any], notes: dict[int, list[str]]) -> None:
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
        if abs(place - middle) > FAR * 1.4826 * spread:
            notes[id(row)].append(f"{name} {value:.5g}")
