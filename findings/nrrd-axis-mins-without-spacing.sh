#!/bin/sh
# In NRRD, `axis mins` and `axis maxs` say where an axis starts and ends, and thereby how far its samples are apart
# (cell-centred: (max - min) / size).
# Guess: a reader uses both, or neither.
# What happens: SimpleITK takes the origin from them, half a cell inside, and the spacing is 1 all the same: for two
# samples from 10 to 14 the first is at 11, which is right, and the second at 12 rather than at 13.
# Why it matters: the image is at a place that fits neither reading, and of the wrong size.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q SimpleITK==2.5.7 pynrrd==1.1.3 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('SimpleITK', 'pynrrd')))

import nrrd
import SimpleITK


lines = [
    "NRRD0004", "type: uint8", "dimension: 3", "sizes: 2 2 2", "axis mins: 10 20 30", "axis maxs: 14 24 34",
    "centers: cell cell cell", "encoding: raw", "", "",
]
with open("a.nrrd", "wb") as file:
    file.write("\n".join(lines).encode() + bytes(8))
header = nrrd.read("a.nrrd")[1]
wanted = [(high - low) / 2 for low, high in zip(header["axis mins"], header["axis maxs"])]
image = SimpleITK.ReadImage("a.nrrd")
print("spacing by the header", wanted, "by SimpleITK", image.GetSpacing(), "origin", image.GetOrigin())
assert wanted == [2, 2, 2]
assert image.GetOrigin() == (11, 21, 31)
assert image.GetSpacing() == (1, 1, 1)
PYTHON
