#!/bin/sh
# Guess: an image of 2 micrometre voxels has the same spacing in SimpleITK whatever format it is read from, since
# positions are in millimetres there.
# What happens: from NIfTI (xyzt_units 3) the spacing is 0.002, converted to mm. From NRRD with `space units` "um" it is
# 2: the units are ignored. nibabel gives 2 for the NIfTI, without converting.
# Why it matters: an image and its labels, one in each format, differ in size by a factor of 1000.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('nibabel', 'SimpleITK')))

import nibabel
import numpy as np
import SimpleITK


image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.diag([2.0, 2, 2, 1]))
image.header.set_xyzt_units("micron")
nibabel.save(image, "a.nii")
lines = [
    "NRRD0004", "type: uint8", "dimension: 3", "sizes: 3 3 3", "space: left-posterior-superior",
    "space directions: (2,0,0) (0,2,0) (0,0,2)", 'space units: "um" "um" "um"', "encoding: raw", "", "",
]
with open("a.nrrd", "wb") as file:
    file.write("\n".join(lines).encode() + bytes(27))
nifti, nrrd = (SimpleITK.ReadImage(name).GetSpacing()[0] for name in ("a.nii", "a.nrrd"))
zoom = float(nibabel.load("a.nii").header.get_zooms()[0])
print("SimpleITK: NIfTI", nifti, "NRRD", nrrd, "| nibabel: NIfTI", zoom)
assert np.isclose(nifti, 0.002)
assert nrrd == 2
assert zoom == 2
PYTHON
