#!/bin/sh
# NRRD has fields (`sizes: 2 2`) and, in a name space of their own, free key/value pairs (`sizes:=large`).
# Guess: a pair may have the name of a field, as the definition allows.
# What happens: pynrrd refuses the file ("Duplicate header field"). SimpleITK reads it and gives the pair as metadata.
# Why it matters: whoever passes on the metadata of another format as key/value pairs (`units:=HU`, `content:=liver`)
# makes files that Python's most used reader refuses, unless names are checked against the list of fields.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q SimpleITK==2.5.7 pynrrd==1.1.3 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('SimpleITK', 'pynrrd')))

import nrrd
import SimpleITK


lines = ["NRRD0004", "type: uint8", "dimension: 2", "sizes: 2 2", "encoding: raw", "sizes:=large", "", ""]
with open("a.nrrd", "wb") as file:
    file.write("\n".join(lines).encode() + bytes(4))
image = SimpleITK.ReadImage("a.nrrd")
print("SimpleITK:", image.GetSize(), "sizes:=" + image.GetMetaData("sizes"))
assert image.GetSize() == (2, 2)
assert image.GetMetaData("sizes") == "large"
try:
    nrrd.read("a.nrrd")
except nrrd.NRRDError as error:
    print("pynrrd:", error)
    assert "Duplicate header field" in str(error)
else:
    raise SystemExit("pynrrd reads it now")
PYTHON
