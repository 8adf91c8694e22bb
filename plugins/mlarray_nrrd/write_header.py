"""Puts a header together: what the source's said where it still holds, else what the image needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import geometry
from mlarray_core.headers import plain
from mlarray_io import Context
from mlarray_nrrd.axes import insertion
from mlarray_nrrd.encodings import DTYPES, NAMES
from mlarray_nrrd.geometry import Placement, placement_of
from mlarray_nrrd.header import Header, from_source, is_source
from mlarray_nrrd.lines import Line, spelt
from mlarray_nrrd.meaning import positions, spatial_of
from mlarray_nrrd.write_geometry import GEOMETRIC, fresh_fields, turned_frame, written_parts, written_world

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_io import Reader
    from mlarray_nrrd.lines import Fields

STORAGE = (
    "type",
    "dimension",
    "sizes",
    "endian",
    "encoding",
    "data file",
    "line skip",
    "byte skip",
    "block size",
)
_ORDER = (
    "content", "type", "dimension", "space", "space dimension", "sizes", "spacings", "thicknesses",
    "axis mins", "axis maxs", "space directions", "centers", "kinds", "labels", "units", "endian", "encoding",
    "space units", "space origin", "measurement frame", "data file",
)  # fmt: skip


def source_header(reader: Reader, path: Path) -> Header | None:
    """Return the header of a NRRD source, None for an image from elsewhere."""
    return from_source(reader.meta.source, path) if is_source(reader.meta.source) else None


def source_placement(header: Header, reader: Reader, path: Path) -> tuple[Placement, MetaSpatial] | None:
    """Return what reading the source's header gives, None when its axes aren't the image's any more.

    Parameters
    ----------
    header
        The source's header.
    reader
        The image that is written.
    path
        The file, for errors.
    """
    if len(header.fields.get("sizes", ())) != header.fields.get("dimension", -1):
        return None
    placement = placement_of(header.fields, path, Context())
    spatial = spatial_of(header.fields, placement, path)
    if list(spatial.axis_labels or ()) != reader.labels:
        return None
    at = len(placement.roles) - insertion(placement.roles)
    if any(size != 1 for size in reader.shape[at : at + placement.added]):
        return None
    return placement, spatial


def compose(
    reader: Reader, storage: Fields, header: Header | None, path: Path, context: Context
) -> tuple[list[str], tuple[int, ...], Reader]:
    """Return the lines of the header to write, the sizes of NRRD's axes, slowest first, and what to write.

    Parameters
    ----------
    reader
        The image.
    storage
        Fields about type, encoding and files.
    header
        The source's, if it is NRRD.
    path
        The target, for messages.
    context
        Where to report losses.
    """
    known = None if header is None else source_placement(header, reader, path)
    shape = reader.shape
    if header is not None and known is not None:
        at = len(known[0].roles) - insertion(known[0].roles)
        shape = shape[:at] + shape[at + known[0].added :]
    fields = dict(storage, dimension=len(shape), sizes=list(reversed(shape)))
    if header is not None and known is not None and _unchanged(reader, header, *known, path):
        kept = {name: header.fields[name] for name in GEOMETRIC if name in header.fields}
        return _merged(header, {**fields, **kept}), shape, reader
    world = written_world(reader.meta, reader.labels)
    reader = written_parts(reader, world)
    pairs = [] if header is None else header.pairs
    fields |= fresh_fields(reader.meta, reader.labels, reader.shape, reader.units, pairs, context)
    if header is None:
        return _merged(Header((Line("NRRD0005", "magic"),)), fields), reader.shape, reader
    fields |= _carried(header, world, fields, context, same_axes=known is not None)
    fields |= {"dimension": len(reader.shape), "sizes": [*reversed(reader.shape)]}
    return _merged(header, fields), reader.shape, reader


def _unchanged(
    reader: Reader, header: Header, placement: Placement, spatial: MetaSpatial, path: Path
) -> bool:
    """Say whether the image still is where the source's header puts it, in the same world and units."""
    from mlarray_core import Additions

    mine = reader.meta.spatial
    if list(header.fields["sizes"]) != [*reversed(_without_added(reader.shape, placement))]:
        bounded = any(name in header.fields for name in ("axis mins", "axis maxs"))
        if bounded:
            return False
    if mine.coord_system != spatial.coord_system or mine.axis_units != spatial.axis_units:
        return False
    if positions(header, placement, path) != Additions.of(reader.meta).axes:
        return False
    count = sum(label.startswith("spatial") for label in reader.labels)
    if not count:
        return True
    new, old = geometry.affine_of(mine, count), geometry.affine_of(spatial, count)
    return bool(np.allclose(new, old, rtol=1e-10, atol=1e-10 * np.abs(old[:-1, :-1]).max()))


def _without_added(shape: tuple[int, ...], placement: Placement) -> tuple[int, ...]:
    at = len(placement.roles) - insertion(placement.roles)
    return shape[:at] + shape[at + placement.added :]


def _carried(
    header: Header, world: str | None, fresh: Fields, context: Context, *, same_axes: bool
) -> Fields:
    """Return the geometric fields of the source that hold for an image whose geometry changed."""
    old = header.fields
    carried: Fields = {}
    if "measurement frame" in old and "measurement frame" not in fresh:
        before, now = (geometry.normal_world(name) for name in (old.get("space"), world))
        if before and now and None not in old["measurement frame"]:
            carried["measurement frame"] = turned_frame(old["measurement frame"], before, now)
        else:
            context.loss("the measurement frame", "its world isn't the image's any more")
    if same_axes:
        kept = ("kinds", "labels") if _agree(old, fresh) else ()
        carried |= {name: old[name] for name in kept if name in old}
    return carried


def _agree(old: Fields, fresh: Fields) -> bool:
    """Say whether the source's kinds still are those of the axes: that time has a direction or none."""
    kinds = [str(kind).lower() for kind in old.get("kinds", ())]
    directed = [vector is not None for vector in fresh.get("space directions", ())]
    return all(has for kind, has in zip(kinds, directed, strict=False) if kind == "time")


def _merged(header: Header, fields: Fields) -> list[str]:
    """Return the source's lines: fields replaced where their meaning changed, dropped where none is left."""
    rest = [line for line in header.lines[1:] if line.kind != "file"]
    present = {line.name for line in rest if line.kind == "field"}
    fresh = [spelt(name, fields[name]) for name in sorted(fields.keys() - present, key=_ORDER.index)]
    places = [place + 1 for place, line in enumerate(rest) if line.kind == "field"]
    comments = next((place for place, line in enumerate(rest) if line.kind != "comment"), len(rest))
    end = places[-1] if places else comments
    lines = [header.lines[0].text]
    lines += [text for line in rest[:end] if (text := _kept(line, fields)) is not None]
    return lines + fresh + [line.text for line in rest[end:]]


def _kept(line: Line, fields: Fields) -> str | None:
    """Return the line to write for one of the source's, None for a field that doesn't hold any more."""
    if line.kind != "field":
        return line.text
    if line.name in fields:
        return line.text if _same(line, fields[line.name]) else spelt(line.name, fields[line.name])
    return None if line.name in STORAGE or line.name in GEOMETRIC else line.text


def _same(line: Line, value: Any) -> bool:
    if line.name == "type":
        return DTYPES.get(" ".join(str(line.value).lower().split())) == DTYPES.get(str(value))
    return bool(plain(line.value) == plain(value))


def type_name(dtype: np.dtype[Any]) -> str | None:
    """Return NRRD's name for a type, None when it has none."""
    return NAMES.get(dtype.newbyteorder("="))
