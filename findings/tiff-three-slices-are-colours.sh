#!/bin/sh
# Guess: `tifffile.imwrite("a.tif", volume)` stores a volume of uint8 as pages of grey values, whatever its depth.
# What happens: a first or last axis of length 3 or 4 is taken for colours. Three or four slices become one page of
# red, green, blue and perhaps alpha planes; two or five slices become pages. uint16 likewise.
# Why it matters: small stacks, previews and crops change their meaning by their size: a viewer shows one colour
# picture, and a reader finds a sample axis where z was. Pass `photometric="minisblack"`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q tifffile==2026.3.3 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('tifffile',)))

import numpy as np
import tifffile


def stored(shape, dtype="u1", **options):
    tifffile.imwrite("a.tif", np.zeros(shape, dtype), **options)
    with tifffile.TiffFile("a.tif") as file:
        return file.pages[0].photometric.name, file.series[0].axes, len(file.pages)


for shape, expected in {
    (2, 16, 20): ("MINISBLACK", "QYX", 2),
    (3, 16, 20): ("RGB", "SYX", 1),
    (4, 16, 20): ("RGB", "SYX", 1),
    (5, 16, 20): ("MINISBLACK", "QYX", 5),
    (16, 20, 3): ("RGB", "YXS", 1),
    (16, 20, 4): ("RGB", "YXS", 1),
}.items():
    print(shape, stored(shape))
    assert stored(shape) == expected
assert stored((16, 20, 3), "u2") == ("RGB", "YXS", 1)
assert stored((3, 16, 20), photometric="minisblack") == ("MINISBLACK", "QYX", 3)
PYTHON
