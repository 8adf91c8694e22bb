"""Writes MGH as a stream."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from mlarray_core import Additions, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import file_order, open_gzip, stored_dtype, tell_unheld
from mlarray_mgh.geometry import positions
from mlarray_mgh.header import DATA, FIELDS, HEADER, Mgh, from_source
from mlarray_mgh.signature import MGH_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from mlarray_io import Context, Reader
    from mlarray_mgh.options import MghOptions

_CODES = {np.dtype(name): code for code, name in MGH_TYPES.items()}
_TO_MM = {"": 1.0, "mm": 1.0, "um": 1e-3, "microns": 1e-3, "cm": 10.0, "m": 1000.0}


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
        Is told what MGH can't hold.

    Raises
    ------
    UnsupportedError
        MGH has no such data type, or not so many axes.
    """
    dtype = stored_dtype(reader.dtype, _CODES, "MGH", target, context)
    order, sizes = _axes(reader, target)
    before = from_source(reader.meta.source)
    header = Mgh(
        dict(before.fields) if before else dict.fromkeys(FIELDS, 0), before.footer if before else b""
    )
    header.fields.update(zip(FIELDS[:5], (1, *sizes), strict=True), type=_CODES[dtype])
    _place(header, before, reader, context)
    _tell_losses(reader, header, before, context)
    fields = [header.fields[name] for name in FIELDS]
    front = HEADER.pack(*fields[:8], *fields[8], *fields[9], *fields[10])
    with _opened(target, options.gzip_level) as file:
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
    units = {
        unit
        for unit, label in zip(spatial.axis_units or (), reader.labels, strict=False)
        if label[:7] == "spatial"
    }
    if len(units) > 1 or not units <= _TO_MM.keys():
        context.loss(f"unit of length {', '.join(sorted(units))}", "MGH knows millimetres only")
    elif units:
        affine[:3] *= _TO_MM[units.pop()]
    if before is not None and np.allclose(before.affine(), affine, rtol=1e-6, atol=1e-5):
        return
    delta = np.linalg.norm(affine[:3, :3], axis=0)
    centre = affine[:3, 3] + affine[:3, :3] @ (np.array(header.sizes()[:3]) / 2)
    header.fields.update(
        goodRASFlag=1,
        delta=delta.tolist(),
        Mdc=(affine[:3, :3] / delta).T.ravel().tolist(),
        Pxyz_c=centre.tolist(),
    )


def _tell_losses(reader: Reader, header: Mgh, before: Mgh | None, context: Context) -> None:
    tell_unheld(reader.meta, context, "MGH", own_source=before is not None)
    if reader.meta.is_seg.is_seg:
        context.loss("that voxels are labels", "MGH has no place for it")
    kept = positions(header) if before is not None else {}
    for axis, known in Additions.of(reader.meta).axes.items():
        if kept.get(axis) != known:
            context.loss(f"positions along axis {axis}", "MGH has no place for them")
    for label in reader.labels:
        if not label.startswith("spatial") and (before is None or label not in ("temporal", "non_spatial")):
            context.loss(f"axis label {label}", "MGH has frames only")


@contextmanager
def _opened(path: Path, level: int) -> Iterator[IO[bytes]]:
    """Open a file for writing, through gzip when its name says so; the same voxels give the same bytes."""
    with path.open("wb") as raw:
        if not path.name.lower().endswith("z"):
            yield raw
            return
        with open_gzip(raw, level) as zipped:
            yield zipped
