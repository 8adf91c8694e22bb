#!/bin/sh
# napari with a multiscale image of 101 pixels whose coarser level has 51: each of its pixels stands for two, the last one for one and the edge.
# That is how OME-Zarr's and most other pyramids round up.
# Guess: a pixel of the level is drawn over the two that it was made of.
# What happens: napari takes the ratio of the shapes, 101 / 51 = 1.98, for the size of the level's pixels; there is no way to say that it is 2.
# Pixels drift, at the end by most of a pixel: what was made of pixels 98 and 99 is drawn over 97.04 to 99.02. The error doubles with each level.
# Why it matters: landmarks and outlines that are set on a coarse level lie elsewhere on the image, more so the further from the origin.
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
from napari.layers import Image

image = np.arange(101.0)[np.newaxis].repeat(101, 0)
padded = np.pad(image, ((0, 1), (0, 1)), "edge")
level = padded.reshape(51, 2, 51, 2).mean((1, 3))
layer = Image([image, level], multiscale=True)
factor = layer.downsample_factors[1]
print("napari", version("napari"), "size of the level's pixels:", np.round(factor, 3))
first, last = 49 * factor[1], 50 * factor[1]
print(f"pixel 49 of the level, the mean of {level[0, 49] - 0.5:g} and {level[0, 49] + 0.5:g}, is drawn from {first:.2f} to {last:.2f}")
assert level[0, 49] == 98.5
PYTHON
found=$(env/bin/python look.py)
echo "$found"
echo "$found" | grep -q '1.98'
echo "$found" | grep -q 'from 97.04 to 99.02'
