#!/bin/sh
# A NIfTI file may hold two positions, qform and sform, each with a code that says in which world it is.
# Guess: programs agree on which one counts, or at least on the codes that decide it.
# What happens: nibabel takes the sform whenever its code isn't 0. SimpleITK takes it only when its code is 1, and
# the qform for every other pair of codes in which both are set. The same valid file lies in two places, and no
# program says so.
# Why it matters: files that were registered to a template carry sform code 2, 3 or 4 beside the scanner's qform. A
# label map drawn in one program lies elsewhere in the other. A converter has to say which form it takes.
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


qform, sform = np.diag([2.0, 2, 2, 1]), np.diag([2.0, 2, 2, 1])
qform[:3, 3], sform[:3, 3] = (10, 20, 30), (1, 2, 3)
image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), None)
print("qform code, sform code: origin by nibabel, by SimpleITK (both RAS)")
for codes, expected in {(1, 1): "s", (2, 1): "s", (4, 1): "s", (1, 2): "q", (1, 4): "q", (2, 2): "q", (4, 4): "q"}.items():
    image.set_qform(qform, codes[0])
    image.set_sform(sform, codes[1])
    nibabel.save(image, "a.nii")
    first = nibabel.load("a.nii").affine[:3, 3].tolist()
    x, y, z = SimpleITK.ReadImage("a.nii").GetOrigin()
    second = [-x, -y, z]
    print(*codes, first, second)
    assert first == [1, 2, 3]
    assert second == ([1, 2, 3] if expected == "s" else [10, 20, 30])
PYTHON
