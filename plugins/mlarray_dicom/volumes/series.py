"""Which frames make one image: those of a series, split where one array can't hold them.

| files or frames of one series are apart when they differ in | because |
|---|---|
| study, series number | a UID that is used twice is no series (PS3.3, C.7.3.1) |
| SOP class | objects of different modules (PS3.3, A.1) |
| Rows and Columns, TotalPixelMatrixRows and -Columns | one array has one shape (C.7.6.3, C.8.12.3) |
| SamplesPerPixel, PhotometricInterpretation, float or not | one array has one kind of voxel (C.7.6.3) |
| ImageType 1 and 2; LOCALIZER, MOSAIC, LABEL, OVERVIEW | original, derived, other kinds (C.7.6.1.1.2) |
| having a Modality LUT | its output is no rescaled value (C.11.1) |
| SegmentationType, TotalPixelMatrixRows, DoseGridScaling | it is whole (A.51, C.8.12, C.8.8.3) |
| having no place | nothing says in which order they are to be stacked (C.7.6.2) |
| ImageOrientationPatient, PixelSpacing | one affine has one set of axes (C.7.6.2.1.1) |
| at the same positions: one of `_EXPLAINING` | images of other contrast (C.7.6.16, C.8.3, C.8.13) |
| CT acquisitions that cover different positions | phases of one examination (C.7.6.1) |

Bits Allocated, Bits Stored, High Bit and the sign may vary from file to file: the standard asks for
uniformity within an instance only (C.7.6.3), and scanners choose them by the slice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_dicom.elements import has, loose_number
from mlarray_dicom.frames.file import frames_of
from mlarray_dicom.frames.frame import Frame
from mlarray_dicom.frames.mosaic import slices_of_grid
from mlarray_dicom.pixels.layout import PixelLayout, layout_of
from mlarray_dicom.volumes.group import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from mlarray_dicom.instance import Instance
    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.scan import Scan
    from mlarray_io import Context

    Key = tuple[tuple[str, Hashable], ...]

ORIENTATION_TOLERANCE = 1e-3
"""Largest difference of direction cosines within one stack: files round them."""
SPACING_TOLERANCE = 1e-4
"""The same for pixel spacing, as a part of it."""
DIGITS = 2
"""Digits of a position, in mm, to which places count as the same when images are distinguished."""

_EXPLAINING: dict[str, Callable[[Frame], Hashable]] = {
    "stack": lambda frame: frame.keys.stack,
    "type": lambda frame: frame.keys.type,
    "echo": lambda frame: frame.keys.echo,
    "inversion": lambda frame: frame.keys.inversion,
    "flip": lambda frame: frame.keys.flip,
    "kernel": lambda frame: frame.keys.kernel,
    "energy": lambda frame: frame.keys.energy,
    "detector": lambda frame: frame.keys.detector,
    "quantity": lambda frame: frame.keys.quantity,
    "thickness": lambda frame: frame.thickness if frame.thickness == frame.thickness else None,  # not NaN
}
"""What, when it differs among frames at one place, makes them different images."""


def groups_of(scan: Scan, options: DicomOptions, context: Context) -> list[Group]:
    """Return the images of a source, in the order of series number and instance number.

    Parameters
    ----------
    scan
        What the source holds.
    options
        Whether a series with unreadable files is refused, and whether series are joined.
    context
        Told of duplicates and of files whose frames make no sense.
    """
    series: dict[Hashable, list[Instance]] = {}
    for instance in scan.instances:
        series.setdefault(_series(instance, join=options.series == "join"), []).append(instance)
    groups = []
    for instances in series.values():
        own = _split_series(_distinct(instances, context), join=options.series == "join")
        uids = dict.fromkeys(instance.text("SeriesInstanceUID") for instance in instances)
        errors = [error for uid in uids for error in scan.damaged.get(uid, ())]
        for group in own:
            if errors and options.damaged == "error" and group.problem is None:
                group.problem = _incomplete(errors)
        groups += own
    return sorted(groups, key=_rank)


def _series(instance: Instance, *, join: bool) -> Hashable:
    """Return what makes files a series: its UID, or what series have in common that are to be joined."""
    if not join:
        return instance.text("SeriesInstanceUID")
    return (instance.text("StudyInstanceUID"), *(instance.text(keyword) for keyword in _JOINING))


_JOINING = ("FrameOfReferenceUID", "Modality", "SeriesDescription", "ProtocolName")


def _rank(group: Group) -> tuple[float, str, tuple[float, ...]]:
    found = loose_number(group.first.dataset, "SeriesNumber")
    return (
        float("inf") if found is None else found,
        group.first.text("SeriesInstanceUID"),
        group.frames[0].order,
    )


def _incomplete(errors: Sequence[MLArrayError]) -> CorruptError:
    more = f", and {len(errors) - 1} more files of its series" if len(errors) > 1 else ""
    return CorruptError(
        f"a slice of this series is damaged: {errors[0].message}{more}",
        path=errors[0].path,
        hint="Fetch it again, or convert the rest with -o damaged=skip",
    )


def _distinct(instances: list[Instance], context: Context) -> list[Instance]:
    """Drop files that are there twice, byte for byte.

    Files of one UID with different content are kept: that they are copies shows by uneven repeats.
    """
    by_uid: dict[str, list[Instance]] = {}
    kept: list[Instance] = []
    dropped = 0
    for instance in instances:
        uid = instance.text("SOPInstanceUID")
        twins = by_uid.setdefault(uid, []) if uid else []
        if any(_same_content(instance, twin) for twin in twins):
            dropped += 1
            continue
        twins.append(instance)
        kept.append(instance)
    if dropped:
        context.warn(f"{dropped} file{'s are' if dropped > 1 else ' is'} there twice and left out once")
    return kept


def _same_content(one: Instance, other: Instance) -> bool:
    return one.size == other.size and _digest(one) == _digest(other)


def _digest(instance: Instance) -> bytes:
    with instance.path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _split_series(instances: list[Instance], *, join: bool) -> list[Group]:
    """Split a series by what one array can't hold: kind, size and storage of pixels, then directions."""
    parts: dict[Key, list[int]] = {}
    layouts = dict(enumerate(layout_of(instance) for instance in instances))
    for index, layout in layouts.items():
        parts.setdefault(_kind(instances[index], layout, join=join), []).append(index)
    groups: list[Group] = []
    for key, members in parts.items():
        why = {} if len(parts) == 1 else _differing(key, parts)
        whole = Group(instances, [Frame(index, 0) for index in members], layouts, why)
        groups += _split_frames(whole, members, join=join)
    return groups


def _kind(instance: Instance, layout: PixelLayout, *, join: bool) -> Key:
    """Return what all files of one image share."""
    types = instance.texts("ImageType")
    return (
        ("study", instance.text("StudyInstanceUID")),
        ("number", "" if join else instance.text("SeriesNumber")),
        ("kind", instance.text("SOPClassUID")),
        ("size", (layout.rows, layout.columns)),
        ("matrix", (instance.text("TotalPixelMatrixRows"), instance.text("TotalPixelMatrixColumns"))),
        ("colour", (layout.samples, layout.photometric)),
        ("storage", _storage(layout)),
        ("type", (*types[:2], *(part for part in types[2:] if part in _TYPES))),
        ("lookup", has(instance.dataset, "ModalityLUTSequence")),
        ("alone", _alone(instance)),
    )


_TYPES = ("LOCALIZER", "MOSAIC", "LABEL", "OVERVIEW")


def _storage(layout: PixelLayout) -> tuple[object, ...]:
    """Return what of the storage can't vary within an image: bits may, while one type holds all of them."""
    wide = layout.allocated > 32
    return (layout.kind, layout.allocated == 1, *((layout.allocated, layout.signed) if wide else ()))


def _alone(instance: Instance) -> str:
    """Return a name of its own for a file that can't be stacked with others, because it has no place."""
    placed = all(
        has(instance.dataset, keyword)
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    enhanced = bool(instance.items("SharedFunctionalGroupsSequence"))
    whole = any(has(instance.dataset, keyword) for keyword in _COMPLETE)
    if (placed or enhanced or slices_of_grid(instance)) and not whole:
        return ""
    return instance.text("SOPInstanceUID") or str(instance.path)


_COMPLETE = ("SegmentationType", "TotalPixelMatrixRows", "DoseGridScaling")
"""What only objects have that hold a whole image: no stack is made of several."""


def _differing(key: Key, others: Iterable[Key]) -> dict[str, str]:
    """Return those parts of a key in which the keys differ."""
    found = {}
    for index, (name, value) in enumerate(key):
        if len({other[index][1] for other in others}) > 1 and name != "alone":
            found[name] = _spelt(value)
    return found


def _split_frames(whole: Group, members: list[int], *, join: bool) -> list[Group]:
    frames: list[Frame] = []
    instances = whole.instances
    index = members[0]
    try:
        for index in members:
            own = frames_of(instances[index], index)
            frames += [_of_series(frame, instances[index]) for frame in own] if join else own
        _demand_concatenations(instances, members)
    except MLArrayError as error:
        error.path = error.path or str(instances[index].path)
        whole.problem = error
        return [whole]
    whole.frames = sorted(frames, key=lambda frame: frame.order)
    groups = [whole]
    for name, cluster in (("orientation", _by_orientation), ("spacing", _by_spacing), ("place", _by_placed)):
        groups = [part for group in groups for part in _partition(group, name, cluster)]
    if any(has(instances[members[0]].dataset, keyword) for keyword in _COMPLETE[:2]):
        return groups
    return [part for group in groups for part in _explained(group)]


def _of_series(frame: Frame, instance: Instance) -> Frame:
    """Return a frame of a series that is joined with others: the series tells it from theirs."""
    number = loose_number(instance.dataset, "SeriesNumber") or 0.0
    return replace(frame, order=(number, *frame.order[1:]), keys=replace(frame.keys, series=number))


def _demand_concatenations(instances: list[Instance], members: list[int]) -> None:
    """Refuse a concatenation of which a part is missing (PS3.3, C.7.6.16.2.2.4).

    Raises
    ------
    CorruptError
        It says that it has more parts than are there.
    """
    parts: dict[str, list[Instance]] = {}
    for index in members:
        uid = instances[index].text("ConcatenationUID")
        if uid:
            parts.setdefault(uid, []).append(instances[index])
    for own in parts.values():
        total = loose_number(own[0].dataset, "InConcatenationTotalNumber")
        if total is not None and len(own) < total:
            raise CorruptError(
                f"is one of {total:g} parts of an image, {len(own)} are there",
                path=own[0].path,
                field="InConcatenationTotalNumber",
                hint="Fetch the others too",
            )


def _partition(group: Group, name: str, cluster: Callable[[list[Frame]], list[Hashable]]) -> list[Group]:
    """Split a group by one label for each frame."""
    parts: dict[Hashable, list[Frame]] = {}
    for frame, label in zip(group.frames, cluster(group.frames), strict=True):
        parts.setdefault(label, []).append(frame)
    if len(parts) == 1:
        return [group]
    return [group.part(frames, name, _spelt(label)) for label, frames in parts.items()]


def _by_orientation(frames: list[Frame]) -> list[Hashable]:
    return _near([frame.orientation for frame in frames], ORIENTATION_TOLERANCE)


def _by_spacing(frames: list[Frame]) -> list[Hashable]:
    steps = [frame.spacing for frame in frames]
    return _near(steps, SPACING_TOLERANCE * min(min(one) for one in steps if one) if any(steps) else 0)


def _near(vectors: Sequence[tuple[float, ...] | None], tolerance: float) -> list[Hashable]:
    """Label each vector by the first that it equals, but for rounding."""
    seen: list[tuple[float, ...]] = []
    exact: dict[tuple[float, ...] | None, Hashable] = {None: None}
    for vector in vectors:
        if vector is None or vector in exact:
            continue
        near = next((one for one in seen if np.abs(np.subtract(one, vector)).max() <= tolerance), None)
        if near is None:
            seen.append(vector)
        exact[vector] = near or vector
    return [exact[vector] for vector in vectors]


def _by_placed(frames: list[Frame]) -> list[Hashable]:
    return ["placed" if frame.placed else f"no place, file {frame.file + 1}" for frame in frames]


def _explained(group: Group) -> list[Group]:
    """Split frames that share positions by what makes them different images: type, echo ..."""
    for name, key in _EXPLAINING.items():
        parts = _partition(group, name, lambda frames, key=key: [key(frame) for frame in frames])  # type: ignore[misc]
        if len(parts) > 1 and _overlap(parts):
            return [smaller for part in parts for smaller in _explained(part)]
    return _acquisitions(group)


def _acquisitions(group: Group) -> list[Group]:
    """Split CT phases that cover the body differently; those that cover the same become an axis."""
    counts = Counter(_rounded(frame) for frame in group.frames)
    if group.first.text("Modality") != "CT" or len(set(counts.values())) == 1:
        return [group]
    parts = _partition(group, "acquisition", lambda frames: [frame.keys.acquisition for frame in frames])
    single = all(len({_rounded(frame) for frame in part.frames}) == len(part.frames) for part in parts)
    return parts if single else [group]


def _overlap(parts: list[Group]) -> bool:
    """Say whether two of the parts have a position in common."""
    seen: set[Hashable] = set()
    for part in parts:
        own = {_rounded(frame) for frame in part.frames}
        if seen & own:
            return True
        seen |= own
    return False


def _rounded(frame: Frame) -> Hashable:
    if frame.position is None:
        return None
    return tuple(round(value, DIGITS) + 0.0 for value in frame.position)


def _spelt(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(_spelt(part) for part in value if part not in (None, ""))
    return f"{value:g}" if isinstance(value, float) else str(value)
