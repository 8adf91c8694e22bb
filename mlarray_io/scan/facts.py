"""What a table says of each image, read from its header, and from its voxels on request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlarray_core.errors import MLArrayError
from mlarray_io.batch.jobs import left_out_of
from mlarray_io.batch.perform import is_empty
from mlarray_io.engine.believing import check_size
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.engine.settings import Settings
from mlarray_io.engine.sources import opened
from mlarray_io.places.place import place_of
from mlarray_io.scan.rows import STATISTICS, Row
from mlarray_io.sdk.context import Report
from mlarray_io.search.criteria import LeftOut, display_name

if TYPE_CHECKING:
    from mlarray_core.meta import Meta
    from mlarray_io.sdk.format import Format, ImageRef, Reader
    from mlarray_io.sdk.source import Source
    from mlarray_io.search.criteria import Found

BUDGET = 32 << 20
"""Bytes of voxels that are read at once: large enough to stream, small enough for every worker to have."""

_LABELS = re.compile(r"(?<![a-z])(labels?(tr|ts)?|seg|segmentations?|masks?|annotations?|gt)(?![a-z])")
"""Words in names of files and folders by which data sets mark their labels (nnU-Net, LiTS, KiTS, BraTS)."""


@dataclass(frozen=True)
class Wish:
    """What is wanted of each image beyond its header.

    Attributes
    ----------
    stats
        Statistics of all voxels.
    thumbnail
        A picture of the middle slice, as a PNG in base64.
    source_format
        Take every source for this format.
    """

    stats: bool = False
    thumbnail: bool = False
    source_format: str | None = None


@dataclass(frozen=True)
class Look:
    """What was seen of one source: its images, those that can't be read, and the files that are none."""

    rows: list[Row] = field(default_factory=list)
    left_out: tuple[LeftOut, ...] = ()


def look(found: Found, wish: Wish) -> Look:
    """Return a row for each image of a source, and one with an `error` for each that can't be read."""
    name, notes = display_name(found.path), Report()
    rows: list[Row] = []
    try:
        with opened(place_of(found.path), wish.source_format) as (source, format):
            context = Settings(threads=1).context(notes)
            images = images_of(source, format, format.options_type(), context)
            rows += [_row(source, format, image, wish, alone=len(images) == 1) for image in images]
    except MLArrayError as error:
        if not is_empty(found.kind, error, notes):
            rows.append(Row(name, error=error.told))
    for row in rows:
        row.source, row.source_bytes = name, max(found.size, 0)
        row.labels = row.labels or (_is_called_labels(name, row) if row.is_image else None)
    return Look(rows, left_out_of(found.path, notes.skipped, found.kind))


def lost(found: Found, code: int | None) -> Look:
    """Return what is to be said of a source that killed its process."""
    return Look([Row(display_name(found.path), error=f"the process that read it died (code {code})")])


def modality(meta: Meta) -> str | None:
    """Return the modality that a header names, DICOM's (0008,0060) or a BIDS suffix, wherever it keeps it."""
    from mlarray_core.meta import Additions

    suffix = Additions.of(meta).bids.get("suffix")
    return suffix if isinstance(suffix, str) else _named(meta.source.to_plain(), 3)


def _named(header: object, depth: int) -> str | None:
    if not isinstance(header, dict) or not depth:
        return None
    for key in ("Modality", "modality", "00080060"):
        value = header.get(key)
        value = value.get("Value", [None])[0] if isinstance(value, dict) else value
        if isinstance(value, str):
            return value
    return next(filter(None, (_named(part, depth - 1) for part in header.values())), None)


def _is_called_labels(source: str, row: Row) -> bool:
    """Whether an image of integers has the word labels, or one like it, in its name or its folder's."""
    kind = (row.dtype or "").rstrip("0123456789")
    names = source.replace("\\", "/").lower().split("/")[-2:]
    return kind in ("bool", "int", "uint") and any(_LABELS.search(name) for name in names)


def _row(source: Source, format: Format, image: ImageRef, wish: Wish, *, alone: bool) -> Row:
    row = Row(str(source.where), None if alone else image.key, format.name)
    facts = image.facts
    row.series, row.description = str(facts.get("series") or "") or None, image.title or None
    row.files = facts.get("files")
    context = Settings(threads=1).context()
    try:
        with open_image(source, format, image, format.options_type(), context) as reader:
            if wish.stats:
                check_size(reader, source, format, context)
            row.modality = facts.get("modality") or modality(reader.meta)
            _describe(row, reader)
            _measure(row, reader, wish)
    except MLArrayError as error:
        row.error = error.told
    return row


def _describe(row: Row, reader: Reader) -> None:
    """Add what the header says of the voxels."""
    from mlarray_core import geometry

    spatial = reader.meta.spatial
    row.shape, row.dtype, row.voxel_bytes = list(reader.shape), str(reader.dtype), reader.nbytes
    row.coord_system, row.labels = spatial.coord_system, reader.meta.is_seg.value is True
    row.label_names = {str(one.value): one.name for one in reader.meta.labels} or None
    if spatial.affine is not None or spatial.spacing is not None:
        axes = geometry.spatial_axes(spatial.axis_labels, len(reader.shape))
        affine = geometry.affine_of(spatial, len(axes))
        row.spacing = [round(float(step), 6) for step in geometry.decompose(affine)[0]]
        if spatial.affine is not None or spatial.direction is not None:
            row.orientation = geometry.orientation(affine, spatial.coord_system)


def _measure(row: Row, reader: Reader, wish: Wish) -> None:
    """Add what only the voxels say."""
    if wish.stats and reader.dtype.kind in "biuf" and 0 not in reader.shape:
        from mlarray_core.statistics.summary import Statistics
        from mlarray_io.sdk.boxes import slabs

        statistics = Statistics(reader.dtype)
        for box in slabs(reader.shape, reader.dtype.itemsize, reader.chunks, None, BUDGET):
            statistics.add(reader[box])
        stats = statistics.meta()
        for name in STATISTICS:
            setattr(row, name, getattr(stats, name))
    if wish.thumbnail:
        from mlarray_io.scan.thumbnails import thumbnail

        row.thumbnail = thumbnail(reader)
