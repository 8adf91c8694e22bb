#!/bin/sh
# SimpleITK turns the geometry of a NIfTI from RAS to LPS.
# Guess: vectors in the voxels are either turned as well, or left alone.
# What happens: it depends on one number of the header. With intent 1006 (displacements) x and y are negated, with
# intent 1007 (any vector) they are not; nibabel gives the stored numbers for both.
# Why it matters: a deformation field that is saved by a program which writes 1007 warps to the mirrored side in one
# that writes 1006. A converter that turns the world of an image has to ask what its components are.
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


vectors = np.zeros((2, 2, 2, 1, 3), np.float32)
vectors[...] = (1, 2, 3)
for code, expected in ((1006, [-1, -2, 3]), (1007, [1, 2, 3])):
    image = nibabel.Nifti1Image(vectors, np.eye(4))
    image.header.set_intent(code, allow_unknown=True)
    nibabel.save(image, "a.nii")
    stored = nibabel.load("a.nii").get_fdata()[0, 0, 0, 0].tolist()
    found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("a.nii"))[0, 0, 0].tolist()
    print("intent", code, "nibabel", stored, "SimpleITK", found)
    assert stored == [1, 2, 3]
    assert found == expected
PYTHON
