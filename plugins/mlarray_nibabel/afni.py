"""Runs in the other process: AFNI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_core.errors import UnsupportedError
from mlarray_nibabel.description import Foreign, fortran, json_of, planes, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_nibabel.description import Described, Lines

_UNITS = {77001: "ms", 77002: "s", 77003: "Hz"}
"""README.attributes, TAXIS_NUMS."""

_HELD = {0: "bytes", 1: "shorts", 3: "floats"}
"""README.attributes, BRICK_TYPES: what nibabel reads right; it takes complex64 for complex128."""


def describe(path: str) -> Iterator[Described]:
    """Yield the header of an AFNI dataset."""
    image = _open(path)
    info, scaling = image.header.info, image.header.get_data_scaling()
    times = info.get("TAXIS_NUMS")
    unit = "" if times is None else _UNITS.get(list(times)[2], "")
    fourth = "non_spatial" if times is None else "continuous" if unit == "Hz" else "temporal"
    steps: Lines = {}
    if times is not None and len(image.shape) > 3:
        start, step = [*info.get("TAXIS_FLOATS", [0, 0])][:2]
        steps = {0: (float(start), float(step))}
    dtype = scaled(image.get_data_dtype(), scaling, 0.0)
    found = fortran(image, dtype, {"attributes": json_of(dict(info))}, fourth, steps, unit)
    if times is None and found["shape"][:-3] == [1]:  # nibabel's axis of sub-bricks, of which there is one
        found |= {name: found[name][1:] for name in ("shape", "axes", "units")}
    yield found


def voxels(path: str) -> Iterator[Described | memoryview]:
    """Yield the voxels of an AFNI dataset, with each sub-brick's factor applied."""
    yield from planes(_open(path), next(describe(path))["dtype"])


def _open(path: str) -> Foreign:
    from nibabel.brikhead import AFNIImage, parse_AFNI_header

    with Path(path).open(encoding="utf-8", errors="replace") as file:
        info = parse_AFNI_header(file)
    found = info.get("BRICK_TYPES", 1)
    types = set(found) if isinstance(found, list | tuple) else {found}
    if len(types) > 1:
        raise UnsupportedError("its sub-bricks are of several types, which isn't read")
    if not types <= _HELD.keys():
        raise UnsupportedError(f"its sub-bricks are of type {min(types)} (complex, RGB), which isn't read")
    if "IJK_TO_DICOM_REAL" not in info:
        raise UnsupportedError("it has no IJK_TO_DICOM_REAL, by which its voxels are placed")
    return AFNIImage.from_filename(path)
