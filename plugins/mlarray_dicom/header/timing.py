"""When volumes and their slices were acquired, in s, as the makers say it.

| maker | slices |
|---|---|
| Siemens mosaics | MosaicRefAcqTimes of the CSA header, in ms |
| Siemens' enhanced objects | time after the start (0021,1104) of each frame, in s, else as all others |
| UIH grids | Acquisition Time of each item of MRVFrameSequence (0065,1051) |
| GE | RTIA timer (0021,105E) of each slice, in s, else Trigger Time, in ms, else the order in its protocol |
| all others, enhanced ones too | acquisition time of each slice, where they differ within one repetition |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_dicom.elements import loose_number, sequence, text_of, texts_of
from mlarray_dicom.frames.enhanced import groups_of, is_enhanced
from mlarray_dicom.frames.moments import moment
from mlarray_dicom.frames.mosaic import csa_header, slices_of_grid
from mlarray_dicom.frames.private import private_numbers, private_value
from mlarray_dicom.header.ge_protocol import group_delay, slice_times
from mlarray_dicom.volumes.axes import RepeatAxis
from mlarray_dicom.volumes.stack import ABSENT, depth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from mlarray_dicom.frames.enhanced import Groups
    from mlarray_dicom.frames.frame import Frame
    from mlarray_dicom.volumes.arrangement import Arrangement
    from mlarray_dicom.volumes.group import Group


def volume_times(dataset: Dataset, axis: RepeatAxis, repetition: float | None) -> RepeatAxis:
    """Return an axis of numbered volumes as one of times, where the header says how far they are apart.

    That is the repetition time of echo-planar imaging in two dimensions, which excites every slice once in it
    (PS3.3, C.8.3.1); of other sequences it is the time between two excitations of one slice, many of
    which make a volume.

    Parameters
    ----------
    dataset
        Whole header of the first file.
    axis
        Of the volumes.
    repetition
        Repetition time in ms.
    """
    if axis.name != "time" or axis.unit or axis.unknown or not repetition:
        return axis
    if not _is_echo_planar(dataset) or text_of(dataset, "MRAcquisitionType") == "3D":
        return axis
    step = repetition / 1000 + group_delay(dataset)
    return RepeatAxis("time", "s", [round(step * place, 9) for place in range(len(axis.values))])


def _is_echo_planar(dataset: Dataset) -> bool:
    """Say whether an image is echo-planar: by the standard, or by Philips' EPI factor (2001,1013)."""
    if "EP" in texts_of(dataset, "ScanningSequence") or text_of(dataset, "EchoPlanarPulseSequence") == "YES":
        return True
    factor = private_numbers(dataset, 0x2001, 0x1013)
    return factor is not None and factor[0] > 1 and "PHILIPS" in text_of(dataset, "Manufacturer").upper()


def slice_timing(dataset: Dataset, group: Group, arrangement: Arrangement) -> tuple[list[float] | None, bool]:
    """Return when each slice of a volume was acquired, in s, in the order of the slices of the array.

    The second value says whether that was computed from GE's protocol, which records no times.

    Parameters
    ----------
    dataset
        Whole header of the first file.
    group, arrangement
        The image.
    """
    if text_of(dataset, "Modality") != "MR" or arrangement.order.ndim != 2 or ABSENT in arrangement.order:
        return None, False
    axis = arrangement.axes.get(0)
    if axis is None or axis.label not in ("temporal", "b_value"):
        return None, False
    # the first volume may wait for the scanner: the second one is as good
    rows = [[group.frames[int(index)] for index in row] for row in arrangement.order[:2]]
    if group.frames[0].tile is not None:
        found = (_of_tiles(group, row) for row in reversed(rows))
        return next((times for times in found if times is not None), None), False
    maker = text_of(dataset, "Manufacturer").upper().split()
    is_ge = "GE" in maker
    for row in reversed(rows):
        times = _ge(group, row) if is_ge else _after_start(group, row) if "SIEMENS" in maker[:1] else None
        times = _moments(row) if times is None and not is_ge else times
        if times is not None and _is_plausible(times, axis):
            return times, False
    times = _by_protocol(dataset, rows[0]) if is_ge and axis.label == "temporal" else None
    return times, times is not None


def _by_protocol(dataset: Dataset, row: Sequence[Frame]) -> list[float] | None:
    """Return the times that GE's protocol gives slices in the order of their instance numbers."""
    times = slice_times(dataset, len(row))
    if times is None:
        return None
    numbered = sorted(range(len(row)), key=lambda place: row[place].order)
    return [times[numbered.index(place)] for place in range(len(row))]


def _is_plausible(times: Sequence[float], axis: RepeatAxis) -> bool:
    """Say whether slices were acquired one after another within the time from one volume to the next."""
    if len(times) < 2 or max(times) <= 0:
        return False
    numbers = [value for value in axis.values if isinstance(value, float)]
    step = numbers[1] - numbers[0] if axis.unit == "s" and len(numbers) > 1 else None
    return step is None or max(times) <= step


def _since_first(times: Sequence[float]) -> list[float]:
    return [time - min(times) for time in times]


def _moments(row: Sequence[Frame]) -> list[float] | None:
    moments = [frame.keys.moment for frame in row]
    known = [one for one in moments if one is not None]
    if len(known) < len(moments):
        return None
    return _since_first([(one - known[0]).total_seconds() for one in known])


def _ge(group: Group, row: Sequence[Frame]) -> list[float] | None:
    """Return GE's: by its real-time timer, in s, else by the trigger time, in ms."""
    timers = [private_numbers(group.instances[frame.file].dataset, 0x0021, 0x105E) for frame in row]
    known = [timer[0] for timer in timers if timer]
    if len(known) == len(row) and len(set(known)) > 1:
        return _since_first(known)
    triggers = [loose_number(group.instances[frame.file].dataset, "TriggerTime") for frame in row]
    found = [trigger / 1000 for trigger in triggers if trigger is not None]
    return _since_first(found) if len(found) == len(row) and len(set(found)) > 1 else None


def _after_start(group: Group, row: Sequence[Frame]) -> list[float] | None:
    """Return Siemens' own times of frames in one file, which the standard's are rounded from."""
    instance = group.instances[row[0].file]
    if not is_enhanced(instance) or any(frame.file != row[0].file for frame in row):
        return None
    times = [_of_frame(groups) for groups in groups_of(instance)]
    found = [time for frame in row if (time := times[frame.number]) is not None]
    return _since_first(found) if len(found) == len(row) else None


def _of_frame(groups: Groups) -> float | None:
    for item in groups.private_items(0x0021, 0x11FE):
        if numbers := private_numbers(item, 0x0021, 0x1104):
            return numbers[0]
    return None


def _of_tiles(group: Group, row: Sequence[Frame]) -> list[float] | None:
    """Return the times of the tiles of a volume's file, in the order of their places."""
    file = row[0].file
    tiles = [frame for frame in group.frames if (frame.file, frame.number) == (file, 0)]
    instance = group.instances[file]
    times = _of_grid(instance.dataset) if slices_of_grid(instance) else _of_mosaic(instance.dataset)
    if times is None or len(times) != len(tiles):
        return None
    return [times[int(index)] for index in np.argsort(depth(tiles), kind="stable")]


def _of_mosaic(dataset: Dataset) -> list[float] | None:
    texts = csa_header(dataset).get("MosaicRefAcqTimes")
    try:
        return [float(text) / 1000 for text in texts] if texts else None
    except ValueError:
        return None


def _of_grid(dataset: Dataset) -> list[float] | None:
    items = sequence(private_value(dataset, 0x0065, 0x1051))
    moments = [moment(text_of(item, "AcquisitionDate"), text_of(item, "AcquisitionTime")) for item in items]
    known = [one for one in moments if one is not None]
    if not known or len(known) < len(moments):
        return None
    return _since_first([(one - known[0]).total_seconds() for one in known])
