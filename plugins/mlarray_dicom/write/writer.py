"""Writes an image as the DICOM object that has a place for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Additions
from mlarray_core.errors import OptionError, UnsupportedError
from mlarray_dicom.elements import text_of
from mlarray_dicom.write.boxes import write_boxes
from mlarray_dicom.write.frames import axes_of
from mlarray_dicom.write.losses import tell_losses
from mlarray_dicom.write.multiframe import ENHANCED, Volume, write_capture, write_enhanced, write_map
from mlarray_dicom.write.place import place_of
from mlarray_dicom.write.segments import write_segmentation, write_slide_segmentation
from mlarray_dicom.write.slices import CLASSES, write_slices
from mlarray_dicom.write.slide import is_slide, write_slide
from mlarray_dicom.write.stored import Stored, exactly_stored, rounded
from mlarray_dicom.write.structures import write_structures
from mlarray_dicom.write.study import Series, origin_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.write.frames import Axes
    from mlarray_dicom.write.place import Place
    from mlarray_dicom.write.study import Origin
    from mlarray_io import Context, Reader

FOLDER = ".dcms"
"""Suffix of a folder with one file for each slice."""
_SEGMENTS = frozenset({"segment", "channel", "non_spatial"})
"""Axes along which each place may be a mask of its own."""
_PLACED = frozenset({"seg", "contours", "boxes"})
"""Kinds of objects that aren't images, and lie in a patient."""


def write_dicom(reader: Reader, target: Path, options: DicomOptions, context: Context) -> None:
    """Write an image.

    Parameters
    ----------
    reader
        The image.
    target
        A file, or a folder of slices when the name ends in ``.dcms``.
    options
        What kind of object, and of what.
    context
        Where to report what it can't hold.

    Raises
    ------
    UnsupportedError
        No object has a place for it.
    OptionError
        An option doesn't apply to it.
    """
    axes = axes_of(reader, target)
    origin = origin_of(reader.meta, options, target, context)
    folder = target.name.lower().endswith(FOLDER)
    kind = options.kind if options.kind != "auto" else _kind(reader, axes, folder=folder)
    if folder and kind not in ("image", "secondary"):
        raise OptionError(
            f"kind={kind} is one file, not a folder of slices",
            path=target,
            field="kind",
            hint="End the name in .dcm, or write slices of its values with -o kind=image",
        )
    if kind == "slide" or (kind == "auto" and is_slide(origin) and axes.slices is None):
        write_slide(reader, axes, Series(origin, "SM"), target, options, context)
        tell_losses(reader, context, kind=kind, from_dicom=bool(origin.headers))
        return
    if kind == "seg" and axes.slices is None and is_slide(origin):
        _check_axis(reader, axes, kind, target)
        write_slide_segmentation(reader, axes, Series(origin, "SEG"), target, options, context)
        tell_losses(reader, context, kind=kind, from_dicom=bool(origin.headers))
        return
    place = place_of(reader, target, context)
    if kind in _PLACED:
        if place is None:
            raise UnsupportedError(
                "segmentations, contours and boxes need a place in the patient",
                path=target,
                hint="Give it three spatial axes; labels of a slide need the slide: -o template=SLIDE.dcm",
            )
        _check_axis(reader, axes, kind, target)
        if kind == "seg":
            write_segmentation(reader, axes, place, Series(origin, "SEG"), target, options, context)
        elif kind == "boxes":
            write_boxes(reader, place, Series(origin, "SR"), target, context)
        else:
            write_structures(reader, axes, place, Series(origin, "RTSTRUCT"), target, context)
    else:
        _write_image(reader, axes, place, origin, kind, target, options, context)
    tell_losses(reader, context, kind=kind, from_dicom=bool(origin.headers))


def _check_axis(reader: Reader, axes: Axes, kind: str, target: Path) -> None:
    """Refuse segments and contours of an axis whose places aren't segments, such as times.

    Raises
    ------
    UnsupportedError
        There is such an axis.
    """
    label = "" if axes.repeat is None else reader.labels[axes.repeat]
    if kind != "boxes" and label and label not in _SEGMENTS:
        what = "a segmentation" if kind == "seg" else "a structure set"
        raise UnsupportedError(
            f"{what} has one volume, the labels have an axis {label}",
            path=target,
            hint="Write each place of it on its own (image[0], ...), or .nii.gz or .mla, which keep it; "
            "-o kind=secondary writes the numbers of the labels as an image",
        )


def _kind(reader: Reader, axes: Axes, *, folder: bool) -> str:
    """Return what an image becomes when the user leaves it open."""
    segments = axes.repeat is not None and reader.labels[axes.repeat] == "segment"
    if reader.meta.is_seg.value or reader.dtype.kind == "b" or segments:
        return "seg"
    return "image" if folder else "auto"


def modality_of(reader: Reader, origin: Origin, options: DicomOptions) -> str:
    """Return the modality: the user's, that of the header, that of the metadata, else OT.

    Parameters
    ----------
    reader
        The image.
    origin
        What it is derived from.
    options
        May say it.
    """
    if options.modality is not None:
        return options.modality.upper()
    named = (
        text_of(origin.first, "Modality"),
        Additions.of(reader.meta).bids.get("Modality"),
        reader.meta.source.get("modality"),
        reader.meta.extra.get("modality"),
    )
    found = next((str(name).upper() for name in named if name), "OT")
    return {"PET": "PT", "SEG": "OT", "RTSTRUCT": "OT", "RTDOSE": "OT"}.get(found, found)[:16]


def _write_image(
    reader: Reader,
    axes: Axes,
    place: Place | None,
    origin: Origin,
    kind: str,
    target: Path,
    options: DicomOptions,
    context: Context,
) -> None:
    """Write slices, an enhanced object, a parametric map or a secondary capture."""
    modality = modality_of(reader, origin, options)
    folder = target.name.lower().endswith(FOLDER)
    single = axes.counts(reader.shape) == (1, 1)
    placed, coloured = place is not None, axes.components is not None
    if coloured and reader.dtype != np.uint8:
        raise UnsupportedError(
            f"colours in DICOM are uint8, the image is {reader.dtype}",
            path=target,
            hint="Convert the values first, or write .ome.tif or .mla",
        )
    stored = exactly_stored(reader, axes, context) if kind != "map" else None
    if kind == "auto":
        kind = _class_for(modality, stored, placed=placed, single=single, coloured=coloured)
    if kind == "map":
        if place is None or coloured:
            raise UnsupportedError(
                "a parametric map needs a place in the patient and one value for each voxel",
                path=target,
                hint="Give it three spatial axes, or take -o kind=secondary",
            )
        stored = _of_a_map(reader, axes, target, context)
    elif stored is None:
        stored = rounded(reader, axes, target, context)
    if kind == "secondary" and modality in CLASSES:
        modality = "OT"
    if kind == "image" and modality in ("CT", "PT") and not coloured:
        stored = stored.at_least(2)
    volume = Volume(reader, axes, place, stored, Series(origin, modality), options, context)
    if kind == "map":
        write_map(volume, target)
    elif folder or single:
        write_slices(volume, target if folder else None, target)
    elif kind == "image" and modality in ENHANCED and placed and not coloured:
        write_enhanced(volume, target)
    else:
        _write_capture(volume, target)


def _class_for(modality: str, stored: Stored | None, *, placed: bool, single: bool, coloured: bool) -> str:
    """Return image, secondary or map, whichever holds the voxels as they are."""
    if coloured:
        return "secondary"
    if placed and stored is None:
        return "map"
    if modality in ENHANCED or (modality in CLASSES and single):
        return "image"
    plain = stored is not None and stored.dtype.kind == "u" and (stored.slope, stored.intercept) == (1, 0)
    return "secondary" if plain or single or not placed else "map"


def _of_a_map(reader: Reader, axes: Axes, target: Path, context: Context) -> Stored:
    """Return how a parametric map stores voxels: real ones as they are, integers from 0."""
    dtype = reader.dtype.newbyteorder("=")
    if dtype.kind == "f":
        kind = np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)
        return Stored(kind, 8 * kind.itemsize)
    stored = exactly_stored(reader, axes, context)
    if stored is not None:
        if stored.dtype.kind == "i":
            low = -(2 ** (stored.bits - 1))
            unsigned = np.dtype(f"u{stored.dtype.itemsize}")
            return Stored(unsigned, stored.bits, stored.slope, stored.intercept + low * stored.slope)
        return stored
    if dtype.kind in "iu" and dtype.itemsize <= 4:
        context.loss(f"the type {dtype}", "a parametric map holds it as float64")
        return Stored(np.dtype(np.float64), 64)
    raise UnsupportedError(
        f"DICOM has no voxels of type {dtype}",
        path=target,
        hint="Convert them to float64 or to 16 bits, or write .nii or .mla",
    )


def _write_capture(volume: Volume, target: Path) -> None:
    """Write a multi-frame secondary capture, which holds unsigned integers only."""
    stored = volume.stored
    if stored.dtype.kind != "u" or (stored.slope, stored.intercept) != (1, 0):
        raise UnsupportedError(
            "a multi-frame secondary capture holds unsigned integers only",
            path=target,
            hint="Write a folder of slices (NAME.dcms), or a parametric map (-o kind=map)",
        )
    write_capture(volume, target)
