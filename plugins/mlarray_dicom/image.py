"""Opens one image: its whole header, and a reader of its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Channel, Meta, Rescale, geometry
from mlarray_core.errors import SelectionError
from mlarray_dicom.header import bids, identity
from mlarray_dicom.header.source import read_header
from mlarray_dicom.instance import quiet
from mlarray_dicom.listing import Found, list_images
from mlarray_dicom.pixels.planes import LabelReader, Planes, StackReader
from mlarray_dicom.pixels.values import Values
from mlarray_dicom.volumes import segmentation
from mlarray_dicom.volumes.slides import SlideReader
from mlarray_dicom.volumes.stack import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_dicom import DicomOptions
    from mlarray_dicom.header.source import Header
    from mlarray_dicom.volumes.arrangement import Arrangement
    from mlarray_dicom.volumes.series import Group
    from mlarray_io import Context, ImageRef, Reader


def open_image(path: Path, image: ImageRef, options: DicomOptions, context: Context) -> Reader:
    """Open an image of a file or folder.

    Raises
    ------
    MLArrayError
        Why its frames make no array.
    """
    with quiet():
        return _open(path, image, options, context)


def _open(path: Path, image: ImageRef, options: DicomOptions, context: Context) -> Reader:
    found = image.payload if isinstance(image.payload, Found) else _find(path, image, options, context)
    if found.problem is not None or found.arrangement is None:
        raise found.problem or SelectionError("no such image", path=path)
    group, arrangement = found.group, found.arrangement
    values = Values(group, options, context)
    _allow(arrangement, values, context, path)
    for note in arrangement.notes:
        context.warn(note)
    header = read_header([group.instances[file] for file in _files(group, arrangement)], context)
    _tell(group, header, values, context)
    planes = Planes(group, values, context.threads)
    try:
        return _reader(group, arrangement, values, header, planes, options)
    except BaseException:
        planes.close()
        raise


def _find(path: Path, image: ImageRef, options: DicomOptions, context: Context) -> Found:
    """Find an image that was listed by someone else."""
    for one in list_images(path, options, context):
        if one.key == image.key and isinstance(one.payload, Found):
            return one.payload
    raise SelectionError(f"holds no image {image.key!r}", path=path)


def _allow(arrangement: Arrangement, values: Values, context: Context, path: Path) -> None:
    count = 1
    for size in arrangement.shape:
        count *= size
    context.allow(count * max(values.components, 1) * values.dtype.itemsize, path)


def _files(group: Group, arrangement: Arrangement) -> list[int]:
    """Return the files in the order in which the array shows them first."""
    indices = [int(index) for index in arrangement.order.ravel() if index != ABSENT]
    if arrangement.corners:
        indices = list(range(len(group.frames)))
    return list(dict.fromkeys(group.frames[index].file for index in indices))


def _order(group: Group, arrangement: Arrangement) -> list[list[int]] | None:
    """Return file and frame of each place of the array, None when each file is one slice."""
    files = _files(group, arrangement)
    if arrangement.corners or len(files) == arrangement.order.size:
        return None
    place = {file: index for index, file in enumerate(files)}
    frames = [None if index == ABSENT else group.frames[int(index)] for index in arrangement.order.ravel()]
    return [[-1, -1] if frame is None else [place[frame.file], frame.number] for frame in frames]


def _tell(group: Group, header: Header, values: Values, context: Context) -> None:
    """Say what the user wouldn't expect of the voxels or the metadata."""
    if header.first is not None:
        text = identity.notice(header.first)
        if text:
            context.warn(text)
    if group.layout.photometric == "MONOCHROME1":
        context.warn("MONOCHROME1: low values are bright; -o monochrome1=invert inverts them")
    if values.varying:
        context.warn("slope and intercept differ from slice to slice; both are in the header")
    if group.first.get("DoseGridScaling") is not None and not context.raw:
        units = {"GY": "Gy"}.get(group.first.text("DoseUnits").upper(), "relative units")
        context.warn(f"the voxels are doses in {units}: stored values times DoseGridScaling")


def _reader(
    group: Group,
    arrangement: Arrangement,
    values: Values,
    header: Header,
    planes: Planes,
    options: DicomOptions,
) -> Reader:
    first, order = group.first, arrangement.order
    source = header.source(len(group.frames), _order(group, arrangement))
    segmented = segmentation.is_segmentation(first)
    if arrangement.corners:
        meta = _meta(group, arrangement, values, header, source)
        fill = values.fill(group.frames[0], first) if not segmented else 0
        return SlideReader(planes, arrangement.plane, arrangement.corners, values, meta, fill)
    if arrangement.labels[0] == "segment" and _as_labels(group, arrangement, planes, options):
        labels = arrangement.segments
        dtype = np.min_scalar_type(max(labels))
        arrangement.labels, arrangement.axes = arrangement.labels[1:], {}
        meta = _meta(group, arrangement, values, header, source)
        return LabelReader(planes, order, labels, dtype, meta)
    meta = _meta(group, arrangement, values, header, source)
    fill = 0 if segmented or ABSENT not in order else values.fill(group.frames[0], first)
    return StackReader(planes, order, arrangement.plane, values, meta, fill)


def _as_labels(group: Group, arrangement: Arrangement, planes: Planes, options: DicomOptions) -> bool:
    """Say whether segments become one label map."""
    if options.segments != "auto":
        return options.segments == "labels"
    if segmentation.kind_of(group.first) != "BINARY":
        return False
    return not segmentation.overlap(group.first, planes, arrangement.order)


def _meta(
    group: Group, arrangement: Arrangement, values: Values, header: Header, source: dict[str, Any]
) -> Meta:
    segmented = segmentation.is_segmentation(group.first)
    meta = Meta(source=source, spatial=_spatial(arrangement, values), is_seg=True if segmented else None)
    additions = Additions(rescale=values.rescale, axes=dict(arrangement.axes))
    if header.first is not None:
        additions.bids = bids.fields_of(header.first, group, arrangement)
        additions.lossy = _lossy(header.first)
    if segmented:
        additions.channels = [Channel(one) for one in segmentation.descriptions(group.first)]
        if segmentation.kind_of(group.first) == "FRACTIONAL":
            additions.rescale = Rescale(
                segmentation.fraction(group.first), 0.0, values.dtype.name, applied=False
            )
    additions.store(meta)
    return meta


def _spatial(arrangement: Arrangement, values: Values) -> MetaSpatial:
    labels = [*arrangement.labels, *(["components"] if values.components else [])]
    placed = arrangement.affine is not None or arrangement.spacing is not None
    units = [_unit(index, label, arrangement, placed) for index, label in enumerate(labels)]
    if arrangement.affine is not None:
        return geometry.spatial_meta(
            arrangement.affine, axis_labels=labels, axis_units=units, coord_system="LPS"
        )
    return geometry.spatial_meta(None, axis_labels=labels, axis_units=units, spacing=arrangement.spacing)


def _unit(index: int, label: str, arrangement: Arrangement, placed: bool) -> str:
    if label.startswith("spatial"):
        return "mm" if placed else ""
    axis = arrangement.axes.get(index)
    return "" if axis is None else axis.unit


def _lossy(dataset: Any) -> dict[str, Any]:
    """Return what the header says about lossy compression of the image (PS3.3, C.7.6.1.1.5)."""
    from mlarray_dicom.instance import value_of

    if str(value_of(dataset, "LossyImageCompression", "")) != "01":
        return {}
    found: dict[str, Any] = {"compressed": True}
    for name, keyword in (("ratio", "LossyImageCompressionRatio"), ("method", "LossyImageCompressionMethod")):
        value = value_of(dataset, keyword)
        if value is not None:
            found[name] = _listed(value)
    return found


def _listed(value: Any) -> list[Any]:
    several: Sequence[Any] = [value] if isinstance(value, str | float) else list(value)
    return [str(one) if isinstance(one, str) else float(one) for one in several]
