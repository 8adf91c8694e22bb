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


DISPLACEMENT_INTENT, TENSOR_INTENT = 1006, 1005
"""Vectors and symmetric tensors of the world, whose parts are along RAS; ITK turns the first to LPS."""

PARTS = {
    (DISPLACEMENT_INTENT, 2): ("x", "y"),
    (DISPLACEMENT_INTENT, 3): ("x", "y", "z"),
    (TENSOR_INTENT, 3): ("xx", "xy", "yy"),
    (TENSOR_INTENT, 6): ("xx", "xy", "yy", "xz", "yz", "zz"),
}
"""Names of the parts by intent and number: those of a tensor are its lower triangle, row by row (nifti1.h,
NIFTI_INTENT_SYMMATRIX)."""


def is_timeless(header: Header) -> bool:
    """Say whether dim 4 only keeps dim 5 in its place: it is 1 in every image of vectors without time."""
    dim = header.get("dim")
    return dim[0] >= 5 and dim[4] <= 1 and header.get("intent_code") in VECTOR_INTENTS and not header.cifti


def unused_dims(header: Header) -> range:
    """Return the dimensions, dim 1 as 0, that are 1 and only keep others in their place: no axes.

    Dim 4 of vectors without time, and dim 1 to 4 of CIFTI-2, whose matrix begins at dim 5 (CIFTI-2, 3.1).
    """
    dim = header.get("dim")
    if header.cifti and dim[0] >= 5 and list(dim[1:5]) == [1, 1, 1, 1]:
        return range(4)
    return range(3, 4) if is_timeless(header) else range(0)


def axis_labels(header: Header, ndim: int, components: int) -> list[str]:
    """Return the label of each axis of the array.

    Parameters
    ----------
    header
        The header.
    ndim
        Number of axes that the array has of the header's dimensions, spatial ones that were added included.
    components
        3 or 4 for the colour datatypes, which add a last axis, else 0.
    """
    unused = unused_dims(header)
    names = dim_labels(header, ndim + len(unused))
    del names[unused.start : unused.stop]
    return [*reversed(names), *(["components"] if components else [])]


def dim_labels(header: Header, count: int) -> list[str]:
    """Return what each of the first `count` dimensions of the file is, dim 1 first."""
    if header.cifti:
        return ["non_spatial"] * count
    names = ["spatial_x", "spatial_y", "spatial_z", _fourth(header, count), _fifth(header)]
    return [*names, "non_spatial", "non_spatial"][:count]


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
