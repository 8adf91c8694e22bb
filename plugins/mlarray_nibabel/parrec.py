"""Runs in the other process: Philips PAR/REC.

Lines of a PAR stand in any order. Its columns say which volume a slice belongs to, and nibabel's strict
sorting goes by them; what tells volumes apart becomes the positions along their axis.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_nibabel.description import Foreign, bytes_of, fortran, json_of, planes, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_nibabel.description import Described, Lines

TELLING = (
    "cardiac phase number", "dynamic scan number", "gradient orientation number", "diffusion b value number",
    "label type", "echo number", "image_type_mr", "scanning sequence",
)  # fmt: skip
"""Columns that tell volumes apart (PAR 4.2, image information definition)."""

VALUES = {"diffusion b value number": ("diffusion_b_factor", "s/mm^2"), "echo number": ("echo_time", "ms"),
          "cardiac phase number": ("trigger_time", "ms")}  # fmt: skip
"""Columns that say in numbers what those only count."""


def describe(path: str) -> Iterator[Described]:
    """Yield the header of a PAR file."""
    image = _open(path)
    header = image.header
    slopes, intercepts = header.get_data_scaling("dv")
    dtype = scaled(image.get_data_dtype(), slopes, intercepts)
    definitions = {name: json_of(header.image_defs[name]) for name in header.image_defs.dtype.names}
    source = {"general": json_of(dict(header.general_info)), "images": definitions}
    volumes = _sorted(_volumes(header, image))
    told = [name for name in volumes if len(set(volumes[name])) > 1]
    dynamic = told == ["dynamic scan number"]
    zooms = header.get_zooms()
    steps: Lines = {0: (0.0, float(zooms[3]))} if dynamic and len(zooms) > 3 else {}
    kind, unit = ("temporal", "s") if dynamic else ("non_spatial", "")
    found = fortran(image, dtype, source, kind, steps, unit)
    if len(image.shape) > 3 and not dynamic:
        found["names"]["0"] = _named(header, image, volumes, told)
        rows = list(zip(*volumes.values(), strict=True))
        if len(set(rows)) < len(rows):
            found["notes"].append(
                "no column tells some of its volumes apart: they are in the order of the PAR"
            )
    yield found


def voxels(path: str) -> Iterator[Described | memoryview]:
    """Yield the voxels of a REC file, in the display's scaling."""
    image, dtype = _open(path), next(describe(path))["dtype"]
    if len(image.shape) < 4:
        yield from planes(image, dtype)
        return
    yield {}
    for volume in _order(_volumes(image.header, image)):
        yield bytes_of(image.dataobj[..., volume].T, dtype)


def _open(path: str) -> Foreign:
    from nibabel.parrec import PARRECImage

    # of echoes, b-values and gradients the general part names more than derived maps have: lines count there
    image = PARRECImage.from_filename(path, permit_truncated=True, scaling="dv", strict_sort=True)
    lines, shape = len(image.header.image_defs), image.shape
    if int(np.prod(shape[2:])) != lines:
        raise CorruptError(f"its {lines} lines make no whole volumes of {shape[2]} slices: it was cut short")
    missing = {"max_dynamics": "dynamic scan number", "max_slices": "slice number"}
    for most, column in missing.items():
        if len(set(image.header.image_defs[column].tolist())) < image.header.general_info[most]:
            raise CorruptError(f"it lacks lines of {column}s that its general part counts: it was cut short")
    name = image.file_map["image"].filename
    least = int(np.prod(shape)) * image.get_data_dtype().itemsize
    if Path(name).stat().st_size < least:
        raise CorruptError(f"its REC was cut short: it should hold {least:,} bytes")
    return image


def _volumes(header: Foreign, image: Foreign) -> dict[str, list[int]]:
    """Return what each telling column has for each volume."""
    first = header.get_sorted_slice_indices()[:: image.shape[2]]
    names = [name for name in TELLING if name in header.image_defs.dtype.names]
    return {name: np.asarray(header.image_defs[name])[first].tolist() for name in names}


def _order(volumes: dict[str, list[int]]) -> list[int]:
    """Return nibabel's volumes by gradient before b-value, as scanners number them."""
    inner = ("gradient orientation number", "diffusion b value number")
    outer = list(zip(*(column for name, column in volumes.items() if name not in inner), strict=True))
    keys = [volumes[name] for name in inner if name in volumes]
    return sorted(range(len(outer)), key=lambda at: (outer.index(outer[at]), *(key[at] for key in keys), at))


def _sorted(volumes: dict[str, list[int]]) -> dict[str, list[int]]:
    order = _order(volumes)
    return {name: [column[at] for at in order] for name, column in volumes.items()}


def _named(header: Foreign, image: Foreign, volumes: dict[str, list[int]], told: list[str]) -> list[Foreign]:
    """Return name, unit and values of what tells the volumes apart: numbers, or a dict for each volume."""
    first = header.get_sorted_slice_indices()[:: image.shape[2]][_order(_volumes(header, image))]
    if len(told) == 1:
        name, unit = VALUES.get(told[0], (told[0], ""))
        if name in header.image_defs.dtype.names and header.image_defs[name].ndim == 1:
            return [name, unit, np.asarray(header.image_defs[name])[first].tolist()]
        return [told[0], "", volumes[told[0]]]
    rows = zip(*(volumes[name] for name in told), strict=True)
    return ["volume", "", [dict(zip(told, row, strict=True)) for row in rows] if told else None]
