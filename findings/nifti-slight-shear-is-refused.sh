#!/bin/sh
# Positions of oblique DICOM slices are often rounded to two decimals, so that the affine made of them is sheared by
# some 1e-4. Such an affine fits into a NIfTI's sform and into no qform.
# Guess: a reader takes it, or warns.
# What happens: nibabel reads it. SimpleITK reads a cosine of 1e-4 between two axes and refuses one of 2e-4, unless
# the file has a qform, which it then uses without a word.
# Why it matters: a file that is more exact (sform only) opens in fewer programs than one that also holds the nearest
# rotation. Who writes NIfTI for others should add that rotation where it moves no voxel noticeably.
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


def written(cosine, with_qform):
    sheared = np.eye(4)
    sheared[0, 1] = cosine
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), None)
    image.set_sform(sheared, 1)
    image.set_qform(sheared, int(with_qform), strip_shears=True)
    nibabel.save(image, "a.nii")


def by_simpleitk():
    try:
        return SimpleITK.ReadImage("a.nii").GetDirection()
    except RuntimeError as error:
        return str(error).strip().splitlines()[-1]


written(1e-4, False)
print("cosine 1e-4:", by_simpleitk())
assert abs(by_simpleitk()[1] + 1e-4) < 1e-9
written(2e-4, False)
print("cosine 2e-4:", by_simpleitk(), "| nibabel:", nibabel.load("a.nii").affine[0].tolist())
assert "orthonormal" in by_simpleitk()
assert np.isclose(nibabel.load("a.nii").affine[0, 1], 2e-4)
written(1e-2, True)
print("cosine 1e-2 and the nearest rotation as qform:", by_simpleitk())
assert np.isclose(by_simpleitk()[1], -0.005, atol=1e-5)
PYTHON
