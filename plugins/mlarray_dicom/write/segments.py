"""Label maps, masks and fractions as a DICOM segmentation, by highdicom (PS3.3, A.51, A.88)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Label
from mlarray_core.errors import MissingDependencyError, OptionError, UnsupportedError
from mlarray_dicom.parsing import quiet
from mlarray_dicom.write.described import described
from mlarray_dicom.write.frames import frames
from mlarray_dicom.write.items import code_item, item, refer_to, source_item
from mlarray_dicom.write.pixel_file import SYNTAXES
from mlarray_dicom.write.place import position_key
from mlarray_dicom.write.study import KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.write.frames import Array, Axes
    from mlarray_dicom.write.place import Place
    from mlarray_dicom.write.study import Series
    from mlarray_io import Context, Reader

_CT = "1.2.840.10008.5.1.4.1.1.2"
LARGEST_LABEL = 2**16 - 1
"""Segment numbers are unsigned and have 16 bits."""
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
        The labels are more than 65535, or below 0.
    """
    require_highdicom(target)
    import highdicom

    context.allow(reader.nbytes, target)
    voxels = _Segments(reader, axes, options, target, context)
    if options.compression in _NOT_FOR[voxels.kind]:
        raise OptionError(
            f"a {voxels.kind} segmentation can't be compressed by {options.compression}",
            path=target,
            field="compression",
            hint="Take jpeg2000, or another -o segmentation",
        )
    volume = highdicom.Volume(
        voxels.array, place.affine, "PATIENT", frame_of_reference_uid=series.frame, channels=voxels.channels
    )
    with quiet():
        made = highdicom.seg.Segmentation(
            [_stand_in(series, place, voxels.array.shape)],
            volume,
            voxels.kind,
            [described(label, number) for number, label in voxels.labels],
            **series.for_highdicom(),
            transfer_syntax_uid=SYNTAXES[options.compression],
            max_fractional_value=voxels.steps,
            content_label="SEGMENTATION",
            omit_empty_frames=voxels.sparse,
        )
        _complete(made, series, voxels.algorithms)
        voxels.clear_marks(made, [place.position(number) for number in voxels.marked])
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


class _Segments:
    """The voxels as highdicom takes them, and what its segments are.

    Attributes
    ----------
    kind
        BINARY, FRACTIONAL or LABELMAP.
    array
        Segment numbers (slices, rows, columns), or masks or fractions with a last axis of segments.
    labels
        Number of each segment and what it is.
    steps
        Maximum Fractional Value.
    channels
        Segment numbers of the last axis; None when there is none.
    algorithms
        What made a segment, by number, where the source says it.
    sparse
        Whether frames without a voxel are left out.
    marked
        Empty slices at the ends that got a mark, so that they are in the file and the grid comes back whole.
    """

    def __init__(
        self, reader: Reader, axes: Axes, options: DicomOptions, target: Path, context: Context
    ) -> None:
        additions = Additions.of(reader.meta)
        self.steps = 255
        self.channels: dict[str, list[int]] | None = None
        self._table = {label.value: label for label in additions.labels}
        self.algorithms = {
            number: str(one["algorithm"])
            for one in additions.channels
            if isinstance(number := one.get("number"), int) and one.get("algorithm")
        }
        planes = list(frames(reader, axes, context))
        self.array: Array = np.stack(planes).reshape(*axes.counts(reader.shape), *planes[0].shape)
        if axes.repeat is None and reader.dtype.kind != "f":
            self._label_map(options, target, context)
        else:
            self._layers(additions, axes, options, target, context)
        self.sparse = self.kind != "LABELMAP" and options.compression == "none" and bool(self.array.any())
        self.marked: list[int] = []
        if self.sparse:
            self._mark_ends()

    def _mark_ends(self) -> None:
        for number in {0, len(self.array) - 1}:
            if not self.array[number].any():
                self.array[number].flat[0] = 1
                self.marked.append(number)

    def clear_marks(self, made: Dataset, positions: list[list[str]]) -> None:
        """Take the marks out of the object again: their frames stay, and are empty.

        Parameters
        ----------
        made
            The object.
        positions
            Of the slices that were marked.
        """
        if not positions:
            return
        keys = {position_key(item(ImagePositionPatient=position)) for position in positions}
        size = int(made.Rows) * int(made.Columns) * int(made.BitsAllocated)  # bits of a frame
        data = np.frombuffer(made.PixelData, np.uint8).copy()
        for index, group in enumerate(made.PerFrameFunctionalGroupsSequence):
            if position_key(group.PlanePositionSequence[0]) in keys:
                first, last = index * size, (index + 1) * size
                part = data[first // 8 : -(-last // 8)]
                bits = np.unpackbits(part, bitorder="little")
                bits[first % 8 : first % 8 + size] = 0
                part[:] = np.packbits(bits, bitorder="little")
        made.PixelData = data.tobytes()

    def _label_map(self, options: DicomOptions, target: Path, context: Context) -> None:
        """Take labels: numbers of segments as they are, or counted anew."""
        self.array = self.array[0]
        values = [int(value) for value in np.unique(self.array) if value]
        if values and not 0 < min(values) <= max(values) <= LARGEST_LABEL:
            raise UnsupportedError(
                f"segments are numbered 1 to {LARGEST_LABEL}, the labels {min(values)} to {max(values)}",
                path=target,
            )
        values = sorted({*values, *(value for value in self._table if 0 < value <= LARGEST_LABEL)})
        if not values:
            values = [1]
        counted = values == list(range(1, len(values) + 1))
        self.kind = options.segmentation.upper()
        if self.kind == "AUTO":
            self.kind = "BINARY" if counted else "LABELMAP"
        if self.kind == "LABELMAP":
            self.array = self.array.astype(np.min_scalar_type(max(values)))
        else:
            if not counted:
                context.loss(
                    "the values of the labels",
                    f"{self.kind} segments are counted from 1; LABELMAP keeps them",
                )
            self.array = np.searchsorted([0, *values], self.array).astype(np.min_scalar_type(len(values)))
        numbers = values if self.kind == "LABELMAP" else range(1, len(values) + 1)
        self.labels = [
            (number, self._table.get(value) or Label(value, f"label {value}"))
            for number, value in zip(numbers, values, strict=True)
        ]

    def _layers(
        self, additions: Additions, axes: Axes, options: DicomOptions, target: Path, context: Context
    ) -> None:
        """Take one layer for each segment: masks, which may overlap, or fractions."""
        layers = np.moveaxis(self.array, 0, -1)
        fractional = layers.dtype.kind == "f" or (layers.dtype.kind in "iu" and int(layers.max()) > 1)
        rescale = additions.rescale
        if layers.dtype.kind in "iu" and rescale is not None and not rescale.applied:
            self.steps = max(1, min(255, round(1 / rescale.slope))) if rescale.slope > 0 else 255
            layers, fractional = layers * np.float32(1 / self.steps), True
        if fractional and not (float(layers.min()) >= 0 and float(layers.max()) <= 1):
            raise UnsupportedError(
                f"fractions go from 0 to 1, the voxels from {layers.min()} to {layers.max()}",
                path=target,
                hint="Scale them first, or write a parametric map: -o kind=map",
            )
        wanted = options.segmentation.upper()
        self.kind = ("FRACTIONAL" if fractional else "BINARY") if wanted == "AUTO" else wanted
        if self.kind == "LABELMAP" or (fractional and self.kind == "BINARY" and not _is_mask(layers)):
            raise OptionError(
                f"segmentation={self.kind.lower()}: it has {'fractions' if fractional else 'layers'}",
                path=target,
                hint="Take fractional for fractions, and binary for masks that overlap",
            )
        if self.kind == "FRACTIONAL":
            self._tell_rounding(layers, context)
        self.array = layers.astype(np.float32 if self.kind == "FRACTIONAL" else np.uint8)
        count = layers.shape[-1]
        numbers = self._numbers(additions, axes, count)
        names = [channel.name for channel in additions.channels]
        names = names if len(names) == count else []
        self.labels = [
            (place + 1, self._table.get(value) or Label(value, (names or [""] * count)[place]))
            for place, value in enumerate(numbers)
        ]
        self.channels = {"SegmentNumber": list(range(1, count + 1))}

    def _numbers(self, additions: Additions, axes: Axes, count: int) -> list[int]:
        """Return the label of each layer: what the axis says, else the table, else they are counted."""
        known = None if axes.repeat is None else additions.axes.get(axes.repeat)
        values = list(known.values or []) if known is not None else []
        numbers = [int(value) for value in values if type(value) in (int, float) and value == int(value)]
        if len(numbers) == count:
            return numbers
        return sorted(self._table) if len(self._table) == count else list(range(1, count + 1))

    def _tell_rounding(self, layers: Array, context: Context) -> None:
        """Report fractions that are no whole number of steps."""
        counted = layers * self.steps
        if np.abs(counted - np.rint(counted)).max(initial=0) > 1e-3:
            context.loss("digits of the fractions", f"they are stored in {self.steps} steps")


def _is_mask(layers: Array) -> bool:
    return bool(np.isin(layers, (0, 1)).all())


def _stand_in(series: Series, place: Place, shape: tuple[int, ...]) -> Dataset:
    """Return an image as highdicom takes patient, study and frame of reference from; it isn't referred to."""
    made = series.dataset(_CT, 1, SYNTAXES["none"])
    made.Rows, made.Columns, made.Modality = shape[1], shape[2], "CT"
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = series.frame, None
    made.ImagePositionPatient, made.ImageOrientationPatient = place.position(0), place.orientation
    made.PixelSpacing, made.SliceThickness = place.spacing, place.step
    return made


def _complete(made: Dataset, series: Series, algorithms: Mapping[int, str]) -> None:
    """Refer to the images that lie where the segments do, instead of the stand-in, and copy the study."""
    first = series.origin.first
    for segment in made.SegmentSequence:
        name = algorithms.get(int(segment.SegmentNumber), "unknown")
        segment.SegmentAlgorithmType, segment.SegmentAlgorithmName = "AUTOMATIC", name[:64]
    for keyword in KEPT:
        if keyword in first:
            made[keyword] = first[keyword]
    for keyword in ("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"):
        if keyword in made:
            delattr(made, keyword)
    images = {position_key(one): one for one in series.origin.headers if "SegmentationType" not in one}
    used: dict[str, Any] = {}
    for group in (*made.SharedFunctionalGroupsSequence, *made.PerFrameFunctionalGroupsSequence):
        if "DerivationImageSequence" in group:
            del group.DerivationImageSequence
        places = group.get("PlanePositionSequence")
        image = images.get(position_key(places[0])) if places else None
        if image is not None:
            used[str(image.SOPInstanceUID)] = image
            group.DerivationImageSequence = [
                item(
                    DerivationCodeSequence=[code_item("DCM", "113076", "Segmentation")],
                    SourceImageSequence=[source_item(image)],
                )
            ]
    refer_to(made, used.values())
