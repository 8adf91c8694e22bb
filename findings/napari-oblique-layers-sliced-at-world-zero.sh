#!/bin/sh
# napari with a volume that is turned by 30 degrees (an affine, as every tilted scan has it) and lies 300 mm from the world's zero.
# Guess: with the slider in the middle of the volume, which is where napari puts it, its middle is shown, if not quite in the right plane.
# What happens: nothing is shown. napari finds the slice by the slider's axis alone, as if the displayed axes were at world 0; there the
# slider's plane is far from the volume. The same volume with its middle at world 0 is shown. A warning speaks of a rotation that isn't applied.
# Why it matters: a file with a true position is black in 2-D, one without is not: it looks like a fault of the reader that kept the position.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q napari==0.9.2 npe2==0.10.0 numpy==2.4.6
cat > look.py <<'PYTHON'
import warnings
from importlib.metadata import version

import numpy as np

warnings.simplefilter("ignore")
from napari.components import ViewerModel

turn = np.radians(30)
affine = np.eye(4)
affine[:3, :3] = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
middle = np.full(3, 19.5)
print("napari", version("napari"))
for distance in (0, 300):
    affine[:3, 3] = (0, distance, 0) - affine[:3, :3] @ middle
    viewer = ViewerModel()
    layer = viewer.add_image(np.ones((40, 40, 40)), affine=affine, contrast_limits=(0, 1))
    inside = layer.world_to_data(viewer.dims.point)
    assert ((inside >= 0) & (inside < 40)).all()
    print(f"middle at y = {distance}: slider at voxel {np.round(inside, 1)}, brightest of the thumbnail {layer.thumbnail[..., :3].max()}")
PYTHON
found=$(env/bin/python look.py)
echo "$found"
echo "$found" | grep -q 'y = 0:.*brightest of the thumbnail 255'
echo "$found" | grep -q 'y = 300:.*brightest of the thumbnail 0'
