"""Which frames make one image: those of a series, split where one array can't hold them."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_dicom.frames.dispatch import Frame, frames_of
from mlarray_dicom.frames.mosaic import slices_of_grid
from mlarray_dicom.pixels.layout import PixelLayout, layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from mlarray_dicom.instance import Instance
    from mlarray_dicom.scan import Scan
    from mlarray_io import Context

ORIENTATION_TOLERANCE = 1e-3
"""Largest difference of direction cosines within one stack: files round them."""
SPACING_TOLERANCE = 1e-4
"""The same for pixel spacing, as a part of it."""

_EXPLAINING = (
    "stack",
    "type",
    "echo",
    "inversion",
    "flip",
    "kernel",
    "energy",
    "detector",
    "quantity",
)
"""What, when it differs among frames at one place, makes them different images."""


@dataclass
class Group:
    """Frames that are to become one image.

    Parameters
    ----------
    instances
        The files of the series that the frames point into.
    frames
        The frames.
    layout
        How their pixels are stored.
    why
        What it was split from its series by, by name.
    problem
        Why it can't be opened.
    """

    instances: list[Instance]
    frames: list[Frame]
    layout: PixelLayout
    why: dict[str, str] = field(default_factory=dict)
    problem: MLArrayError | None = None

    @property
    def first(self) -> Instance:
        """The file of the first frame."""
        return self.instances[self.frames[0].file]

    def part(self, frames: list[Frame], name: str, value: str) -> Group:
        """Return the group of some of the frames."""
        return Group(self.instances, frames, self.layout, {**self.why, name: value}, self.problem)


def groups_of(scan: Scan, damaged: str, context: Context) -> list[Group]:
    """Return the images of a source, in the order of series number and instance number.

    Parameters
    ----------
    scan
        What the source holds.
    damaged
        Whether a series with unreadable files is an "error" or they are to be left out ("skip").
    context
        Told of duplicates and of files whose frames make no sense.
    """
    series: dict[str, list[Instance]] = {}
    for instance in scan.instances:
        series.setdefault(instance.text("SeriesInstanceUID"), []).append(instance)
    groups = []
    for uid, instances in series.items():
        own = _split_series(_distinct(instances, context))
        errors = scan.damaged.get(uid)
        for group in own:
            if errors and damaged == "error" and group.problem is None:
                group.problem = _incomplete(errors)
        groups += own
    return sorted(groups, key=_rank)


def _rank(group: Group) -> tuple[float, str, tuple[float, ...]]:
    from mlarray_dicom.attributes import number

    found = number(group.first.get("SeriesNumber"))
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

    Raises
    ------
    CorruptError
        Later, by uneven repeats: files of one UID with different content are kept.
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


def _split_series(instances: list[Instance]) -> list[Group]:
    """Split a series by what one array can't hold: kind, size and storage of pixels, then directions."""
    parts: dict[Hashable, list[int]] = {}
    layouts = [layout_of(instance) for instance in instances]
    for index, (instance, layout) in enumerate(zip(instances, layouts, strict=True)):
        parts.setdefault(_kind(instance, layout), []).append(index)
    groups: list[Group] = []
    for key, members in parts.items():
        why = {} if len(parts) == 1 else _differing(key, parts)
        groups += _split_frames(instances, members, layouts[members[0]], why)
    return groups


def _kind(instance: Instance, layout: PixelLayout) -> tuple[tuple[str, Any], ...]:
    """Return what all files of one image share."""
    types = [str(part) for part in instance.get("ImageType", ()) or ()]
    return (
        ("study", instance.text("StudyInstanceUID")),
        ("number", instance.text("SeriesNumber")),
        ("kind", instance.text("SOPClassUID")),
        ("size", (layout.rows, layout.columns)),
        ("matrix", (instance.get("TotalPixelMatrixRows"), instance.get("TotalPixelMatrixColumns"))),
        ("colour", (layout.samples, layout.photometric)),
        ("storage", (layout.allocated, layout.stored, layout.high, layout.signed, layout.kind)),
        (
            "type",
            (
                *types[:2],
                *(part for part in types[2:] if part in ("LOCALIZER", "MOSAIC", "LABEL", "OVERVIEW")),
            ),
        ),
        ("lookup", "ModalityLUTSequence" in instance.dataset),
        ("alone", _alone(instance)),
    )


def _alone(instance: Instance) -> str:
    """Return a name of its own for a file that can't be stacked with others, because it has no place."""
    placed = None not in map(
        instance.get, ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    enhanced = instance.get("SharedFunctionalGroupsSequence") is not None
    whole = any(instance.get(keyword) is not None for keyword in _COMPLETE)
    if (placed or enhanced or slices_of_grid(instance)) and not whole:
        return ""
    return instance.text("SOPInstanceUID") or str(instance.path)


_COMPLETE = ("SegmentationType", "TotalPixelMatrixRows", "DoseGridScaling")
"""What only objects have that hold a whole image: no stack is made of several."""


def _differing(key: Hashable, others: Iterable[Hashable]) -> dict[str, str]:
    """Return those parts of a key in which the keys differ."""
    assert isinstance(key, tuple)
    found = {}
    for index, (name, value) in enumerate(key):
        values = {other[index][1] for other in others if isinstance(other, tuple)}
        if len(values) > 1 and name != "alone":
            found[name] = _spelt(value)
    return found


def _split_frames(
    instances: list[Instance], members: list[int], layout: PixelLayout, why: dict[str, str]
) -> list[Group]:
    frames: list[Frame] = []
    try:
        for index in members:
            frames += frames_of(instances[index], index)
    except MLArrayError as error:
        error.name_path(str(instances[members[0]].path))
        return [Group(instances, [Frame(index, 0) for index in members], layout, why, error)]
    whole = Group(instances, sorted(frames, key=lambda frame: frame.order), layout, why)
    groups = [whole]
    for name, cluster in (("orientation", _by_orientation), ("spacing", _by_spacing), ("place", _by_placed)):
        groups = [part for group in groups for part in _partition(group, name, cluster)]
    if instances[members[0]].get("SegmentationType") or instances[members[0]].get("TotalPixelMatrixRows"):
        return groups
    return [part for group in groups for part in _explained(group)]


def _partition(group: Group, name: str, cluster: Callable[[list[Frame]], list[Any]]) -> list[Group]:
    """Split a group by one label for each frame."""
    parts: dict[Any, list[Frame]] = {}
    for frame, label in zip(group.frames, cluster(group.frames), strict=True):
        parts.setdefault(label, []).append(frame)
    if len(parts) == 1:
        return [group]
    return [group.part(frames, name, _spelt(label)) for label, frames in parts.items()]


def _by_orientation(frames: list[Frame]) -> list[Any]:
    return _near([frame.orientation for frame in frames], ORIENTATION_TOLERANCE)


def _by_spacing(frames: list[Frame]) -> list[Any]:
    steps = [frame.spacing for frame in frames]
    return _near(steps, SPACING_TOLERANCE * min(min(one) for one in steps if one) if any(steps) else 0)


def _near(vectors: Sequence[tuple[float, ...] | None], tolerance: float) -> list[Any]:
    """Label each vector by the first that it equals, but for rounding."""
    seen: list[tuple[float, ...]] = []
    exact: dict[Any, Any] = {None: None}
    for vector in vectors:
        if vector is None or vector in exact:
            continue
        near = next((one for one in seen if np.abs(np.subtract(one, vector)).max() <= tolerance), None)
        if near is None:
            seen.append(vector)
        exact[vector] = near or vector
    return [exact[vector] for vector in vectors]


def _by_placed(frames: list[Frame]) -> list[Any]:
    return ["placed" if frame.placed else f"no place, file {frame.file + 1}" for frame in frames]


def _explained(group: Group) -> list[Group]:
    """Split frames that share positions by what makes them different images: type, echo ..."""
    for name in _EXPLAINING:
        parts = _partition(group, name, lambda frames, name=name: [frame.keys.get(name) for frame in frames])  # type: ignore[misc]
        if len(parts) > 1 and _overlap(parts):
            return [smaller for part in parts for smaller in _explained(part)]
    return _acquisitions(group)


def _acquisitions(group: Group) -> list[Group]:
    """Split CT phases that cover the body differently; those that cover the same become an axis."""
    counts = Counter(_rounded(frame) for frame in group.frames)
    if group.first.text("Modality") != "CT" or len(set(counts.values())) == 1:
        return [group]
    parts = _partition(
        group, "acquisition", lambda frames: [frame.keys.get("acquisition") for frame in frames]
    )
    single = all(len({_rounded(frame) for frame in part.frames}) == len(part.frames) for part in parts)
    return parts if single else [group]


def _overlap(parts: list[Group]) -> bool:
    """Say whether two of the parts have a position in common."""
    seen: set[Any] = set()
    for part in parts:
        own = {_rounded(frame) for frame in part.frames}
        if seen & own:
            return True
        seen |= own
    return False


def _rounded(frame: Frame) -> Any:
    return None if frame.position is None else tuple(round(value, 2) + 0.0 for value in frame.position)


def _spelt(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(_spelt(part) for part in value if part not in (None, ""))
    return f"{value:g}" if isinstance(value, float) else str(value)
