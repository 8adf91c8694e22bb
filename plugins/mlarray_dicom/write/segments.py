"""Label maps, masks and fractions as a DICOM segmentation, by highdicom (PS3.3, A.51, A.88)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MissingDependencyError, OptionError, UnsupportedError
from mlarray_dicom.parsing import quiet
from mlarray_dicom.write.described import described
from mlarray_dicom.write.items import code_item, item, refer_to, source_item
from mlarray_dicom.write.patient import keep
from mlarray_dicom.write.pixel_file import SYNTAXES
from mlarray_dicom.write.place import position_key
from mlarray_dicom.write.segment_voxels import Segments
from mlarray_dicom.write.slide import TILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.write.frames import Axes
    from mlarray_dicom.write.place import Place
    from mlarray_dicom.write.study import Series
    from mlarray_io import Context, Reader

_CT = "1.2.840.10008.5.1.4.1.1.2"
_NOT_FOR = {"BINARY": ("rle", "jpegls"), "FRACTIONAL": (), "LABELMAP": ()}
"""Compressions that don't apply to a kind of segmentation: frames of single bits (PS3.5, 8.2)."""


def write_segmentation(
    reader: Reader,
    axes: Axes,
    place: Place,
    series: Series,
    target: Path,
    options: DicomOptions,
    context: Context,
) -> None:
    """Write a segmentation.

    Parameters
    ----------
    reader, axes, place
        Labels, or an axis of masks or fractions, one for each segment.
    series
        What the object belongs to.
    target
        The file.
    options
        Kind and compression.
    context
        Where to report what can't be held.

    Raises
    ------
    MissingDependencyError
        highdicom isn't installed.
    OptionError
        The kind or the compression doesn't apply.
    UnsupportedError
        The labels are more than 65535, or below 0; or slices are too close together.
    """
    voxels = _voxels(reader, axes, target, options, context)
    import highdicom

    volume = highdicom.Volume(
        voxels.array, place.affine, "PATIENT", frame_of_reference_uid=series.frame, channels=voxels.channels
    )
    with quiet():
        made = _segmentation(
            _stand_in(series, place, voxels.array.shape), volume, voxels, series, options.compression
        )
        _check_places(made, voxels, target)
        _complete(made, series, place, voxels.algorithms)
        voxels.clear_marks(made, place)
        made.save_as(target)


def _voxels(reader: Reader, axes: Axes, target: Path, options: DicomOptions, context: Context) -> Segments:
    """Return the voxels, which highdicom takes whole."""
    require_highdicom(target)
    context.allow(reader.nbytes, target)
    voxels = Segments(reader, axes, options, target, context)
    if options.compression in _NOT_FOR[voxels.kind]:
        raise OptionError(
            f"a {voxels.kind} segmentation can't be compressed by {options.compression}",
            path=target,
            field="compression",
            hint="Take jpeg2000, or another -o segmentation",
        )
    return voxels


def _segmentation(
    about: Dataset, pixels: Any, voxels: Segments, series: Series, compression: str, **tiles: Any
) -> Any:
    """Return highdicom's object of segments.

    Parameters
    ----------
    about
        The image that they are of.
    pixels
        Their voxels, as highdicom takes them.
    voxels
        What they mean.
    series
        What the object belongs to.
    compression
        Of the pixels.
    **tiles
        How highdicom cuts a slide.
    """
    import highdicom

    return highdicom.seg.Segmentation(
        [about],
        pixels,
        voxels.kind,
        [described(label, number) for number, label in voxels.labels],
        **series.for_highdicom(),
        transfer_syntax_uid=SYNTAXES[compression],
        max_fractional_value=voxels.steps,
        content_label="SEGMENTATION",
        omit_empty_frames=voxels.sparse,
        **tiles,
    )


def write_slide_segmentation(
    reader: Reader, axes: Axes, series: Series, target: Path, options: DicomOptions, context: Context
) -> None:
    """Write a segmentation of a whole slide, in tiles, about the slide that it belongs to.

    Parameters
    ----------
    reader, axes
        A plane of labels, or an axis of masks or fractions.
    series
        What the object belongs to: the slide is among its origin's files.
    target
        The file.
    options
        Kind and compression.
    context
        Where to report what can't be held.

    Raises
    ------
    MissingDependencyError
        highdicom isn't installed.
    OptionError
        The kind or the compression doesn't apply.
    UnsupportedError
        No file of the slide has as many rows and columns as the labels.
    """
    plane = (reader.shape[axes.rows], reader.shape[axes.columns])
    sizes = {
        tuple(int(one.get(f"TotalPixelMatrix{name}") or 0) for name in ("Rows", "Columns")): one
        for one in series.origin.headers
    }
    if plane not in sizes:
        known = ", ".join(f"{rows} x {columns}" for rows, columns in sizes)
        raise UnsupportedError(
            f"the labels have {plane[0]} x {plane[1]} pixels, the slide {known}",
            path=target,
            hint="Name the resolution that they were drawn on: -o template=FILE",
        )
    voxels = _voxels(reader, axes, target, options, context)
    with quiet():
        made = _segmentation(
            sizes[plane], voxels.array, voxels, series, options.compression,
            tile_pixel_array=True, tile_size=(TILE, TILE),
        )  # fmt: skip
        # empty, as the slide's own orientation counts; older checkers ask for it (PS3.3 C.7.6.1, type 2C)
        made.PatientOrientation = None
        _say_algorithms(made, voxels.algorithms)
        made.save_as(target)


def require_highdicom(target: Path) -> None:
    """Demand highdicom.

    Raises
    ------
    MissingDependencyError
        It isn't installed.
    """
    from importlib.util import find_spec

    if find_spec("highdicom") is None:
        raise MissingDependencyError(
            "writing segmentations and reports needs highdicom, which isn't installed",
            path=target,
            hint="Install it with: pip install 'mlarray[dicom-write]'",
        )


def _stand_in(series: Series, place: Place, shape: tuple[int, ...]) -> Dataset:
    """Return an image as highdicom takes patient, study and frame of reference from; it isn't referred to."""
    made = series.dataset(_CT, 1, SYNTAXES["none"])
    made.Rows, made.Columns, made.Modality = shape[1], shape[2], "CT"
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = series.frame, None
    made.ImagePositionPatient, made.ImageOrientationPatient = place.position(0), place.orientation
    made.PixelSpacing, made.SliceThickness = place.spacing, place.step
    return made


def _check_places(made: Dataset, voxels: Segments, target: Path) -> None:
    """Refuse slices that highdicom took for one, as it does those of less than some 0.2 micrometres.

    Raises
    ------
    UnsupportedError
        It did.
    """
    found = {
        tuple(group.PlanePositionSequence[0].ImagePositionPatient)
        for group in made.PerFrameFunctionalGroupsSequence
    }
    wanted = sum(bool(plane.any()) for plane in voxels.array) if voxels.sparse else len(voxels.array)
    if len(found) < wanted:
        raise UnsupportedError(
            f"its {wanted} slices are too close together: highdicom writes {len(found)} position(s)",
            path=target,
            hint="Other formats hold them, such as .nrrd",
        )


def _complete(made: Dataset, series: Series, place: Place, algorithms: Mapping[int, str]) -> None:
    """Refer to the images that lie where the segments do, instead of the stand-in, and copy the study."""
    first = series.origin.first
    _say_algorithms(made, algorithms)
    keep(first, made)
    for keyword in ("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"):
        if keyword in made:
            delattr(made, keyword)
    images = {position_key(one, place): one for one in series.origin.headers if "SegmentationType" not in one}
    used: dict[str, Any] = {}
    for group in (*made.SharedFunctionalGroupsSequence, *made.PerFrameFunctionalGroupsSequence):
        if "DerivationImageSequence" in group:
            del group.DerivationImageSequence
        places = group.get("PlanePositionSequence")
        image = images.get(position_key(places[0], place)) if places else None
        if image is not None:
            used[str(image.SOPInstanceUID)] = image
            group.DerivationImageSequence = [
                item(
                    DerivationCodeSequence=[code_item("DCM", "113076", "Segmentation")],
                    SourceImageSequence=[source_item(image)],
                )
            ]
    refer_to(made, used.values())


def _say_algorithms(made: Dataset, algorithms: Mapping[int, str]) -> None:
    for segment in made.SegmentSequence:
        name = algorithms.get(int(segment.SegmentNumber), "unknown")
        segment.SegmentAlgorithmType, segment.SegmentAlgorithmName = "AUTOMATIC", name[:64]
