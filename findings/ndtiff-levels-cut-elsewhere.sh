#!/bin/sh
# An NDTiff data set whose tiles begin at row 4, such as an exploration that went away from where it started, and its two coarser resolutions.
# Row 4 lies in row 2 of the first of them, and in row 1 of the second, which has an empty row 0 too: Micro-Manager writes such (test_data/v3/no_magellan_explore_no_channel of NDStorage).
# Guess: as_array(stitched=True) gives each resolution of the same part of the sample, so that each is the finest one made smaller.
# What happens: ndstorage cuts a resolution as if its first tile were the first that is needed. Where there is one before it, another part of the sample is cut out: here the empty one.
# Why it matters: a look at a coarse resolution shows another place than the finest one at the same position, without an error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q ndstorage==0.1.18 numpy==2.4.6 dask==2026.8.0
cat > look.py <<'PYTHON'
import contextlib
import io
from importlib.metadata import version

import ndstorage
import numpy as np

TILE, SUMMARY = 64, {"GridPixelOverlapX": 0, "GridPixelOverlapY": 0}


def write(name, tiles):
    written = ndstorage.NDTiffDataset(f"set/{name}", summary_metadata=SUMMARY, writable=True)
    for row, pixels in tiles.items():
        written.put_image({"row": row, "column": 0}, pixels, {})
    written.finish()


def plain(value):
    return np.full((TILE, TILE), value, "u2")


full = {4: plain(100), 5: plain(200), 6: plain(300), 7: plain(400)}
half = {2: np.vstack([plain(100)[:32], plain(200)[:32]]), 3: np.vstack([plain(300)[:32], plain(400)[:32]])}
quarter = {0: plain(0), 1: np.vstack([plain(value)[:16] for value in (100, 200, 300, 400)])}
for name, tiles in (("Full resolution", full), ("Downsampled_x2", half), ("Downsampled_x4", quarter)):
    write(name, tiles)
with contextlib.redirect_stdout(io.StringIO()):
    found = ndstorage.Dataset("set").as_array(stitched=True)
print("ndstorage", version("ndstorage"))
for ratio, level in zip((1, 2, 4), found, strict=True):
    pixels = np.asarray(level)
    print(f"1/{ratio}: {pixels.shape[0]} rows, from {pixels[0, 0]} to {pixels[-1, 0]}")
PYTHON
found=$(env/bin/python -W ignore look.py)
echo "$found"
echo "$found" | grep -q '1/1: 256 rows, from 100 to 400'
echo "$found" | grep -q '1/2: 128 rows, from 100 to 400'
echo "$found" | grep -q '1/4: 64 rows, from 0 to 0'
