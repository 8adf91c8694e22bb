"""Opens one image: its whole header, and a reader of its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core import Additions, Channel, Meta, Rescale, geometry
from mlarray_core.errors import SelectionError
from mlarray_dicom.contours.reader import Drawn, open_structures
from mlarray_dicom.elements import parts_of, text_of, value_of
from mlarray_dicom.header.bids import Sidecar, frame_number
from mlarray_dicom.header.labels import labels_of
from mlarray_dicom.header.source import read_header
from mlarray_dicom.header.timing import volume_times
from mlarray_dicom.listing import Found, list_images
from mlarray_dicom.parsing import quiet
from mlarray_dicom.pixels.planes import Planes
from mlarray_dicom.pixels.values import Values
from mlarray_dicom.readers import LabelReader, SlideReader, StackReader, tiles_at_one_place
from mlarray_dicom.syntaxes import VIDEO
from mlarray_dicom.volumes import segmentation
from mlarray_dicom.volumes.stack import ABSENT

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from mlarray_core import MetaSpatial
    from mlarray_dicom.header.source import Header
    from mlarray_dicom.options import DicomOptions
    from mlarray_dicom.volumes.arrangement import Arrangement
    from mlarray_dicom.volumes.group import Group
    from mlarray_io import Context, ImageRef, Reader


def open_image(path: Path, image: ImageRef, options: DicomOptions, context: Context) -> Reader:
    """Open an image of a file or folder.

    Parameters
    ----------
    path
        The file or folder.
    image
        The image, as it was listed.
    options
        What the user wants.
    context
        Told of what the user should know.

    Raises
    ------
    MLArrayError
        Why its frames make no array.
    """
    with quiet():
        known = isinstance(image.payload, Found | Drawn)
        found = image.payload if known else _find(path, image, options, context)
        if isinstance(found, Drawn):
            return open_structures(found, options, context)
        if found.problem is not None or found.arrangement is None:
            raise found.problem or SelectionError("no such image", path=path)
        return _Opening(found.group, found.arrangement, options, context).reader(path)


def _find(path: Path, image: ImageRef, options: DicomOptions, context: Context) -> Found | Drawn:
    """Find an image that was listed by someone else."""
    for one in list_images(path, options, context):
        if one.key == image.key and isinstance(one.payload, Found | Drawn):
            return one.payload
    raise SelectionError(f"holds no image {image.key!r}", path=path)


class _Opening:
    """An image that is being opened.

    Parameters
    ----------
    group, arrangement
        The image, and the array that it becomes.
    options, context
        What the user wants, and where to tell what he should know.
    """

    def __init__(
        self, group: Group, arrangement: Arrangement, options: DicomOptions, context: Context
    ) -> None:
        self._group, self._arrangement = group, arrangement
        self._options, self._context = options, context
        self._segmented = segmentation.is_segmentation(group.first)
        self._values = Values(group, options, context)

    def reader(self, path: Path) -> Reader:
        """Return a reader of the image; its headers are read, its voxels are not."""
        self._allow(path)
        files = self._files()
        header = read_header([self._group.instances[file] for file in files], self._context)
        planes = Planes(self._group, self._values, self._context)
        try:
            return self._reader(header, files, planes)
        except BaseException:
            planes.close()
            raise

    def _allow(self, path: Path) -> None:
        count = 1
        for size in self._arrangement.shape:
            count *= size
        self._context.allow(count * max(self._values.components, 1) * self._values.dtype.itemsize, path)

    def _files(self) -> list[int]:
        """Return the files in the order in which the array shows them first."""
        frames = self._group.frames
        if self._arrangement.tiling is not None:
            return list(dict.fromkeys(frame.file for frame in frames))
        indices = (int(index) for index in self._arrangement.order.ravel() if index != ABSENT)
        return list(dict.fromkeys(frames[index].file for index in indices))

    def _order(self, files: list[int]) -> list[list[int]] | None:
        """Return file and frame of each place of the array, None when each file is one slice."""
        arrangement, frames = self._arrangement, self._group.frames
        if arrangement.tiling is not None or len(files) == arrangement.order.size:
            return None
        place = {file: index for index, file in enumerate(files)}
        found = [None if index == ABSENT else frames[int(index)] for index in arrangement.order.ravel()]
        return [[-1, -1] if frame is None else [place[frame.file], frame.number] for frame in found]

    def _reader(self, header: Header, files: list[int], planes: Planes) -> Reader:
        arrangement, values, first = self._arrangement, self._values, self._group.first
        source = header.source(len(self._group.frames), self._order(files))
        as_labels = self._as_labels(planes)
        if as_labels:
            arrangement.labels, arrangement.axes = arrangement.labels[1:], {}
        meta = self._meta(header, source)
        self._tell()
        if arrangement.tiling is not None:
            fill = 0 if self._segmented else values.fill(self._group.frames[0], first)
            return SlideReader(planes, arrangement, values, meta, fill, as_labels=as_labels)
        if as_labels:
            return LabelReader(planes, arrangement, meta)
        empty = self._segmented or ABSENT not in arrangement.order
        fill = 0 if empty else values.fill(self._group.frames[0], first)
        return StackReader(planes, arrangement, values, meta, fill)

    def _as_labels(self, planes: Planes) -> bool:
        """Say whether segments become one label map: unless they overlap, if nothing else is asked for."""
        arrangement, first = self._arrangement, self._group.first
        if arrangement.labels[0] != "segment":
            return False
        if self._options.segments != "auto" or arrangement.order.ndim > (1 if arrangement.tiling else 2):
            return self._options.segments == "labels"
        if segmentation.kind_of(first) != "BINARY":
            return False
        said = first.text("SegmentsOverlap").upper()
        if said in ("YES", "NO"):
            return said == "NO"
        if arrangement.tiling is not None:
            return not planes.overlap(tiles_at_one_place(arrangement.tiling))
        sheets = ([int(index) for index in column if index != ABSENT] for column in arrangement.order.T)
        return not planes.overlap(sheets)

    def _tell(self) -> None:
        """Say what the user wouldn't expect of the voxels or the metadata."""
        context, group = self._context, self._group
        for note in (*self._arrangement.notes, *self._values.notes):
            context.warn(note)
        if group.layout.photometric == "MONOCHROME1":
            context.warn("MONOCHROME1: low values are bright; -o monochrome1=invert inverts them")
        if self._values.varying:
            context.warn("slope and intercept differ from slice to slice; both are in the header")
        if group.first.get("DoseGridScaling") is not None and not context.raw:
            units = {"GY": "Gy"}.get(group.first.text("DoseUnits").upper(), "relative units")
            context.warn(f"the voxels are doses in {units}: stored values times DoseGridScaling")

    def _meta(self, header: Header, source: dict[str, object]) -> Meta:
        arrangement, first = self._arrangement, self._group.first
        if header.first is not None:
            self._time_volumes(header.first)
        meta = Meta(source=source, spatial=self._spatial(), is_seg=True if self._segmented else None)
        additions = Additions(
            rescale=self._values.rescale,
            axes={index: axis.described() for index, axis in arrangement.axes.items()},
        )
        if header.first is not None:
            sidecar = Sidecar(header.first, self._group, arrangement)
            additions.bids, additions.lossy = sidecar.fields, _lossy(header.first, first.syntax)
            arrangement.notes += sidecar.notes
        if self._segmented:
            additions.channels = [Channel(one) for one in segmentation.descriptions(first)]
            self._describe_segments(additions)
        additions.store(meta)
        return meta

    def _describe_segments(self, additions: Additions) -> None:
        """Add what the values of a segmentation, or the places along its axis of segments, mean."""
        first = self._group.first
        apart = self._arrangement.labels[0] == "segment"
        fractional = segmentation.kind_of(first) == "FRACTIONAL"
        if fractional:
            slope = segmentation.fraction(first)
            additions.rescale = Rescale(slope, 0.0, self._values.dtype.name, applied=False)
        if apart or not fractional:
            single = segmentation.kind_of(first) == "BINARY" and len(segmentation.described(first)) == 1
            additions.labels = labels_of(first, masks=single and not apart)

    def _time_volumes(self, dataset: Dataset) -> None:
        """Give numbered volumes the times that the repetition time makes, where it does."""
        axis = self._arrangement.axes.get(0)
        if axis is not None:
            repetition = frame_number(dataset, "RepetitionTime", self._group, self._arrangement)
            self._arrangement.axes[0] = volume_times(dataset, axis, repetition)

    def _spatial(self) -> MetaSpatial:
        arrangement = self._arrangement
        labels = [*arrangement.labels, *(["components"] if self._values.components else [])]
        units = [self._unit(index, label) for index, label in enumerate(labels)]
        if arrangement.affine is not None:
            return geometry.spatial_meta(
                arrangement.affine, axis_labels=labels, axis_units=units, coord_system="LPS"
            )
        return geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=arrangement.spacing)

    def _unit(self, index: int, label: str) -> str:
        arrangement = self._arrangement
        if label.startswith("spatial"):
            return "mm" if arrangement.affine is not None or arrangement.spacing is not None else ""
        axis = arrangement.axes.get(index)
        return "" if axis is None else axis.unit


def _lossy(dataset: Dataset, syntax: str) -> dict[str, object]:
    """Return what the header says about lossy compression (PS3.3, C.7.6.1.1.5), which all films are."""
    if text_of(dataset, "LossyImageCompression") != "01":
        return {"compressed": True, "method": [VIDEO[syntax]]} if syntax in VIDEO else {}
    found: dict[str, object] = {"compressed": True}
    for name, keyword in (("ratio", "LossyImageCompressionRatio"), ("method", "LossyImageCompressionMethod")):
        value = value_of(dataset, keyword)
        if value is not None:
            found[name] = [str(one) if isinstance(one, str) else float(str(one)) for one in parts_of(value)]
    return found
