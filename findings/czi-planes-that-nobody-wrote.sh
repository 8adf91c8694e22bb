#!/bin/sh
# A CZI may hold some planes of a grid only: Airyscan files have 32 phases of one channel and one of each other, and an
# experiment that is stopped lacks its last planes.
# Guess: a reader that hands back the whole grid fills what isn't stored with zeros, or says that it is missing.
# What happens: pylibCZIrw 6.1.0 hands back zeros without a word. czifile 2019.7.2.3 (the newest for Python 3.11)
# hands back whatever was in memory: its result depends on what the allocator filled new memory with.
# Why it matters: noise that isn't in the file is averaged, normalised and trained on, and changes from run to run.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv env
env/bin/pip install -q pylibCZIrw==6.1.0 czifile==2019.7.2.3 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
cat > read.py <<'PYTHON'
import ctypes
import sys

import czifile
import numpy as np
from pylibCZIrw import czi

ctypes.CDLL(None).mallopt(-6, int(sys.argv[1], 16))  # M_PERTURB of glibc: new memory holds the complement of this
with czifile.CziFile("sparse.czi") as file:
    theirs = np.squeeze(file.asarray(max_workers=1))
with czi.open_czi("sparse.czi") as file:
    zeros = file.read(plane={"C": 0, "T": 1})
print("czifile", theirs.shape, hex(int(theirs[1, 0, 0, 0])), "| pylibCZIrw", int(zeros.max()))
assert theirs.shape == (2, 2, 256, 256)
assert (theirs[0, 0] == 7).all()
assert (theirs[1, 1] == 7).all()
assert zeros.max() == 0
assert (theirs[1, 0] == int(sys.argv[2], 16)).all()
PYTHON
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ("pylibCZIrw", "czifile")))

import numpy as np
from pylibCZIrw import czi

with czi.create_czi("sparse.czi") as file:  # time 0 of channel 0, time 1 of channel 1
    for number in range(2):
        file.write(np.full((256, 256, 1), 7, "u2"), plane={"C": number, "T": number})
PYTHON
env/bin/python read.py 11 eeee
env/bin/python read.py 66 9999
