#!/bin/sh
# PNG holds colours of 16 bits as well as grey values of 16 bits.
# Guess: Pillow opens both as they are, or refuses what it can't hold.
# What happens: grey values stay uint16 (mode I;16). Colours become uint8 without a warning: 59000 is read as 230.
# SimpleITK reads 59000.
# Why it matters: microscopy and photographs in 16-bit colour lose half of their bits in a reader that many Python
# programs use.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q pillow==13.0.0 SimpleITK==2.5.7 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('pillow', 'SimpleITK')))

import numpy as np
import SimpleITK
from PIL import Image


colours = np.arange(60, dtype=np.uint16).reshape(4, 5, 3) * 1000
SimpleITK.WriteImage(SimpleITK.GetImageFromArray(colours, isVector=True), "colours.png")
SimpleITK.WriteImage(SimpleITK.GetImageFromArray(colours[..., 2].copy()), "grey.png")
for name, highest in (("grey.png", 59000), ("colours.png", 230)):
    image = Image.open(name)
    found = np.asarray(image)
    whole = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(name)).max()
    print(name, "Pillow", image.mode, found.dtype, found.max(), "| SimpleITK", whole)
    assert found.max() == highest
    assert whole == 59000
PYTHON
