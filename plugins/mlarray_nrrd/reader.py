"""Opens a NRRD image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core import Additions, Meta
from mlarray_io.sdk import RawData, RawReader
from mlarray_nrrd.axes import insertion
from mlarray_nrrd.data_files import open_data, raw_data
from mlarray_nrrd.geometry import Placement, placement_of, roles_only
from mlarray_nrrd.header import Header, read_header, to_source
from mlarray_nrrd.meaning import is_segmentation, positions, spatial_of
from mlarray_nrrd.segments import labels_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context
    from mlarray_nrrd.options import NrrdOptions


def open_nrrd(path: Path, options: NrrdOptions, context: Context) -> RawReader:
    """Open the image whose file or header is `path`.

    Parameters
    ----------
    path
        The file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than its files hold.
    NotFoundError
        A data file is missing.
    UnsafeError
        A data file is outside the header's folder.
    LimitError
        It is larger than the host allows.
    """
    header, start = read_header(path)
    raw = raw_data(header.fields, path, context)
    if options.geometry == "none":
        placement = roles_only(header.fields, path)
    else:
        placement = placement_of(header.fields, path, context)
    meta = _meta(header, placement, path)
    file = open_data(header, raw, path, start, options.allow_external, context)
    at = len(raw.shape) - insertion(placement.roles)
    shape = (*raw.shape[:at], *(1 for _ in range(placement.added)), *raw.shape[at:])
    return RawReader(file, RawData(shape, raw.dtype), meta, _plane(meta.spatial.axis_labels or []))


def _plane(labels: list[str]) -> int:
    """Return how many axes a plane has: from the second last of space on."""
    places = [axis for axis, label in enumerate(labels) if label.startswith("spatial")]
    return len(labels) - (places[-2] if len(places) > 1 else 0)


def _meta(header: Header, placement: Placement, path: Path) -> Meta:
    meta = Meta(
        source=to_source(header),
        spatial=spatial_of(header.fields, placement, path),
        is_seg=True if is_segmentation(header) else None,
    )
    Additions(axes=positions(header, placement, path)).store(meta)
    labels = labels_of(header.pairs)
    if labels:
        meta.labels = labels
    return meta
