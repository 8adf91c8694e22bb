"""What ``info`` prints for a person: one screen of facts, or everything."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING

from mlarray_io.printing.text import amount, flat, printable, say, smaller, value_text, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_core.meta import Meta
    from mlarray_core.meta.segmentation import Label
    from mlarray_io.commands.info import Inspection
    from mlarray_io.sdk.format import ImageRef

AXES = {"spatial_x": "x", "spatial_y": "y", "spatial_z": "z", "temporal": "time"}
"""Axes that have a shorter name than their label."""
KEYWORDS = ("Modality", "SeriesDescription", "ProtocolName", "BodyPart", "Manufacturer")
"""What a screen shows of a scanner's header, in the words of DICOM (PS3.6) that BIDS uses too."""
MOST_LABELS = 12
"""Rows of a label table that fit a screen."""
MOST_NOTES = 6
"""Files that were skipped, or notes, that fit a screen."""


def show(found: Inspection, *, everything: bool) -> None:
    """Print what a source holds.

    Parameters
    ----------
    found
        What was read.
    everything
        Print all metadata behind the facts.
    """
    width = _width()
    for name, value in rows(found):
        _print(name, value, width)
    if found.meta is None:
        for line in listing(found.images):
            say("\n".join(wrapped(line, width)))
        say("Choose one with --image KEY")
    elif everything:
        for name, value in flat(found.meta.to_plain(include_none=False)):
            _print_long(_spelt(name, found.meta), value, width)
    _notes("note", found.warnings, width, everything=everything)
    _notes("skipped", found.skipped, width, everything=everything)
    if found.meta is not None and not everything:
        say("--all prints all metadata, --json for programs")


def rows(found: Inspection) -> Iterator[tuple[str, str]]:
    """Yield the facts that fit one screen, by name."""
    yield "file", str(found.path)
    meta = found.meta
    origin = None if meta is None else meta._image_meta_format.value
    converted = origin is not None and origin != found.format
    yield "format", f"{found.format}, converted from {origin}" if converted else found.format
    if meta is None:
        yield "images", f"{len(found.images):,}"
        return
    if found.image is not None:
        yield "image", found.image
    yield from _voxels(found, meta)
    yield from _geometry(meta)
    yield from _header(meta)
    yield from _labels(meta)
    yield from _stored(found, meta)
    yield from _values(meta)


def listing(images: Sequence[ImageRef]) -> Iterator[str]:
    """Yield two lines for each image: its key and title, and what its headers say."""
    for image in images:
        yield f"{image.key}  {image.title}" if image.title else image.key
        facts = ", ".join(
            _fact(name, value) for name, value in image.facts.items() if value not in (None, "")
        )
        if facts:
            yield f"    {facts}"


def _voxels(found: Inspection, meta: Meta) -> Iterator[tuple[str, str]]:
    if found.shape == (0,) and not meta._has_array.value:
        yield "voxels", "none: the file holds metadata alone"
        return
    labels = meta.spatial.axis_labels
    names = ", ".join(AXES.get(str(label), str(label)) for label in labels) if labels else ""
    yield "shape", _times(found.shape) + (f" ({names})" if names else "")
    nbytes = math.prod(found.shape) * _itemsize(found.dtype)
    yield "type", f"{found.dtype}, {amount(nbytes)} of voxels"
    if found.file_bytes:
        yield "size", f"{amount(found.file_bytes)}, {smaller(found.file_bytes, nbytes)}"


def _geometry(meta: Meta) -> Iterator[tuple[str, str]]:
    spatial = meta.spatial
    columns = _columns(meta)
    spacing = spatial.spacing if columns is None else [math.hypot(*column) for column in columns]
    units = dict.fromkeys(
        unit
        for unit, label in zip(spatial.axis_units or (), spatial.axis_labels or (), strict=False)
        if unit and str(label).startswith("spatial")
    )
    if spacing is None:
        yield "spacing", "unknown"
    else:
        yield "spacing", " ".join([_times(spacing), *([", ".join(units)] if units else ["(no unit)"])])
    if columns is not None and spatial.coord_system is not None:
        letters = orientation(columns, str(spatial.coord_system), meta)
        yield "orientation", f"{letters} (fastest axis first), world {spatial.coord_system}"
    else:
        yield "world", str(spatial.coord_system or "unknown")
    for axis, values in _axis_values(meta):
        yield f"axis {axis}", values


def _header(meta: Meta) -> Iterator[tuple[str, str]]:
    from mlarray_core.meta.extension import Additions

    additions = Additions.of(meta)
    known = [additions.bids[name] for name in KEYWORDS if isinstance(additions.bids.get(name), str)]
    if known:
        yield "header", ", ".join(dict.fromkeys(map(str, known)))
    if additions.channels:
        names = [channel.name or str(number) for number, channel in enumerate(additions.channels)]
        yield "channels", ", ".join(names)
    if additions.rescale is not None:
        applied = "applied" if additions.rescale.applied else "not applied"
        slope, intercept = additions.rescale.slope, additions.rescale.intercept
        yield "rescale", f"stored {additions.rescale.dtype} * {slope:g} + {intercept:g}, {applied}"
    if additions.lossy:
        yield "lossy", ", ".join(f"{name} {value_text(value)}" for name, value in additions.lossy.items())
    if additions.losses:
        yield "lost", ", ".join(dict.fromkeys(str(loss.get("what")) for loss in additions.losses))


def _labels(meta: Meta) -> Iterator[tuple[str, str]]:
    table = meta.labels
    if meta.is_seg.value is not None and not table:
        yield "labels", "yes: the voxels are labels" if meta.is_seg.value else "no: the voxels are values"
    for number, label in enumerate(table[:MOST_LABELS]):
        yield "labels" if number == 0 else "", _label(label)
    if len(table) > MOST_LABELS:
        yield "", f"and {len(table) - MOST_LABELS:,} more"


def _stored(found: Inspection, meta: Meta) -> Iterator[tuple[str, str]]:
    if found.levels:
        yield "levels", f"{len(found.levels)}: {', '.join(map(_times, found.levels))}"
    chunks, blocks = meta.blosc2.chunk_size, meta.blosc2.block_size
    if found.format == "mla" and chunks is not None and blocks is not None:
        yield "chunks", f"{_times(chunks)} of blocks {_times(blocks)}"
    if found.seal is not None:
        yield "seal", found.seal


def _values(meta: Meta) -> Iterator[tuple[str, str]]:
    known = [(name, getattr(meta.stats, name)) for name in ("min", "max", "mean", "std")]
    texts = [f"{name} {value:g}" for name, value in known if value is not None]
    if texts:
        yield "values", ", ".join(texts)
    boxes = meta.bbox.bboxes
    if boxes:
        yield "boxes", f"{len(boxes):,}"


def _axis_values(meta: Meta) -> Iterator[tuple[int, str]]:
    from mlarray_core.meta.extension import Additions

    for axis, known in Additions.of(meta).axes.items():
        values = known.values or []
        shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
        cut = shown if len(shown) <= 6 else [*shown[:3], "...", shown[-1]]
        yield axis, " ".join(filter(None, (known.name, ", ".join(cut), known.unit)))


def _columns(meta: Meta) -> list[list[float]] | None:
    """Return the world vector of one step along each spatial axis, in array order; None without geometry."""
    spatial = meta.spatial
    if spatial.affine is not None:
        count = len(spatial.affine) - 1
        return [[float(row[column]) for row in spatial.affine[:count]] for column in range(count)]
    count = spatial.spatial_ndim or 0
    if spatial.spacing is None and spatial.direction is None:
        return None
    steps = spatial.spacing or [1.0] * count
    matrix = spatial.direction or [[float(row == column) for column in range(count)] for row in range(count)]
    return [[float(row[column]) * steps[column] for row in matrix] for column in range(len(steps))]


def orientation(columns: Sequence[Sequence[float]], world: str, meta: Meta) -> str:
    """Return where the axes lead, as `mlarray_core.geometry.orientation` says it.

    Axes at right angles that lead mostly along different world axes need no NumPy, which takes longer to load
    than everything else that ``info`` does.

    Parameters
    ----------
    columns
        The world vector of one step along each spatial axis, in array order.
    world
        Their coordinate system.
    meta
        Of the image, for all others.
    """
    signs = {"RAS": (1, 1, 1), "LPS": (-1, -1, 1), "LAS": (-1, 1, 1)}.get(world)
    found = [max(range(len(column)), key=lambda row: abs(column[row])) for column in columns]
    if signs is None or len(columns) != 3 or len(set(found)) != 3 or not _upright(columns):
        from mlarray_core import geometry

        return geometry.orientation(geometry.affine_of(meta.spatial, len(columns)), world)
    letters = [
        ("LR", "PA", "IS")[row][column[row] * signs[row] > 0]
        for row, column in zip(found, columns, strict=True)
    ]
    return "".join(reversed(letters))


def _upright(columns: Sequence[Sequence[float]]) -> bool:
    """Whether the axes are at right angles, to what single precision leaves of them."""
    lengths = [math.hypot(*column) for column in columns]
    return all(
        abs(sum(a * b for a, b in zip(columns[i], columns[j], strict=True))) <= 1e-4 * lengths[i] * lengths[j]
        for i in range(len(columns))
        for j in range(i)
    )


def _spelt(name: str, meta: Meta) -> str:
    """Return the path of a value, DICOM's tags with their keywords where the format is installed."""
    if meta._image_meta_format.value != "dicom" or not name.startswith("source."):
        return name
    from mlarray_io.engine.registry import installed

    format = next((one for one in installed().formats if one.name == "dicom"), None)
    return name if format is None else ".".join(map(format.field_name, name.split(".")))


def _label(label: Label) -> str:
    parts = [str(label.value), label.name]
    if label.color:
        parts.append(label.color)
    if label.code is not None:
        parts.append(f"({label.code.scheme} {label.code.value})")
    return " ".join(filter(None, parts))


def _fact(name: str, value: object) -> str:
    if isinstance(value, list | tuple):
        text = (
            _times(value) if all(isinstance(one, int | float) for one in value) else value_text(list(value))
        )
    else:
        text = value_text(value)
    return text if name in ("shape", "dtype", "modality") else f"{name} {text}"


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.6g}" if isinstance(value, float) else str(value) for value in values) or "()"


def _itemsize(dtype: str) -> int:
    bits = "".join(char for char in dtype if char.isdecimal())
    return int(bits) // 8 if bits else 1


def _width() -> int:
    """Return the columns of the terminal; nothing is cut that goes elsewhere."""
    if not sys.stdout.isatty():
        return 100_000
    try:
        return max(40, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError):
        return 80


def _print(name: str, value: str, width: int) -> None:
    first, *others = wrapped(printable(value), width - 14)
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    say(f"{bold}{name:<12}{plain}  {first}")
    for line in others:
        say(" " * 14 + line)


def _print_long(name: str, value: str, width: int) -> None:
    for number, line in enumerate(wrapped(printable(f"{name}: {value}"), width - 4)):
        say("    " * bool(number) + line)


def _notes(word: str, notes: Sequence[str], width: int, *, everything: bool) -> None:
    shown = notes if everything else notes[:MOST_NOTES]
    for note in shown:
        _print_long(word, note, width)
    if len(notes) > len(shown):
        say(f"{word}: {len(notes) - len(shown):,} more, with --all")
