#!/bin/sh
# NRRD knows the worlds right-anterior-superior (RAS), left-posterior-superior (LPS), and each with a time axis.
# Guess: a reader that turns RAS into its own LPS does so with and without time.
# What happens: SimpleITK turns `right-anterior-superior`, and leaves `right-anterior-superior-time` as it is.
# Why it matters: one time series, saved in the two spellings that the definition allows, lies at two places, mirrored
# in x and y. A writer of 4-D NRRD is understood only when it writes left-posterior-superior-time.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q SimpleITK==2.5.7 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('SimpleITK',)))

import SimpleITK


def origin(space, dimension):
    vectors = [",".join(str(int(row == column)) for column in range(dimension)) for row in range(dimension)]
    lines = [
        "NRRD0004", "type: uint8", f"dimension: {dimension}", f"space: {space}", "sizes:" + " 2" * dimension,
        "space directions: " + " ".join(f"({vector})" for vector in vectors),
        f"space origin: (10,20,30{',0' * (dimension - 3)})", "encoding: raw", "", "",
    ]
    with open("a.nrrd", "wb") as file:
        file.write("\n".join(lines).encode() + bytes(2**dimension))
    return SimpleITK.ReadImage("a.nrrd").GetOrigin()


for space, dimension, expected in (
    ("left-posterior-superior", 3, (10, 20, 30)),
    ("right-anterior-superior", 3, (-10, -20, 30)),
    ("left-posterior-superior-time", 4, (10, 20, 30, 0)),
    ("right-anterior-superior-time", 4, (10, 20, 30, 0)),
):
    print(space, origin(space, dimension))
    assert origin(space, dimension) == expected
PYTHON
