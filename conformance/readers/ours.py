"""Prints what a `.mla` file holds, as the kit asks for it: `python ours.py FILE [i,j,k ...]`.

It is also how `mlarray` 0.0.54 is scored: run it with the interpreter of an environment that has it.
"""

from __future__ import annotations

import json
import sys
import zlib
from typing import Any

import numpy as np

from mlarray import MLArray


def described(path: str, indices: list[str]) -> dict[str, Any]:
    """Return what the kit asks for of a file.

    Parameters
    ----------
    path
        Of the file.
    indices
        Of some voxels, as ``i,j,k``.
    """
    image = MLArray.load(path)
    meta = plain(image.meta.to_mapping())
    if not image.shape:
        return {"shape": None, "meta": meta}
    voxels, affine = np.ascontiguousarray(image.to_numpy()), np.asarray(image.affine, float)
    labels = image.meta.spatial.axis_labels or ["spatial"] * voxels.ndim
    inner = [axis for axis, label in enumerate(labels) if str(label).startswith("spatial")]
    points = []
    for where in indices:
        index = tuple(map(int, where.split(",")))
        world = affine @ [*(index[axis] for axis in inner), 1]
        points.append({"index": index, "value": number(voxels[index]), "world": world[:-1].tolist()})
    return {
        "shape": voxels.shape,
        "dtype": voxels.dtype.str,
        "crc32": f"{zlib.crc32(voxels.tobytes()):08x}",
        "affine": affine.tolist(),
        "points": points,
        "meta": meta,
    }


def number(voxel: Any) -> Any:
    """Return a voxel as JSON has it; None for types that it has no number for."""
    kind, width = voxel.dtype.kind, voxel.dtype.itemsize
    return voxel.item() if kind in "biu" or (kind == "f" and width > 2) else None


def plain(value: Any) -> Any:
    """Return metadata without the containers of the package."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value.value) if hasattr(value, "value") else value


if __name__ == "__main__":
    print(json.dumps(described(sys.argv[1], sys.argv[2:])))
