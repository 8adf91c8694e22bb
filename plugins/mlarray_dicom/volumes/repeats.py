"""Frames that share a position: what tells them apart, and the axis that it becomes.

The order of frames in a file and of files in a folder says nothing (PS3.3, C.7.6.17). In this order of
preference, the first that tells the frames of every position apart alike decides:

1. what the standard has an attribute for: temporal position, diffusion, phases, times, acquisition (`_KEYS`);
2. the dimension indices of the file, private dimensions included (C.7.6.17.2);
3. several of these attributes together, or times that differ from slice to slice, each position by its own;
4. when each frame was acquired;
5. instance and frame numbers, with a note: the axis is ``non_spatial`` then, unless the file says
   that it has as many temporal positions (C.8.3.1).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlarray_core.errors import UnsupportedError
from mlarray_dicom.attributes import point
from mlarray_dicom.frames.frame import Diffusion, Frame, FrameKeys
from mlarray_dicom.volumes.axes import RepeatAxis, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from typing import Any

    Order = np.ndarray[Any, np.dtype[np.int64]]


class _Key(NamedTuple):
    """An attribute that may tell repeats apart, with name and unit of its axis."""

    of: Callable[[FrameKeys], float | None]
    name: str
    unit: str


_KEYS = (
    _Key(lambda keys: keys.temporal, "time", ""),
    _Key(lambda keys: keys.offset, "time", "s"),
    _Key(lambda keys: keys.cardiac, "cardiac phase", "%"),
    _Key(lambda keys: keys.trigger, "trigger time", "ms"),
    _Key(lambda keys: keys.respiratory, "respiratory phase", "%"),
    _Key(lambda keys: keys.slot, "time slot", ""),
    _Key(lambda keys: keys.acquisition, "acquisition", ""),
    _Key(lambda keys: keys.reference, "frame reference time", "ms"),
    _Key(lambda keys: keys.cine, "time", "ms"),
    _Key(lambda keys: keys.series, "series", ""),
)
_BEFORE_DIFFUSION = 2
"""Keys that decide before diffusion does."""


class Repeats(NamedTuple):
    """Frames in order.

    Parameters
    ----------
    order
        Indices of frames, by position or by repeat and position.
    axis
        Of the repeats; None when there are none.
    notes
        What the user should know.
    """

    order: Order
    axis: RepeatAxis | None
    notes: list[str]


def repeats_of(frames: Sequence[Frame], planes: list[list[int]]) -> Repeats:
    """Return the frames by repeat and position, and what tells the repeats apart.

    Parameters
    ----------
    frames
        All frames of the image.
    planes
        Indices of those at each position.

    Raises
    ------
    UnsupportedError
        Positions repeat unevenly, or nothing at all tells the frames of one position apart.
    """
    repeats = len(planes[0])
    if len({len(plane) for plane in planes}) > 1:
        raise UnsupportedError(
            _uneven(frames, planes),
            hint="Slices or volumes are missing or there twice, or it is several images",
        )
    for plane in planes:
        plane.sort(key=lambda index: frames[index].order)
    if repeats == 1:
        return Repeats(np.array([plane[0] for plane in planes]), None, [])
    frames, notes = with_zeros(frames)
    for key in _KEYS[:_BEFORE_DIFFUSION]:
        order = _by_key(frames, planes, key.of)
        if order is not None:
            return Repeats(order, _axis(frames, order, key), notes)
    order = _by_diffusion(frames, planes)
    if order is not None:
        return Repeats(order, _axis(frames, order, None), notes)
    for key in _KEYS[_BEFORE_DIFFUSION:]:
        order = _by_key(frames, planes, key.of, in_order=key.name == "acquisition")
        if order is not None:
            return Repeats(order, _axis(frames, order, key), notes)
    return (
        _by_dimensions(frames, planes, notes)
        or _by_several(frames, planes, notes)
        or _by_rank(frames, planes, notes)
        or _by_time(frames, planes, notes)
        or _by_number(frames, planes, notes)
    )


def with_zeros(frames: Sequence[Frame]) -> tuple[Sequence[Frame], list[str]]:
    """Give frames without a b-value b = 0 when others have one: GE and Toshiba leave it out where it is 0."""
    known = sum(frame.keys.diffusion is not None for frame in frames)
    if known in (0, len(frames)):
        return frames, []
    zero = Diffusion(0.0, None)
    note = f"{len(frames) - known} frames have no b-value where others have one: they count as b = 0"
    return [
        frame if frame.keys.diffusion else replace(frame, keys=replace(frame.keys, diffusion=zero))
        for frame in frames
    ], [note]


def _uneven(frames: Sequence[Frame], planes: list[list[int]]) -> str:
    counts: dict[int, int] = {}
    for plane in planes:
        counts[len(plane)] = counts.get(len(plane), 0) + 1
    spelt = ", ".join(f"{places} with {count}" for count, places in sorted(counts.items()))
    rare = min(counts, key=lambda count: (counts[count], count))
    odd = next(plane for plane in planes if len(plane) == rare)
    where = point(frames[odd[0]].position)
    return f"slice positions repeat unevenly: {spelt} slices; the first with {rare} at {where} mm"


def _by_key(
    frames: Sequence[Frame],
    planes: list[list[int]],
    key: Callable[[FrameKeys], Hashable],
    *,
    in_order: bool = False,
) -> Order | None:
    """Order the repeats of every position by a key; None unless it tells them apart alike everywhere.

    `in_order` keeps them in the order in which they were acquired instead of that of the key.
    """
    tables: list[dict[Any, int]] = []
    for plane in planes:
        values = [key(frames[index].keys) for index in plane]
        if None in values or len(set(values)) < len(plane):
            return None
        tables.append(dict(zip(values, plane, strict=True)))
    if any(table.keys() != tables[0].keys() for table in tables[1:]):
        return None
    first = {value: min(frames[table[value]].order for table in tables) for value in tables[0]}
    names = sorted(tables[0], key=first.__getitem__) if in_order else sorted(tables[0])
    return np.array([[table[name] for table in tables] for name in names])


def _by_diffusion(frames: Sequence[Frame], planes: list[list[int]]) -> Order | None:
    """Order volumes by diffusion, in the order in which they were acquired; equal ones count on by number."""
    counted: dict[int, Hashable] = {}
    for plane in planes:
        seen: dict[Hashable, int] = {}
        for index in plane:
            diffusion = frames[index].keys.diffusion
            if diffusion is None:
                return None
            counted[index] = (diffusion, seen.setdefault(diffusion, 0))
            seen[diffusion] += 1
    if len({diffusion for index in counted for diffusion in [frames[index].keys.diffusion]}) == 1:
        return None  # it says nothing about what tells them apart
    if any({counted[index] for index in plane} != {counted[i] for i in planes[0]} for plane in planes):
        return None
    tables = [{counted[index]: index for index in plane} for plane in planes]
    names = sorted(tables[0], key=lambda name: min(frames[table[name]].order for table in tables))
    return np.array([[table[name] for table in tables] for name in names])


def _by_dimensions(frames: Sequence[Frame], planes: list[list[int]], notes: list[str]) -> Repeats | None:
    order = _by_key(frames, planes, lambda keys: tuple(one.value for one in keys.dimensions) or None)
    if order is None:
        return None
    rows = [frames[int(row[0])].keys.dimensions for row in order]
    varying = [place for place in range(len(rows[0])) if len({row[place].value for row in rows}) > 1]
    name = " and ".join(rows[0][place].name for place in varying)
    values: list[float] | list[str] = [float(row[varying[0]].value) for row in rows]
    if len(varying) > 1:
        values = ["/".join(str(row[place].value) for place in varying) for row in rows]
    if name == "TemporalPositionIndex":
        return Repeats(order, RepeatAxis("time", "", values), notes)
    notes = [*notes, f"{len(rows)} frames at each position are in the order of their dimension index: {name}"]
    return Repeats(order, RepeatAxis(name, "", values, unknown=True), notes)


def _by_several(frames: Sequence[Frame], planes: list[list[int]], notes: list[str]) -> Repeats | None:
    """Order repeats by all attributes together that vary, such as temporal position and cardiac phase."""
    varying = [
        key
        for key in _KEYS
        if None not in (found := {key.of(frame.keys) for frame in frames}) and len(found) > 1
    ]
    weighted = len({frame.keys.diffusion for frame in frames}) > 1

    def together(keys: FrameKeys) -> Hashable:
        b = keys.diffusion
        first = (b.b, b.direction or ()) if weighted and b is not None else ()
        return (first, *(key.of(keys) for key in varying))

    if len(varying) + weighted < 2:
        return None
    order = _by_key(frames, planes, together)
    if order is None:
        return None
    rows = [frames[int(row[0])].keys for row in order]
    names = [*(["b-value"] if weighted else []), *(key.name for key in varying)]
    values = ["/".join(f"{part:g}" for part in _spelt(keys, varying, weighted=weighted)) for keys in rows]
    name = " and ".join(names)
    notes = [*notes, f"{len(rows)} frames at each position are distinguished by {name} together"]
    return Repeats(order, RepeatAxis(name, "", values, unknown=True), notes)


def _spelt(keys: FrameKeys, varying: list[_Key], *, weighted: bool) -> list[float]:
    b = [keys.diffusion.b] if weighted and keys.diffusion is not None else []
    return [*b, *(value for key in varying if (value := key.of(keys)) is not None)]


def _by_rank(frames: Sequence[Frame], planes: list[list[int]], notes: list[str]) -> Repeats | None:
    """Order repeats by times that differ from slice to slice, each position by its own: heart beats."""
    for key in _KEYS:
        if key.name not in ("trigger time", "frame reference time"):
            continue
        columns = [[key.of(frames[index].keys) for index in plane] for plane in planes]
        if any(None in column or len(set(column)) < len(column) for column in columns):
            continue
        order = np.array(
            [sorted(plane, key=lambda index: key.of(frames[index].keys) or 0.0) for plane in planes]
        ).T
        note = f"{key.name}s differ from slice to slice: those of the first slice are listed"
        return Repeats(order, _axis(frames, order, key), [*notes, note])
    return None


def _by_time(frames: Sequence[Frame], planes: list[list[int]], notes: list[str]) -> Repeats | None:
    """Order repeats by when they were acquired, if later volumes began later."""
    for plane in planes:
        moments = [frames[index].keys.moment for index in plane]
        if None in moments or len(set(moments)) < len(plane):
            return None
    order = np.array(
        [sorted(plane, key=lambda index: frames[index].keys.moment or datetime.min) for plane in planes]
    ).T
    seconds = seconds_of(_rows(frames, order))
    return None if seconds is None else Repeats(order, RepeatAxis("time", "s", seconds), notes)


def _by_number(frames: Sequence[Frame], planes: list[list[int]], notes: list[str]) -> Repeats:
    """Order repeats by instance and frame number, and say that nothing else tells them apart."""
    repeats = len(planes[0])
    if any(len({frames[index].order for index in plane}) < repeats for plane in planes):
        raise UnsupportedError(
            f"{repeats} frames lie at each position and nothing says in which order",
            hint="They may be copies of one another; remove one",
        )
    order = np.array(planes).T
    rows = _rows(frames, order)
    weighted = _by_weighting(rows)
    if weighted is not None:
        return Repeats(order, weighted, notes)
    if all(keys.positions == repeats for row in rows for keys in row):
        note = f"the {repeats} temporal positions are in the order of the instance numbers"
        return Repeats(order, RepeatAxis("time", "", [float(k + 1) for k in range(repeats)]), [*notes, note])
    files = {frame.file for frame in frames}
    number = "frame" if len(files) == 1 else "instance"
    note = (
        f"nothing but {number} numbers tells the {repeats} frames at each position apart: "
        "their axis is non_spatial"
    )
    if len(files) > 1 and any(len({frames[index].keys.location for index in plane}) > 1 for plane in planes):
        note += ", though Slice Location differs among them"
    return Repeats(order, _counted(repeats), [*notes, note])


def _counted(count: int) -> RepeatAxis:
    return RepeatAxis("repeat", "", [float(place) for place in range(count)], unknown=True)


def _rows(frames: Sequence[Frame], order: Order) -> list[list[FrameKeys]]:
    return [[frames[int(index)].keys for index in row] for row in order]


def _axis(frames: Sequence[Frame], order: Order, key: _Key | None) -> RepeatAxis:
    """Return name, unit and values of the axis of repeats.

    Volumes that differ in diffusion are distinguished by that, whatever put them in order: several of them
    may share a b-value. Otherwise times of acquisition are better than mere numbers.
    """
    rows = _rows(frames, order)
    weighted = _by_weighting(rows)
    if weighted is not None or key is None:
        return weighted or RepeatAxis(
            "repeat", "", [float(place) for place in range(len(rows))], unknown=True
        )
    if not key.unit and key.name in ("time", "acquisition", "series"):
        seconds = seconds_of(rows)
        if seconds is not None:
            return RepeatAxis("time", "s", seconds)
    return RepeatAxis(key.name, key.unit, [key.of(row[0]) or 0.0 for row in rows])


def _by_weighting(rows: list[list[FrameKeys]]) -> RepeatAxis | None:
    """Return the axis of b-values, when each volume has one diffusion weighting and they differ."""
    weightings = [{keys.diffusion for keys in row} for row in rows]
    if any(len(one) > 1 or None in one for one in weightings) or len(set.union(*weightings)) < 2:
        return None
    return RepeatAxis("b-value", "s/mm2", [one.b for each in weightings for one in each if one is not None])
