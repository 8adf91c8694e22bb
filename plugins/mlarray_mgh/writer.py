"""Writes MGH as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_core.meta import is_spatial
from mlarray_core.units import factor
from mlarray_io.sdk import file_order, millimetres, open_written, stored_dtype, tell_unheld
from mlarray_mgh.geometry import positions
from mlarray_mgh.header import DATA, FIELDS, HEADER, Mgh, from_source
from mlarray_mgh.signature import MGH_TYPES, VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_core import AxisValues
    from mlarray_io import Context, Reader
    from mlarray_mgh.options import MghOptions

_CODES = {np.dtype(name): code for code, name in MGH_TYPES.items()}


def write_mgh(reader: Reader, target: Path, options: MghOptions, context: Context) -> None:
    """Write an image.

    Parameters
    ----------
    reader
        The image, with at most one axis besides space.
    target
        Where to.
    options
        Effort of gzip.
    context
        Where to report what MGH can't hold.

    Raises
    ------
    UnsupportedError
        MGH has no such data type, or not so many axes.
    """
    dtype = stored_dtype(reader.dtype, _CODES, "MGH", target, context)
    order, sizes = _axes(reader, target)
    before = from_source(reader.meta.source)
    fresh = {**dict.fromkeys(FIELDS, 0), "version": VERSION}
    header = Mgh(dict(before.fields) if before else fresh, before.footer if before else b"")
    header.fields.update(zip(FIELDS[1:5], sizes, strict=True), type=_CODES[dtype])
    header = _timed(header, reader)
    _place(header, before, reader, context)
    _tell_losses(reader, header, before, context)
    fields = [header.fields[name] for name in FIELDS]
    front = HEADER.pack(*fields[:8], *fields[8], *fields[9], *fields[10])
    with open_written(target, options.gzip_level if target.name.lower().endswith("z") else None) as file:
        file.write(front.ljust(DATA, b"\0"))
        for part in file_order(reader, order, context):
            stored = np.ascontiguousarray(part, dtype.newbyteorder(">"))
            file.write(cast("Buffer", stored.reshape(-1).view("u1")))
        file.write(header.footer)


def _axes(reader: Reader, path: Path) -> tuple[list[int], tuple[int, int, int, int]]:
    """Return the axes in the file's order, slowest first, and width, height, depth and frames."""
    labels = reader.labels
    spatial = [axis for axis, label in enumerate(labels) if label.startswith("spatial")]
    others = [axis for axis in range(len(labels)) if axis not in spatial]
    if len(spatial) > 3 or len(others) > 1 or 0 in reader.shape:
        raise UnsupportedError(
            f"MGH holds three axes of space and one other, the image has {len(spatial)} and {len(others)}",
            path=path,
            hint="Split the image, or write another format",
        )
    x, y, z = [*(reader.shape[axis] for axis in reversed(spatial)), 1, 1, 1][:3]
    return [*others, *spatial], (x, y, z, reader.shape[others[0]] if others else 1)


def _place(header: Mgh, before: Mgh | None, reader: Reader, context: Context) -> None:
    """Store where the voxels are; unchanged where they still are where the source put them."""
    spatial = reader.meta.spatial
    count = sum(label.startswith("spatial") for label in reader.labels)
    affine = np.eye(4)
    if count:
        own = geometry.affine_of(spatial, count)
        affine[:count, :count], affine[:count, 3] = own[:count, :count][:, ::-1], own[:count, count]
    world = geometry.normal_world(spatial.coord_system)
    if world is None:
        context.loss(f"that the world is {spatial.coord_system or 'unset'}", "MGH's is always RAS")
    else:
        affine = geometry.to_world(affine, world, "RAS")
    affine[:3] *= millimetres(reader, context, "MGH")
    # the header has the place of the centre, which moves where the size changed
    if before is not None and np.allclose(header.affine(), affine, rtol=1e-6, atol=1e-5):
        return
    delta = np.linalg.norm(affine[:3, :3], axis=0)
    centre = affine[:3, 3] + affine[:3, :3] @ (np.array(header.sizes()[:3]) / 2)
    header.fields.update(
        goodRASFlag=1,
        delta=delta.tolist(),
        Mdc=(affine[:3, :3] / delta).T.ravel().tolist(),
        Pxyz_c=centre.tolist(),
    )


def _timed(header: Mgh, reader: Reader) -> Mgh:
    """Return the header with the repetition time of an image whose frames are times that start at 0."""
    known = Additions.of(reader.meta).axes.get(0)
    line = None if known is None else known.even_step()
    if reader.labels[:1] != ["temporal"] or known is None or line is None or line.start or line.step <= 0:
        return header
    milliseconds = factor(known.unit or "ms", "ms")
    # the same number in the header's float32 stays as it is
    same = milliseconds and np.float32(line.step * milliseconds) == np.float32(header.repetition())
    return header if not milliseconds or same else header.with_repetition(line.step * milliseconds)


def _holds(header: Mgh, known: AxisValues) -> bool:
    """Say whether the frames' times are those that the header gives."""
    times, milliseconds = positions(header).get(0), factor(known.unit or "ms", "ms")
    if times is None or times.values is None or milliseconds is None or known.values is None:
        return False
    numbers = [value for value in known.values if isinstance(value, int | float)]
    if len(numbers) != len(times.values):
        return False
    return bool(np.allclose(np.multiply(numbers, milliseconds), times.values, rtol=1e-6))


def _tell_losses(reader: Reader, header: Mgh, before: Mgh | None, context: Context) -> None:
    tell_unheld(reader.meta, context, "MGH", own_source=before is not None)
    if reader.meta.is_seg.is_seg:
        context.loss("that voxels are labels", "MGH has no place for it")
    for axis, known in Additions.of(reader.meta).axes.items():
        if axis != 0 or not _holds(header, known):
            context.loss(f"positions along axis {axis}", "MGH has an even repetition time only")
    frames = "temporal" if header.repetition() > 0 else "non_spatial"
    for label in reader.labels:
        if not is_spatial(label) and label != frames:
            context.loss(f"axis label {label}", "MGH has frames only")
