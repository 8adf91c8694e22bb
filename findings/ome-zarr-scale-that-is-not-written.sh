#!/bin/sh
# Guess: ome-zarr's `write_image(..., axes=..., coordinate_transformations=...)` writes the units and the voxel sizes
# that it is given, as its parameters say.
# What happens: axes lose their units, and scale and translation are those of a spacing of 1; the only hint is a
# DeprecationWarning. Coarser levels are then placed relative to that.
# Why it matters: a store that was written with 2 x 0.5 x 0.5 micrometres has voxels of 1 x 1 x 1 without a unit.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q ome-zarr==0.18.0 zarr==3.1.6 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('ome-zarr', 'zarr')))

import warnings

import numpy as np
import zarr
from ome_zarr.writer import write_image


axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
sizes = [[{"type": "scale", "scale": [2.0, 0.5 * 2**level, 0.5 * 2**level]}] for level in range(5)]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    write_image(np.ones((8, 64, 64), np.uint16), "a.zarr", axes=axes, coordinate_transformations=sizes)
print("warnings:", sorted({warning.category.__name__ for warning in said}))
multiscale = zarr.open_group("a.zarr", mode="r").attrs["ome"]["multiscales"][0]
first = multiscale["datasets"][0]["coordinateTransformations"]
print("axes:", multiscale["axes"])
print("level 0:", first)
assert not any("unit" in axis for axis in multiscale["axes"])
assert first[0] == {"type": "scale", "scale": [1.0, 1.0, 1.0]}
PYTHON
