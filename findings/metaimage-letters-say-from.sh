#!/bin/sh
# MetaImage's AnatomicalOrientation names the axes by three letters, as nibabel's `aff2axcodes` does.
# Guess: the letters mean the same, and a reader uses them.
# What happens: an image whose axes run to the left, the back and the head is `LPS` for nibabel and `RAI` for
# MetaImage, whose letters say from where an axis comes. SimpleITK writes the line and never reads it: other letters
# change nothing.
# Why it matters: whoever takes the letters for nibabel's turns images by 180 degrees; whoever edits the line to mend
# an orientation mends nothing.
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


SimpleITK.WriteImage(SimpleITK.Image(3, 3, 3, SimpleITK.sitkUInt8), "a.mha")  # identity: LPS
content = open("a.mha", "rb").read()
line = next(line for line in content.split(b"\n") if line.startswith(b"AnatomicalOrientation"))
letters = "".join(nibabel.aff2axcodes(np.diag([-1.0, -1, 1, 1])))  # the same image in RAS coordinates
print("MetaImage:", line.decode(), "| nibabel:", letters)
assert line == b"AnatomicalOrientation = RAI"
assert letters == "LPS"
for other in (b"LPS", b"ASL", b"???"):
    with open("b.mha", "wb") as file:
        file.write(content.replace(b"= RAI", b"= " + other))
    direction = SimpleITK.ReadImage("b.mha").GetDirection()
    print("SimpleITK, AnatomicalOrientation =", other.decode(), direction)
    assert direction == (1, 0, 0, 0, 1, 0, 0, 0, 1)
PYTHON
