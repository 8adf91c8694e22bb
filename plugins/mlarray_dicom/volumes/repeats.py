"""Frames that share a position: what tells them apart, and the axis that it becomes."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import AxisValues
from mlarray_core.errors import UnsupportedError
from mlarray_dicom.attributes import point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_dicom.frames.dispatch import Frame

Order = np.ndarray[Any, np.dtype[np.int64]]

_REPEATING = (
    ("temporal", "time", ""),
    ("offset", "time", "s"),
    ("diffusion", "b-value", "s/mm2"),
    ("trigger", "trigger time", "ms"),
    ("phase", "respiratory phase", "%"),
    ("slot", "time slot", ""),
    ("acquisition", "acquisition", ""),
    ("reference", "frame reference time", "ms"),
    ("cine", "time", "ms"),
)
"""What may tell repeats of one position apart, with name and unit of the axis."""


def repeats_of(
    frames: Sequence[Frame], planes: list[list[int]]
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], AxisValues]:
    """Return the frames by repeat and position, and what tells the repeats apart."""
    counts = [len(plane) for plane in planes]
    repeats = counts[0]
    if len(set(counts)) > 1:
        raise UnsupportedError(
            _uneven(frames, planes), hint="Slices or volumes are missing, or it is several images"
        )
    for plane in planes:
        plane.sort(key=lambda index: frames[index].order)
    if repeats == 1:
        return np.array([plane[0] for plane in planes]), AxisValues()
    for key, _, _ in _REPEATING:
        order = _by_key(frames, planes, key)
        if order is not None:
            return order, _axis(frames, order, key)
    if any(len({frames[index].order for index in plane}) < repeats for plane in planes):
        raise UnsupportedError(
            f"{repeats} frames lie at each position and nothing says in which order",
            hint="They may be copies of one another; remove one",
        )
    order = np.array(planes).T
    return order, _axis(frames, order, None)


def _uneven(frames: Sequence[Frame], planes: list[list[int]]) -> str:
    counts: dict[int, int] = {}
    for plane in planes:
        counts[len(plane)] = counts.get(len(plane), 0) + 1
    spelt = ", ".join(f"{places} slice positions {count} times" for count, places in sorted(counts.items()))
    odd = min(planes, key=len)
    return f"slice positions repeat unevenly: {spelt}; the first such at {point(frames[odd[0]].position)} mm"


def _by_key(
    frames: Sequence[Frame], planes: list[list[int]], key: str
) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """Order the repeats of every position by a key; None unless it tells them apart alike everywhere."""
    tables: list[dict[Any, int]] = []
    for plane in planes:
        values = [frames[index].keys.get(key) for index in plane]
        if None in values or len(set(values)) < len(plane):
            return None
        tables.append(dict(zip(values, plane, strict=True)))
    if any(table.keys() != tables[0].keys() for table in tables[1:]):
        return None
    # volumes of a diffusion series stay in the order in which they were acquired
    by_value = key not in ("diffusion", "acquisition")
    names = (
        sorted(tables[0])
        if by_value
        else sorted(tables[0], key=lambda v: min(frames[t[v]].order for t in tables))
    )
    return np.array([[table[name] for table in tables] for name in names])


def _axis(frames: Sequence[Frame], order: Order, key: str | None) -> AxisValues:
    """Return name, unit and values of the axis of repeats.

    Volumes that differ in diffusion are told by that, whatever put them in order: several of them may share a
    b-value. Otherwise times of acquisition are better than mere numbers.
    """
    rows = [[frames[int(index)].keys for index in row] for row in order]
    diffusion = [{keys.get("diffusion") for keys in row} for row in rows]
    if all(len(one) == 1 and None not in one for one in diffusion) and len(set.union(*diffusion)) > 1:
        values: list[Any] = [key[0] for one in diffusion for key in one if key is not None]
        return AxisValues("b-value", "s/mm2", values)
    name, unit = _NAMES.get(key or "", ("repeat", ""))
    values = list(range(len(rows))) if key is None else [row[0][key] for row in rows]
    if not unit and name in ("time", "repeat", "acquisition"):
        times = _times(rows)
        if times is not None:
            return AxisValues("time", "s", times)
    return AxisValues(name, unit, values)


_NAMES = {key: (name, unit) for key, name, unit in _REPEATING}


def _times(rows: list[list[dict[str, Any]]]) -> list[float] | None:
    """Return when each volume began, in s after the first; None unless later ones began later."""
    starts = []
    for row in rows:
        moments = [_moment(keys.get("time")) for keys in row]
        known = [moment for moment in moments if moment is not None]
        if len(known) < len(moments):
            return None
        starts.append(min(known))
    seconds = [round((start - starts[0]).total_seconds(), 6) for start in starts]
    rising = all(later > earlier for earlier, later in pairwise(seconds))
    return seconds if rising else None


def _moment(value: Any) -> datetime | None:
    """Return a date and time of DICOM (PS3.5, 6.2), of two texts or one; None when it is no such thing."""
    if value is None:
        return None
    text = "".join(value) if isinstance(value, tuple) else str(value)
    text = text.split("+")[0].strip()
    whole, _, fraction = text.partition(".")
    if isinstance(value, tuple) and len(value) == 2 and not value[0]:
        whole = "19700101" + whole
    try:
        return datetime.strptime(f"{whole}.{(fraction or '0')[:6]}", "%Y%m%d%H%M%S.%f")
    except ValueError:
        return None
