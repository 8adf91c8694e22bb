"""Writes MRtrix images, as one file, gzipped or not, or a header with its data beside it, as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlarray_core import Additions
from mlarray_core.rescale import rescaled_dtype, undo_rescale
from mlarray_io.sdk import data_names, file_order, open_written, stored_dtype, tell_unheld
from mlarray_mrtrix import gradients
from mlarray_mrtrix.bits import packing
from mlarray_mrtrix.header import DATA, FILE, FIRST, LAST, OWN_KEYS, MrtrixHeader, from_source
from mlarray_mrtrix.layout import NAMES
from mlarray_mrtrix.write_header import Plan, plan_of, put_geometry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_core import Rescale
    from mlarray_io import Context, Reader
    from mlarray_mrtrix.options import MrtrixOptions


def write_mrtrix(reader: Reader, target: Path, options: MrtrixOptions, context: Context) -> None:
    """Write an image.

    Parameters
    ----------
    reader
        The image, with at most three axes of space.
    target
        Where to; the data of a ``.mih`` go beside it.
    options
        Effort of gzip, whether stored integers are restored.
    context
        Where to report what MRtrix can't hold.

    Raises
    ------
    UnsupportedError
        MRtrix has no such data type, or not so many axes of space.
    """
    before = from_source(reader.meta.source)
    plan = plan_of(reader, target)
    header = MrtrixHeader({} if before is None else _kept(before))
    put_geometry(header, before, reader, plan, target, context)
    rescale = _undone(reader, options.rescale and before is not None)
    wanted = reader.dtype if rescale is None else np.dtype(rescale.dtype)
    dtype = stored_dtype(wanted, NAMES, "MRtrix", target, context)
    header.fields["datatype"] = [NAMES[dtype]]
    kept = rescale if rescale is not None else _unapplied(reader)
    if kept is not None:
        header.fields["scaling"] = [f"{kept.intercept!r},{kept.slope!r}"]
    _tell_losses(reader, before, plan, context)
    parts = _bytes(_stored(file_order(reader, plan.order, context), rescale), dtype)
    if target.suffix.lower() == ".mih":
        data = target.with_name(context.free_name(*data_names(target, DATA)))
        header.fields[FILE] = [data.name]
        target.write_bytes(_spelt(header))
        _write(data, parts, options.gzip_level)
    else:
        _write(target, parts, options.gzip_level, _front(header))


def _kept(before: MrtrixHeader) -> dict[str, list[str]]:
    """Return the keys of a source's header that say nothing of how its voxels lie."""
    return {key: lines for key, lines in before.fields.items() if key.lower() not in (*OWN_KEYS, FILE)}


def _undone(reader: Reader, wanted: bool) -> Rescale | None:
    """Return the scaling to undo: the source's, where the voxels still are of the type that it gave."""
    rescale = Additions.of(reader.meta).rescale
    if not wanted or rescale is None or not rescale.applied:
        return None
    fits = reader.dtype == rescaled_dtype(rescale.dtype, rescale.slope, rescale.intercept)
    return rescale if fits else None


def _unapplied(reader: Reader) -> Rescale | None:
    rescale = Additions.of(reader.meta).rescale
    return rescale if rescale is not None and not rescale.applied else None


def _stored(parts: Iterable[np.ndarray[Any, Any]], rescale: Rescale | None) -> Iterator[np.ndarray[Any, Any]]:
    for part in parts:
        yield part if rescale is None else undo_rescale(part, rescale)


def _bytes(parts: Iterable[np.ndarray[Any, Any]], dtype: np.dtype[Any]) -> Iterator[np.ndarray[Any, Any]]:
    if dtype.kind == "b":
        yield from packing(parts)
        return
    for part in parts:
        yield np.ascontiguousarray(part, dtype.newbyteorder("<")).reshape(-1).view("u1")


def _spelt(header: MrtrixHeader) -> bytes:
    """Return the text of a header: the format's own keys first, as MRtrix has it."""
    names = [*(key for key in OWN_KEYS if key in header.fields), *header.fields]
    lines = [f"{key}: {line}" for key in dict.fromkeys(names) for line in header.fields[key]]
    return "\n".join([FIRST, *lines, LAST, ""]).encode("utf-8", "surrogateescape")


def _front(header: MrtrixHeader) -> bytes:
    """Return header and filling up to the voxels, whose place is a multiple of 4 that the header tells."""
    size = 0
    while True:
        header.fields[FILE] = [f". {size}"]
        text = _spelt(header)
        if len(text) <= size:
            return text.ljust(size, b"\0")
        size = len(text) + -len(text) % 4


def _write(path: Path, parts: Iterable[np.ndarray[Any, Any]], level: int, front: bytes = b"") -> None:
    with open_written(path, level if path.name.lower().endswith(".gz") else None) as file:
        file.write(front)
        for part in parts:
            file.write(cast("Buffer", part))


def _tell_losses(reader: Reader, before: MrtrixHeader | None, plan: Plan, context: Context) -> None:
    additions = Additions.of(reader.meta)
    weighted = plan.scheme is not None and additions.bids.keys() <= gradients.FIELDS
    tell_unheld(reader.meta, context, "MRtrix", own_source=before is not None, scales=True, sidecar=weighted)
    if reader.meta.is_seg.is_seg:
        context.loss("that voxels are labels", "MRtrix has no place for it")
    for axis in additions.axes:
        if axis not in plan.told:
            context.loss(f"positions along axis {axis}", "MRtrix has even steps of time and b-values only")
