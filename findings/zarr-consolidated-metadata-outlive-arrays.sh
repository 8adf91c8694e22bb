#!/bin/sh
# A Zarr group may hold a copy of all metadata below it (consolidated metadata), to save requests.
# Guess: an array that was deleted since is missing, and one that was added is found.
# What happens: the copy wins over what is stored. A deleted array opens and reads as its fill value; an added one is a
# KeyError. Nothing is said about the copy being old.
# Why it matters: after a level of a pyramid or a label image was removed or rewritten by another tool, training goes on
# with zeros.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q zarr==3.1.6 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('zarr',)))

import shutil
import warnings

import numpy as np
import zarr

warnings.simplefilter("ignore")  # that consolidated metadata are no part of the Zarr 3 specification yet


group = zarr.create_group("a.zarr")
group.create_array("image", data=np.full((2, 3), 7))
group.create_array("labels", data=np.full((2, 3), 8))
zarr.consolidate_metadata("a.zarr")
shutil.rmtree("a.zarr/labels")
zarr.open_group("a.zarr", mode="r+", use_consolidated=False).create_array("added", data=np.ones((2, 3)))

found = zarr.open_group("a.zarr", mode="r")
print("members:", sorted(found), "| labels, deleted:", found["labels"][...].tolist())
assert sorted(found) == ["image", "labels"]
assert not found["labels"][...].any()
try:
    found["added"]
except KeyError as error:
    print("added:", error)
else:
    raise SystemExit("it is found now")
print("without the copy:", sorted(zarr.open_group("a.zarr", mode="r", use_consolidated=False)))
assert sorted(zarr.open_group("a.zarr", mode="r", use_consolidated=False)) == ["added", "image"]
PYTHON
