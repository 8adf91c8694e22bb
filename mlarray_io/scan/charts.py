"""Histograms and bars as inline SVG."""

from __future__ import annotations

import math
from collections import Counter
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT, BINS, BARS = 300, 120, 24, 8
BOTTOM = 18


def histogram(title: str, values: Sequence[float]) -> str:
    """Return a figure of how numbers are spread; nothing when there are none.

    Numbers far beyond the rest stand at the ends of the axis, which are then marked with an arrow.
    """
    numbers = sorted(value for value in values if math.isfinite(value))
    if not numbers:
        return ""
    low, high = _ends(numbers)
    whole = all(float(value).is_integer() for value in numbers)
    count = min(BINS, int(high - low) + 1) if whole else BINS
    width = (high - low) / count if high > low else 1.0
    places = (int((min(max(value, low), high) - low) / width) for value in numbers)
    counts = Counter(min(place, count - 1) for place in places)
    if low == high:
        count, counts = 9, Counter({4: len(numbers)})
    top, step = max(counts.values()), WIDTH / count
    bars = []
    for place, amount in sorted(counts.items()):
        tall = max(2.0, (HEIGHT - BOTTOM - 14) * amount / top)
        span = f"{low:g}" if low == high else f"{low + place * width:g} to {low + (place + 1) * width:g}"
        bars.append(
            f'<rect x="{place * step + 0.5:.1f}" y="{HEIGHT - BOTTOM - tall:.1f}" '
            f'width="{max(1, step - 1):.1f}" height="{tall:.1f}"><title>{span}: {amount:,}</title></rect>'
        )
    first, last = f"{low:.5g}", "" if low == high else f"{high:.5g}"
    if numbers[0] < low:
        first = f"\u2190 {numbers[0]:.5g} \u2026 {first}"
    if numbers[-1] > high:
        last = f"{last} \u2026 {numbers[-1]:.5g} \u2192"
    middle = f'x="{WIDTH / 2}" text-anchor="middle"' if low == high else 'x="0"'
    marks = (
        f'<text {middle} y="{HEIGHT - 4}">{first}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 4}" text-anchor="end">{last}</text>'
        f'<text x="{WIDTH}" y="10" text-anchor="end">tallest: {top:,}</text>'
    )
    axis = f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
    return _figure(title, HEIGHT, "".join(bars) + axis + marks)


def _ends(numbers: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the axis for sorted numbers: all, unless a few would hide how the rest lie."""
    low, high = numbers[len(numbers) // 20], numbers[-1 - len(numbers) // 20]
    margin = 3 * (high - low)
    if high == low:
        return numbers[0], numbers[-1]
    return max(numbers[0], low - margin), min(numbers[-1], high + margin)


def bars(title: str, words: Sequence[str]) -> str:
    """Return a figure of how often each word occurs, the most frequent first; nothing when there are none."""
    counts = Counter(words).most_common()
    if not counts:
        return ""
    shown = counts[:BARS]
    rest = sum(amount for _, amount in counts[BARS:])
    if rest:
        shown.append((f"{len(counts) - BARS} others", rest))
    top = max(amount for _, amount in shown)
    parts = []
    for place, (word, amount) in enumerate(shown):
        y = place * 20
        label = escape(word if len(word) <= 18 else f"{word[:17]}…")
        parts.append(
            f'<text x="0" y="{y + 13}">{label}</text>'
            f'<rect x="120" y="{y + 3}" width="{max(2.0, 120 * amount / top):.1f}" height="13">'
            f"<title>{escape(word)}: {amount:,}</title></rect>"
            f'<text x="{126 + 120 * amount / top:.1f}" y="{y + 13}">{amount:,}</text>'
        )
    return _figure(title, 20 * len(shown), "".join(parts))


def _figure(title: str, height: int, content: str) -> str:
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img">'
        f"{content}</svg></figure>"
    )
