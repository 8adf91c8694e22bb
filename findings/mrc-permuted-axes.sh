#!/bin/sh
# In MRC, MAPC, MAPR and MAPS say which axis of the cell runs along columns, rows and sections (MRC2014).
# Guess: the voxel size that a library gives belongs to the axes of the array that it gives.
# What happens: mrcfile and SimpleITK give the array as it is stored and the sizes in the order x, y, z of the cell.
# With MAPC 2 and MAPR 1 the first two are exchanged. gemmi names the axes correctly.
# Why it matters: maps of crystallography often have permuted axes. A voxel of 2 x 3 x 4 is measured as 3 x 2 x 4.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q mrcfile==1.5.4 SimpleITK==2.5.7 gemmi==0.7.5 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('mrcfile', 'SimpleITK', 'gemmi')))

import gemmi
import mrcfile
import numpy as np
import SimpleITK


with mrcfile.new("a.mrc") as file:
    file.set_data(np.zeros((4, 5, 6), np.float32))  # sections, rows, columns
    file.header.mapc, file.header.mapr, file.header.maps = 2, 1, 3  # columns run along y, rows along x
    file.header.mx, file.header.my, file.header.mz = 5, 6, 4  # intervals along x, y, z
    file.header.cella = (10, 18, 16)  # so voxels are 2, 3, 4 along x, y, z
assert mrcfile.validate("a.mrc")
with mrcfile.open("a.mrc") as file:
    size = tuple(float(file.voxel_size[name]) for name in "xyz")
spacing = SimpleITK.ReadImage("a.mrc").GetSpacing()
axes = gemmi.read_ccp4_map("a.mrc").axis_positions()
print("along columns, rows, sections: 3, 2, 4 | mrcfile", size, "| SimpleITK", spacing)
print("gemmi: x, y, z are axes", axes, "of columns, rows, sections")
assert size == (2, 3, 4)
assert spacing == (2, 3, 4)
assert axes == [1, 0, 2]
PYTHON
