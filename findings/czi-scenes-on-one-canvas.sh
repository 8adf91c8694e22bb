#!/bin/sh
# A CZI of a well plate or of a slide has scenes: regions that were scanned apart from one another.
# Guess: a reader hands back one picture for each scene, of that scene's size.
# What happens: czifile 2019.7.2.3 (the newest for Python 3.11) hands back an axis of scenes, each on the canvas of all
# scenes together: two scenes of 40 x 40 pixels that lie 5000 pixels apart become 2 x 40 x 5040. pylibCZIrw 6.1.0 gives
# 40 x 40 for each when it is asked for a scene, and 40 x 5040, mostly zeros, when it isn't.
# Why it matters: a plate of 96 wells of 2000 x 2000 pixels takes terabytes in memory, or is cut into patches of nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv env
env/bin/pip install -q pylibCZIrw==6.1.0 czifile==2019.7.2.3 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ("pylibCZIrw", "czifile")))

import czifile
import numpy as np
from pylibCZIrw import czi

with czi.create_czi("plate.czi") as file:
    for scene in range(2):
        tile = np.full((40, 40, 1), scene + 1, "u2")
        file.write(tile, location=(5000 * scene, 0), plane={"C": 0}, scene=scene)
with czifile.CziFile("plate.czi") as file:
    theirs = file.shape, file.axes
with czi.open_czi("plate.czi") as file:
    one, all_of_them = file.read(scene=1).shape, file.read().shape
print("czifile", *theirs, "| pylibCZIrw: a scene", one, "everything", all_of_them)
sizes = dict(zip(theirs[1], theirs[0]))
assert (sizes["S"], sizes["Y"], sizes["X"]) == (2, 40, 5040)
assert (one, all_of_them) == ((40, 40, 1), (40, 5040, 1))
PYTHON
