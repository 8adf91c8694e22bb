"""Opens what nibabel reads. nibabel itself runs in another process, one module a format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Additions, AxisValues, Meta, geometry
from mlarray_core.errors import CorruptError, MetadataError, NotFoundError, UnsupportedError
from mlarray_io.sdk import DISPLACEMENT, FRAME, ChildReader, RawData, ask_child, check_beside

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_nibabel.description import Described

RATIO = 1032
"""The most that deflate can shrink, for sizes that lie."""

_HEADERS = {"afni": (".brik.gz", ".brik", ".head"), "parrec": (".rec", ".par")}
"""Suffixes of voxels, and last the one of the header beside them."""

_SUFFIXES = {"minc": ".mnc", "ecat": ".v"}
"""By which nibabel knows a format."""

_LIBRARIES = ("nibabel", "h5py", "numpy.ma")

_GRID = re.compile(r"_grid(_\d+)?\.mnc$")
"""How MINC's tools call the displacements of a transform: along x, y, z of the world, in mm (MINC's .xfm,
Displacement_Volume)."""

_RAS_IN_LPS = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
"""What displacements are along, whose numbers stay as they are stored."""

_PLACES = ("spatial_x", "spatial_y", "spatial_z")


def open_image(path: Path, format: str, context: Context) -> Reader:
    """Open an image.

    Parameters
    ----------
    path
        The file, or either of a pair.
    format
        ``minc``, ``afni``, ``parrec`` or ``ecat``.
    context
        Sets the limit of memory.

    Raises
    ------
    CorruptError
        nibabel refuses it or its libraries crash on it; or its header describes more than its files hold.
    NotFoundError
        The other file of a pair is missing.
    LimitError
        It is larger than the host allows.
    UnsupportedError
        Stored values are asked for.
    """
    if context.raw:
        raise UnsupportedError(
            f"of {format} only the values that its factors give are read, not the stored ones",
            path=path,
            hint="Leave out --raw (raw=True)",
        )
    header = _header(path, format)
    for other in (header, *_partners(header, format)):
        check_beside(path, other)
    path = header
    suffix = _SUFFIXES.get(format, "")
    found = ask_child(f"mlarray_nibabel.{format}:describe", path, suffix, _LIBRARIES)
    raw = RawData(tuple(found["shape"]), np.dtype(found["dtype"]))
    if 0 in raw.shape or raw.nbytes > found["bytes"] * RATIO * 8:
        raise CorruptError(
            f"its header describes {raw.nbytes:,} bytes, which its files can't hold", path=path
        )
    context.allow(raw.nbytes, path)
    voxels = f"mlarray_nibabel.{format}:voxels"
    for note in found["notes"]:
        context.warn(f"{path}: {note}")
    return ChildReader(path, voxels, raw, _meta(found, path), suffix, _LIBRARIES)


def _meta(found: Described, path: Path) -> Meta:
    labels = _labels(found["axes"])
    units = [
        "mm" if label.startswith("spatial") else unit
        for label, unit in zip(labels, found["units"], strict=True)
    ]
    try:
        affine = np.array(found["affine"], dtype=np.float64)
        if not np.isfinite(affine).all():
            raise CorruptError("expected numbers, got NaN or infinity", path=path, field="affine")
        world = "LPS" if len(affine) == 4 else None
        affine = geometry.to_world(affine, "RAS", "LPS") if world else affine
        spatial = geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system=world)
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="affine") from error
    meta = Meta(source=found["source"], spatial=spatial)
    axes = {int(axis): AxisValues(*known) for axis, known in found["names"].items() if known[2]}
    for axis, line in found["steps"].items():
        values = _positions(line, found["shape"][int(axis)])
        if values:
            axes[int(axis)] = AxisValues("time", found["units"][int(axis)], values)
    at = found["axes"].index("components") if "components" in found["axes"] else None
    if at is not None and _GRID.search(path.name) and found["shape"][at] == 3 and world:
        axes[at] = AxisValues(DISPLACEMENT, "mm", ["x", "y", "z"], {FRAME: _RAS_IN_LPS})
    Additions(axes=axes).store(meta)
    return meta


def _positions(line: list[float], count: int) -> list[float]:
    """Return the positions that start and step give, none where they give none."""
    start, step = line
    if not step or not np.isfinite([start, step]).all() or count < 2:
        return []
    return [start + step * index for index in range(count)]


def _partners(header: Path, format: str) -> list[Path]:
    """Return the files beside a header that nibabel may open with it."""
    suffixes = _HEADERS.get(format, ())[:-1]
    stem = header.name[: -len(header.suffix)]
    names = [stem + spelt for suffix in suffixes for spelt in (suffix, suffix.upper())]
    return [header.with_name(name) for name in dict.fromkeys(names)]


def _labels(axes: list[str]) -> list[str]:
    """Return labels, the spatial ones by their places."""
    places = list(_PLACES[: axes.count("space")])
    return [places.pop() if axis == "space" else axis for axis in axes]


def _header(path: Path, format: str) -> Path:
    """Return the header of a pair, whichever of its files was given."""
    suffixes = _HEADERS.get(format)
    if suffixes is None:
        return path
    *others, wanted = suffixes
    low = path.name.lower()
    suffix = next((one for one in others if low.endswith(one)), None)
    if suffix is None:
        return path
    stem = path.name[: -len(suffix)]
    for name in (stem + wanted, stem + wanted.upper()):
        if path.with_name(name).is_file():
            return path.with_name(name)
    raise NotFoundError(
        "holds voxels whose header is in another file, which is missing",
        path=path,
        hint=f"Put {stem + wanted.upper()} beside it",
    )
