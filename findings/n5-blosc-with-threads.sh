#!/usr/bin/env bash
# An N5 array that is packed with Blosc. One would guess that tensorstore opens what z5py (and n5-blosc of Fiji) writes: the block
# is plain Blosc, and N5's own specification lets attributes.json hold more than a reader knows. z5py notes the number of threads
# in the parameters of the compression, "nthreads", and tensorstore refuses the whole array for that one key, though it keeps
# unknown attributes elsewhere. A converter that trusts tensorstore's reading of the attributes can't read such arrays.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q z5py==3.0.2 tensorstore==0.1.86 2>&1 | grep -v -i "warning\|notice" || true
"$folder/venv/bin/python" - "$folder/a.n5" <<'PY'
import json
import sys
from importlib.metadata import version

import numpy as np
import tensorstore
import z5py

print("z5py", version("z5py"), "tensorstore", version("tensorstore"))
path = sys.argv[1]
with z5py.File(path, "w", use_zarr_format=False) as file:
    file.create_dataset("a", data=np.arange(64, dtype="u2").reshape(4, 4, 4), chunks=(2, 2, 2), compression="blosc")
attributes = json.load(open(f"{path}/a/attributes.json"))
print("written:", attributes["compression"])
spec = {"driver": "n5", "kvstore": {"driver": "file", "path": f"{path}/a/"}}
try:
    tensorstore.open(spec).result()
    refused = ""
except ValueError as error:
    refused = str(error)
print("tensorstore:", refused[:260] or "opened")
attributes["compression"].pop("nthreads")
told = {name: attributes[name] for name in ("dimensions", "blockSize", "dataType", "compression")}
array = tensorstore.open({**spec, "metadata": told, "assume_metadata": True}).result()
same = bool((array.read().result().T.ravel() == np.arange(64)).all())
print("the same blocks, with the attributes told and without that key:", "equal" if same else "differ")
assert "nthreads" in refused
assert same
PY
