"""Runs in the other process: MINC 1 and 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_nibabel.description import bytes_of, described, scaled
from mlarray_nibabel.minc_file import MincFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_nibabel.description import Described, Lines

_KINDS = {"time": "temporal", "vector_dimension": "components"}


def describe(path: str) -> Iterator[Described]:
    """Yield the header of a MINC file. Its axes are slowest first already."""
    file = MincFile(path)
    axes = ["space" if name in file.spatial else _KINDS.get(name, "non_spatial") for name in file.names]
    steps: Lines = {}
    times: dict[str, list[float]] = {}
    for axis, name in enumerate(file.names):
        if name == "time":
            steps[axis] = file.line(name)
            positions = file.positions(name)
            if positions is not None:
                times[str(axis)] = positions
    found = described(file.shape, _dtype(file), file.affine, axes, file.source(), path, steps=steps)
    for axis_name, positions in times.items():
        del found["steps"][axis_name]
        found["names"][axis_name] = ["time", "s", positions]
    yield found


def voxels(path: str) -> Iterator[Described | memoryview]:
    """Yield the voxels of a MINC file, with the range of each slice applied."""
    file = MincFile(path)
    dtype = _dtype(file).newbyteorder("<").str
    yield {}
    for index in range(file.shape[0]):
        yield bytes_of(file.voxels[index], dtype)


def _dtype(file: MincFile) -> np.dtype[np.generic]:
    """Return the type that holds the values of all slices; integers always have a range to be scaled to."""
    if file.dtype.kind == "f":
        return file.dtype.newbyteorder("=")
    low, high = file.valid_range()
    least, most = file.ranges()
    slopes = (most - least) / (high - low)
    return np.dtype(np.result_type(np.float32, scaled(file.dtype, slopes, least - low * slopes)))
