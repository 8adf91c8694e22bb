#!/bin/sh
# In NIfTI, values are stored * scl_slope + scl_inter, and a slope of 0 means that there is no scaling (nifti1.h).
# Guess: with a slope of 0 or NaN, readers ignore the intercept too.
# What happens: nibabel does. SimpleITK takes the slope for 1 and still adds the intercept.
# Why it matters: the same file has values that differ by a constant, such as 1024 in CT, without a warning.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('nibabel', 'SimpleITK')))

import struct

import nibabel
import numpy as np
import SimpleITK


whole = nibabel.Nifti1Image(np.full((2, 2, 2), 7, np.int16), np.eye(4)).to_bytes()
print("slope, intercept: value by nibabel, by SimpleITK of a stored 7")
for slope, intercept, expected in ((0.0, 5.0, (7, 12)), (float("nan"), 5.0, (7, 12)), (2.0, 5.0, (19, 19))):
    content = bytearray(whole)
    content[112:120] = struct.pack("<ff", slope, intercept)
    with open("a.nii", "wb") as file:
        file.write(content)
    first = nibabel.load("a.nii").get_fdata().max()
    second = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("a.nii")).max()
    print(slope, intercept, first, second)
    assert (first, second) == expected
PYTHON
