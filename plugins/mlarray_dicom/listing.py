"""The list of images in a source, made from headers alone."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError, UnsupportedError
from mlarray_dicom.contours.reader import HINT, Drawn, drawn_on
from mlarray_dicom.parsing import quiet
from mlarray_dicom.scan import scan
from mlarray_dicom.volumes.arrangement import Arrangement, arrange
from mlarray_dicom.volumes.segmentation import is_segmentation
from mlarray_dicom.volumes.series import groups_of
from mlarray_dicom.volumes.stack import stacks_of
from mlarray_io import Context as ReadContext
from mlarray_io import ImageRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_dicom.instance import Instance
    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.volumes.group import Group
    from mlarray_dicom.volumes.stack import Points
    from mlarray_io import Context

MOST_BESIDE = 20_000
"""Files up to which the folder of a lone structure set is searched for its series: minutes of headers."""


@dataclass
class Found:
    """One image, and how it becomes an array or why it can't.

    Parameters
    ----------
    group
        Its frames.
    arrangement
        Where they go.
    problem
        Why they go nowhere; raised when the image is opened.
    """

    group: Group
    arrangement: Arrangement | None = None
    problem: MLArrayError | None = None


def list_images(path: Path, options: DicomOptions, context: Context) -> list[ImageRef]:
    """List the images of a file or folder, one for each array that is needed.

    Parameters
    ----------
    path
        The file or folder.
    options
        What the user wants.
    context
        Told of what is left out.
    """
    with quiet():
        return _list(path, options, context)


def _list(path: Path, options: DicomOptions, context: Context) -> list[ImageRef]:
    scanned = scan(path, context)
    groups = [part for group in groups_of(scanned, options, context) for part in _runs(group, options)]
    found = [_arranged(group, options) for group in groups]
    names = _names(groups)
    images = [
        ImageRef(
            key=str(place),
            title=_title(one.group),
            facts=dict(_facts(one)),
            name=name,
            aliases=_aliases(one.group),
            folder=_folder(one.group, path),
            payload=one,
        )
        for place, (one, name) in enumerate(zip(found, names, strict=True), start=1)
    ]
    sets = [_set(one, found, path, options, context) for one in scanned.structures]
    drawn = [one for one in sets if one is not None]
    if drawn and len(images) == 1:
        images = [replace(images[0], primary=True)]  # what is drawn on it is beside it, not instead of it
    return images + [replace(one, key=str(place)) for place, one in enumerate(drawn, start=len(images) + 1)]


def _set(
    instance: Instance, images: list[Found], path: Path, options: DicomOptions, context: Context
) -> ImageRef | None:
    """Return a structure set as an image; None, and say so, where the grid that it was drawn on isn't there.

    Raises
    ------
    UnsupportedError
        It is all that the source holds.
    LimitError
        Its folder has more files than are looked through for one that wasn't named.
    """
    if not path.is_dir() and options.like is None:
        beside = scan(path.parent, ReadContext(), MOST_BESIDE)
        images = [_arranged(group, options) for group in groups_of(beside, options, ReadContext())]
    grid = drawn_on(instance, images)
    if grid is None and options.like is None:
        what = "no image in it: RT Structure Set, and the series that it was drawn on isn't beside it"
        if not path.is_dir():
            raise UnsupportedError(what, path=path, hint=HINT)
        context.skip(str(instance.path.relative_to(path)), what)
        return None
    facts: dict[str, object] = {"modality": "RTSTRUCT", "series": instance.text("SeriesNumber")}
    if grid is not None and options.like is None:
        facts["shape"], facts["spacing"] = grid.shape, _steps(grid.affine)
    uid = instance.text("SOPInstanceUID")
    title = instance.text("StructureSetLabel") or "structure set"
    instance.shrink()  # contours are read when they are drawn
    folder = instance.path.parent.relative_to(path).as_posix().removeprefix(".") if path.is_dir() else ""
    return ImageRef(
        key="0",
        title=title,
        facts={**facts, "files": 1},
        name=_named(instance.text("SeriesNumber"), uid or str(instance.path)),
        aliases=(instance.text("SeriesInstanceUID"), uid),
        folder=folder,
        payload=Drawn(instance, grid),
    )


def _title(group: Group) -> str:
    return (
        group.first.text("SeriesDescription")
        or f"series {group.first.text('SeriesNumber') or 'without number'}"
    )


def _runs(group: Group, options: DicomOptions) -> list[Group]:
    """Split a group at missing slices when that is asked for."""
    if group.problem is not None or is_segmentation(group.first):
        return [group]
    try:
        runs = stacks_of(group.frames, options)
    except MLArrayError:
        return [group]
    if len(runs) == 1:
        return [group]
    return [group.part(run, "run", str(number)) for number, run in enumerate(runs, start=1)]


def _arranged(group: Group, options: DicomOptions) -> Found:
    try:
        return Found(group, arrange(group, options))
    except MLArrayError as error:
        error.name_path(str(_place(group)))
        return Found(group, problem=error)


def _place(group: Group) -> Path:
    return group.first.path if len(group.instances) == 1 else group.first.path.parent


def _folder(group: Group, source: Path) -> str:
    """Return the folder, relative to the source, that all files of an image lie in."""
    if not source.is_dir():
        return ""
    common = os.path.commonpath({group.instances[frame.file].path.parent for frame in group.frames})
    return Path(common).relative_to(source).as_posix().removeprefix(".")


def _aliases(group: Group) -> tuple[str, ...]:
    """Return the UID of the series, and that of the object if it is alone in its image."""
    uid = group.first.text("SeriesInstanceUID")
    own = {group.instances[frame.file].text("SOPInstanceUID") for frame in group.frames}
    return (uid, *own) if len(own) == 1 else (uid,)


def _names(groups: list[Group]) -> list[str]:
    """Return a file name for each image, of series number and UID: neither tells who the patient is."""
    stems = [_stem(group) for group in groups]
    counts: dict[str, int] = {}
    names = []
    for stem in stems:
        counts[stem] = counts.get(stem, 0) + 1
        names.append(stem if stems.count(stem) == 1 else f"{stem}-{counts[stem]}")
    return names


def _stem(group: Group) -> str:
    uid = group.first.text("SeriesInstanceUID") or group.first.text("SOPInstanceUID") or str(group.first.path)
    return _named(group.first.text("SeriesNumber"), uid)


def _named(number: str, uid: str) -> str:
    digits = "".join(char for char in number if char.isdigit()) or "0"
    return f"{digits}-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"


def _facts(found: Found) -> Iterator[tuple[str, object]]:
    """Yield what a listing shows; nothing that is about the patient."""
    group, first = found.group, found.group.first
    yield "modality", first.text("Modality")
    yield "series", first.text("SeriesNumber")
    if found.arrangement is not None:
        colours = (group.layout.samples,) if group.layout.samples > 1 else ()
        yield "shape", found.arrangement.shape + colours
        yield "spacing", _spacing(found.arrangement)
    yield "files", len({frame.file for frame in group.frames})
    if group.why:
        yield "why_split", ", ".join(f"{name} {value}" for name, value in group.why.items())
    if found.problem is not None:
        yield "problem", found.problem.message


def _spacing(arrangement: Arrangement) -> tuple[float, ...] | None:
    if arrangement.affine is None:
        return arrangement.spacing
    return _steps(arrangement.affine)


def _steps(affine: Points) -> tuple[float, ...]:
    import numpy as np

    return tuple(float(f"{step:.6g}") for step in np.linalg.norm(affine[:3, :3], axis=0))
