#!/bin/sh
# Segments have a RecommendedDisplayCIELabValue, in ICC's profile connection space (PS3.3 C.10.7.1.1): its white is D50.
# Guess: highdicom's `CIELabColor.from_rgb` gives sRGB red as it is in that space, L 54.3, a 80.8, b 69.9.
# What happens: it gives L 53.2, a 80.1, b 67.2, which is sRGB red under D65.
# Why it matters: a program that follows the standard shows other colours than were chosen, and one that wants to give
# back the chosen ones has to know who wrote the file.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q highdicom==0.28.2 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('highdicom',)))

import numpy as np
from highdicom.color import CIELabColor


# linear sRGB to CIE XYZ with its own white D65, and adapted to D50 (Bradford), as in ICC's sRGB profile
SPACES = {
    "D65": ((0.4124564, 0.2126729, 0.0193339), (0.95047, 1, 1.08883)),
    "D50": ((0.4360747, 0.2225045, 0.0139322), (0.96422, 1, 0.82521)),
}


def lab(red, white):
    """Return L, a, b of the first primary (CIE 15)."""
    x, y, z = np.cbrt(np.divide(red, white))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


stored = np.array(CIELabColor.from_rgb(255, 0, 0).value)
found = stored / 65535 * (100, 255, 255) - (0, 128, 128)
print("stored", stored.tolist(), "that is L, a, b", found.round(1).tolist())
for name, (red, white) in SPACES.items():
    print("sRGB red under", name, lab(red, white).round(1).tolist())
assert np.allclose(found, lab(*SPACES["D65"]), atol=0.1)
assert np.abs(found - lab(*SPACES["D50"])).max() > 1
PYTHON
