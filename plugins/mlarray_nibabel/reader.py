"""Opens what nibabel reads. nibabel itself runs in another process, see `describing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from mlarray_core import Additions, AxisValues, Meta, geometry
from mlarray_core.errors import CorruptError, MetadataError, NotFoundError
from mlarray_io.sdk import ChildReader, RawData, ask_child

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context
    from mlarray_nibabel.describing import Described

RATIO = 1032
"""The most that deflate can shrink, for sizes that lie."""

_HEADERS = {"afni": (".brik.gz", ".brik", ".head"), "parrec": (".rec", ".par")}
"""Suffixes of voxels, and last the one of the header beside them."""

_SUFFIXES = {"minc": ".mnc", "ecat": ".v"}
"""By which nibabel knows a format."""

_PLACES = ("spatial_x", "spatial_y", "spatial_z")


def open_image(path: Path, format: str, context: Context) -> ChildReader:
    """Open an image.

    Raises
    ------
    CorruptError
        nibabel refuses it or its libraries crash on it; or its header describes more than its files hold.
    NotFoundError
        The other file of a pair is missing.
    LimitError
        It is larger than the host allows.
    """
    path = _header(path, format)
    suffix = _SUFFIXES.get(format, "")
    found = cast("Described", ask_child(f"mlarray_nibabel.describing:{format}", path, suffix))
    raw = RawData(tuple(found["shape"]), np.dtype(found["dtype"]))
    if 0 in raw.shape or raw.nbytes > found["bytes"] * RATIO * 8:
        raise CorruptError(
            f"its header describes {raw.nbytes:,} bytes, which its files can't hold", path=path
        )
    context.allow(raw.nbytes, path)
    voxels = f"mlarray_nibabel.describing:{format}_voxels"
    return ChildReader(path, voxels, raw, _meta(found, path), suffix)


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
    axes: dict[int, AxisValues] = {}
    for axis, (start, step) in found["steps"].items():
        count, unit = found["shape"][int(axis)], found["units"][int(axis)]
        if step and np.isfinite([start, step]).all() and count > 1:
            values = [start + step * index for index in range(count)]
            axes[int(axis)] = AxisValues("time", unit, values)
    Additions(axes=axes).store(meta)
    return meta


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
