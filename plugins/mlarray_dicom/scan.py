"""Finding the DICOM files of a source, and saying of every other file why it is left out."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsupportedError
from mlarray_dicom.contours.structures import STRUCTURE_SET
from mlarray_dicom.elements import has, texts_of
from mlarray_dicom.instance import Instance, read_instance
from mlarray_dicom.pixels.layout import layout_of
from mlarray_dicom.signature import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_io import Context

DIRECTORY = "1.2.840.10008.1.3.10"
_OURS = frozenset({".dcm", ".dicom", ".ima"})
"""Suffixes by which a file says that it is DICOM, so that one that isn't may be a damaged image."""
SIBLINGS = 8
"""Files beside a single one that are asked whether they are of its series: enough to find one."""
KEPT_HEADERS = 16 << 20
"""Bytes of headers that stay in memory, so that they needn't be read twice; they take four times as much."""


@dataclass
class Scan:
    """What a source holds.

    Parameters
    ----------
    instances
        The files with pixels.
    damaged
        Files of a series that can't be read, with the reason, by the UID of the series.
    structures
        Structure sets.
    """

    instances: list[Instance] = field(default_factory=list)
    damaged: dict[str, list[MLArrayError]] = field(default_factory=dict)
    structures: list[Instance] = field(default_factory=list)


def scan(path: Path, context: Context, most: int | None = None) -> Scan:
    """Read the headers of one file, of the files that a DICOMDIR lists, or of all files below a folder.

    What is left out is reported to `context.skip`.

    Parameters
    ----------
    path
        The file or folder.
    context
        Told of what is left out.
    most
        Files up to which a folder is looked through; any number if None.

    Raises
    ------
    LimitError
        The folder has more.
    MLArrayError
        `path` is a single file, and is no image or damaged.
    """
    if not path.is_dir():
        instance = read_instance(path)
        if instance.text("SOPClassUID") == STRUCTURE_SET:
            return Scan(structures=[instance])
        if instance.text("SOPClassUID") != DIRECTORY:
            _demand_image(instance)
            _note_siblings(instance, context)
            return Scan([instance])
        paths = _listed(path)
    else:
        paths = files_below(path) if most is None else _few(path, most)
    return _scan_all(path if path.is_dir() else path.parent, paths, context)


def _scan_all(root: Path, paths: Iterator[Path], context: Context) -> Scan:
    found = Scan()
    left = KEPT_HEADERS
    for path in paths:
        instance = None
        try:
            instance = read_instance(path)
            if instance.text("SOPClassUID") == STRUCTURE_SET:
                found.structures.append(instance)
                continue
            _demand_image(instance)
            left -= instance.header_size
            if left < 0:
                instance.shrink()
            found.instances.append(instance)
        except MLArrayError as error:
            image = instance is not None and instance.pixels is not None
            named = instance is None and path.suffix.lower() in _OURS
            lost = image or named or not isinstance(error, UnsupportedError)
            context.skip(str(path.relative_to(root)), error.message, lost=lost)
            series = instance.text("SeriesInstanceUID") if instance is not None else ""
            if series and isinstance(error, CorruptError):
                found.damaged.setdefault(series, []).append(error)
    return found


def _few(folder: Path, most: int) -> Iterator[Path]:
    """Return the files below a folder, if they are no more than so many: a part of a series is no series."""
    paths = list(itertools.islice(files_below(folder), most + 1))
    if len(paths) > most:
        raise LimitError(
            f"more than {most:,} files lie beside a structure set, too many to look for its series in",
            path=folder,
            hint="Name the series: --like FOLDER (like=), or put both into a folder of their own",
        )
    return iter(paths)


def _note_siblings(instance: Instance, context: Context) -> None:
    """Tell who gives one slice of a series that there are more, which the folder gives as one volume.

    The first few files beside it are looked at: those of a series lie together.
    """
    series = instance.text("SeriesInstanceUID")
    if not series or not has(instance.dataset, "ImagePositionPatient"):
        return
    beside = (entry for entry in os.scandir(instance.path.parent) if entry.is_file())
    for entry in itertools.islice(beside, SIBLINGS):
        if entry.name == instance.path.name:
            continue
        with suppress(MLArrayError, OSError):
            if read_instance(Path(entry.path)).text("SeriesInstanceUID") == series:
                context.warn("it is one slice of a series of several files: give their folder for the volume")
                return


def _demand_image(instance: Instance) -> None:
    """Refuse a file without an image, or whose image is cut short."""
    from pydicom.uid import UID

    kind = UID(instance.text("SOPClassUID"))
    if kind == DIRECTORY:
        raise UnsupportedError("a DICOMDIR, which only lists other files", path=instance.path)
    if instance.pixels is None:
        name = kind.name.removesuffix(" Storage")
        hint = _HINT if name in _PLANS else None
        # Type 1 of the Image Pixel module (C.7.6.3): raw data and spectra have Rows and Columns at most
        described = all(has(instance.dataset, key) for key in ("BitsAllocated", "PhotometricInterpretation"))
        if described and _stores_images(name):
            raise CorruptError(f"its pixel data are missing ({name})", path=instance.path)
        raise UnsupportedError(f"no image in it: {name}", path=instance.path, hint=hint)
    layout_of(instance)


def _stores_images(name: str) -> bool:
    """Say whether objects of a class have pixels, by its name; one that isn't known may."""
    return "Image" in name or name.startswith(
        ("RT Dose", "Segmentation", "Label Map", "Parametric Map", "1.")
    )


_PLANS = frozenset({"RT Plan", "RT Ion Plan"})
_HINT = "Contours are in the structure set that it refers to, doses in RT Dose objects"


def _listed(path: Path) -> Iterator[Path]:
    """Yield the files that a DICOMDIR lists, as far as they are there and below its folder (PS3.10, 8.6)."""
    folder = path.parent.resolve()
    for record in read_instance(path).items("DirectoryRecordSequence"):
        parts = texts_of(record, "ReferencedFileID")
        if not parts:
            continue
        target = folder.joinpath(*parts)
        for candidate in (target, target.with_name(target.name.lower())):
            if candidate.is_file() and candidate.resolve().is_relative_to(folder):
                yield path.parent / candidate.relative_to(folder)
                break
