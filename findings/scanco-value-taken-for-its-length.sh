#!/bin/sh
# Images of bytes by Scanco are often packed as runs: pairs of a value and of its length.
# Guess: the reader in ITK's module for Scanco's files unpacks what the AimIO library of Numerics88 packs.
# What happens: itk-ioscanco takes the value for the length and the length for the value, and says nothing.
# Runs of the value 0 vanish with it, and what the others don't fill is left as it was in memory.
# AimIO reads the same file as it was, and the lengths of files by n88tools add up only its way.
# Why it matters: the shape and the type are right, so a segmentation of bone is silently another one.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q itk-ioscanco==1.0.1 itk-io==5.4.7 aimio-py==0.4.1 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ("itk-ioscanco", "itk-io", "aimio-py")))

import itk
import numpy as np
import py_aimio

voxels = np.repeat(np.array([0, 3, 2, 5, 2], "i1"), [1, 3, 5, 2, 1]).reshape(2, 2, 3)
log = "! Processing Log\n" * 40  # as long as one of a scanner: ITK takes no shorter file
py_aimio.write_aim("a.aim", voxels, {"element_size": (0.1, 0.1, 0.1), "processing_log": log}, unit="native")
packed = hex(py_aimio.aim_info("a.aim")["aim_type"])
by_aimio = py_aimio.read_aim("a.aim")[0].ravel()
by_itk = itk.GetArrayFromImage(itk.imread("a.aim", itk.SS)).ravel()
print("type", packed, "(runs of bytes) | written:", *voxels.ravel())
print("AimIO:", *by_aimio)
print("ITK:  ", *by_itk)
assert packed == "0x80002"
assert (by_aimio == voxels.ravel()).all()
assert by_itk.tolist() == [3, 3, 3, 5, 5, 2, 2, 2, 2, 2, 1, 1]  # the 0 is gone, 2 2 2 2 2 is 5 5
PYTHON
