"""What the axes of a header are, in array order (slowest first), and their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlarray_nifti.header import Header

SPACE_UNITS = {1: "m", 2: "mm", 3: "um"}
TIME_UNITS = {8: "s", 16: "ms", 24: "us", 32: "Hz", 40: "ppm", 48: "rad/s"}
"""nifti1.h, NIFTI_UNITS_*."""

_SPECTRAL = frozenset({32, 40, 48})

VECTOR_INTENTS = frozenset({1005, 1006, 1007, 2003, 2004})
"""Symmetric matrix, displacement, vector, RGB and RGBA vector: each voxel holds the parts of one value."""


def axis_labels(header: Header, ndim: int, components: int) -> list[str]:
    """Return the label of each axis of the array.

    Parameters
    ----------
    header
        The header.
    ndim
        Number of dimensions that the header has, spatial ones that were added included.
    components
        3 or 4 for the colour datatypes, which add a last axis, else 0.
    """
    if header.cifti:
        return ["non_spatial"] * ndim
    names = ["spatial_x", "spatial_y", "spatial_z", _fourth(header, ndim), _fifth(header)]
    names = [*names, "non_spatial", "non_spatial"][:ndim]
    return [*reversed(names), *(["components"] if components else [])]


def _fourth(header: Header, ndim: int) -> str:
    """Label axis 4: time, a spectrum by its unit, or the parts of a vector as FSL has it in 4-D."""
    if ndim == 4 and header.get("intent_code") in VECTOR_INTENTS and header.get("dim")[4] > 1:
        return "components"
    return "continuous" if header.get("xyzt_units") & 56 in _SPECTRAL else "temporal"


def _fifth(header: Header) -> str:
    return "components" if header.get("intent_code") in VECTOR_INTENTS else "channel"


def axis_units(header: Header, labels: list[str]) -> list[str] | None:
    """Return the unit of each axis, None when the header gives none."""
    code = header.get("xyzt_units")
    space, time = SPACE_UNITS.get(code & 7, ""), TIME_UNITS.get(code & 56, "")
    units = []
    for label in labels:
        spatial = label.startswith("spatial")
        units.append(space if spatial else time if label in ("temporal", "continuous") else "")
    return units if any(units) else None


def steps(header: Header, count: int) -> list[float] | None:
    """Return the positions along the fourth axis, None where the header gives no step.

    They start at toffset, pixdim[4] apart (nifti1.h, "toffset").
    """
    step, start = header.get("pixdim")[4], header.get("toffset", 0.0)
    if not (0 < abs(step) < float("inf")) or not abs(start) < float("inf") or count < 2:
        return None
    return [start + index * step for index in range(count)]
