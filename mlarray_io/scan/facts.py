"""What a table says of each image, read from its header, and from its voxels on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MLArrayError
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.engine.settings import Settings
from mlarray_io.engine.sources import opened
from mlarray_io.places.place import place_of
from mlarray_io.search.criteria import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlarray_core.meta import Meta
    from mlarray_io.places.place import Place
    from mlarray_io.sdk.format import ImageRef, Reader
    from mlarray_io.search.criteria import Found

STATISTICS = ("min", "max", "mean", "std", "median", "percentile_min", "percentile_max")
COLUMNS = (
    "source", "image", "format", "shape", "dtype", "spacing", "orientation", "coord_system", "modality",
    "source_bytes", "voxel_bytes", *STATISTICS, "outlier", "error",
)  # fmt: skip
BUDGET = 32 << 20


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


def look(found: Found, wish: Wish) -> list[dict[str, Any]]:
    """Return a row for each image of a source, and one with an `error` for each that can't be read."""
    blank = {"source": told(found.path), "source_bytes": max(found.size, 0)}
    try:
        return [{**blank, **row} for row in _rows(place_of(found.path), wish)]
    except MLArrayError as error:
        return [{**blank, "error": error.message}]


def lost(found: Found, code: int | None) -> list[dict[str, Any]]:
    """Return the row of a source that killed its process."""
    return [{"source": told(found.path), "error": f"the process that read it died (code {code})"}]


def facts_of(reader: Reader, image: ImageRef) -> dict[str, Any]:
    """Return what the header says."""
    from mlarray_core import geometry

    spatial = reader.meta.spatial
    row: dict[str, Any] = {
        "shape": list(reader.shape),
        "dtype": str(reader.dtype),
        "voxel_bytes": reader.nbytes,
        "coord_system": spatial.coord_system,
        "modality": image.facts.get("modality") or modality(reader.meta),
    }
    if spatial.affine is not None or spatial.spacing is not None:
        axes = geometry.spatial_axes(spatial.axis_labels, len(reader.shape))
        affine = geometry.affine_of(spatial, len(axes))
        row["spacing"] = [round(float(step), 6) for step in geometry.decompose(affine)[0]]
        if spatial.affine is not None or spatial.direction is not None:
            row["orientation"] = geometry.orientation(affine, spatial.coord_system)
    return row


def modality(meta: Meta) -> str | None:
    """Return the modality that a header names, DICOM's (0008,0060) or a BIDS suffix, wherever it keeps it."""
    from mlarray_core.meta import Additions

    suffix = Additions.of(meta).bids.get("suffix")
    return suffix if isinstance(suffix, str) else _named(meta.source.to_plain(), 3)


def _named(header: Any, depth: int) -> str | None:
    if not isinstance(header, dict) or not depth:
        return None
    for key in ("Modality", "modality", "00080060"):
        value = header.get(key)
        value = value.get("Value", [None])[0] if isinstance(value, dict) else value
        if isinstance(value, str):
            return value
    return next(filter(None, (_named(part, depth - 1) for part in header.values())), None)


def _rows(place: Place, wish: Wish) -> Iterator[Mapping[str, Any]]:
    with opened(place, wish.source_format) as (source, format):
        options = format.options_type()
        images = images_of(source, format, options, Settings(threads=1).context())
        for image in images:
            row: dict[str, Any] = {"format": format.name}
            if len(images) > 1:
                row["image"] = image.key
            try:
                with open_image(source, format, image, options, Settings(threads=1).context()) as reader:
                    row.update(facts_of(reader, image))
                    row.update(_measured(reader, wish))
            except MLArrayError as error:
                row["error"] = error.message
            yield row


def _measured(reader: Reader, wish: Wish) -> dict[str, Any]:
    """Return what only the voxels tell."""
    row: dict[str, Any] = {}
    if wish.stats and reader.dtype.kind in "biuf" and 0 not in reader.shape:
        from mlarray_io.engine.statistics import Statistics
        from mlarray_io.sdk.boxes import slabs

        statistics = Statistics(reader.dtype)
        for box in slabs(reader.shape, reader.dtype.itemsize, reader.chunks, None, BUDGET):
            statistics.add(reader[box])
        stats = statistics.meta()
        row.update({name: getattr(stats, name) for name in STATISTICS})
    if wish.thumbnail:
        from mlarray_io.scan.thumbnails import thumbnail

        row["thumbnail"] = thumbnail(reader)
    return row
