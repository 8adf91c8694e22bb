"""Symmetric tensors and displacements: the parts that an axis of components holds, and their frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlarray_core import AxisValues, geometry
from mlarray_io.sdk import DISPLACEMENT, FRAME, TENSOR

if TYPE_CHECKING:
    from mlarray_nrrd.lines import Fields

UPPER = ("xx", "xy", "xz", "yy", "yz", "zz")
"""The parts of a tensor in a file: its upper triangle, row by row (definition, section 6, "kinds")."""

KINDS = {"3d-symmetric-matrix": UPPER, "3d-masked-symmetric-matrix": ("", *UPPER)}
"""Parts by kind; the mask before them is none of the world."""

SPELT = {UPPER: "3D-symmetric-matrix", ("", *UPPER): "3D-masked-symmetric-matrix"}
VECTOR = ("x", "y", "z")
IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def tensor_of(fields: Fields, axis: int, world: str | None) -> AxisValues | None:
    """Return what an axis of components holds of the world, None where that isn't said.

    A tensor's parts are along its measurement frame. Without one they are along nothing that is known.

    Parameters
    ----------
    fields
        The header's.
    axis
        Counted as NRRD does.
    world
        The one that it declares.
    """
    kind, size = str(fields["kinds"][axis]).lower(), fields["sizes"][axis]
    label = str((fields.get("labels") or [""] * (axis + 1))[axis])
    if geometry.normal_world(world) is None:
        return None
    if label == DISPLACEMENT and size == len(VECTOR):
        return AxisValues(DISPLACEMENT, values=list(VECTOR))
    names, frame = KINDS.get(kind, ()), frame_of(fields)
    if size != len(names) or frame is None:
        return None
    others = {} if frame == IDENTITY else {FRAME: frame}
    return AxisValues(TENSOR, values=list(names), others=others)


def frame_of(fields: Fields) -> list[list[float]] | None:
    """Return the measurement frame, a vector for each of its axes, None where it isn't said."""
    vectors = fields.get("measurement frame")
    if vectors is None or len(vectors) != 3:
        return None
    frame = [list(map(float, vector)) if vector is not None else [] for vector in vectors]
    whole = all(len(vector) == 3 and all(map(math.isfinite, vector)) for vector in frame)
    return frame if whole else None
