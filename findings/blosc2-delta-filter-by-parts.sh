#!/usr/bin/env bash
# Blosc2's DELTA filter keeps an array whole, and changes its parts.
#
# One would guess that a lossless filter which is listed beside SHUFFLE gives the same values whether an array is read
# whole or by a slice.
# What happens: `array[...]` is equal to what went in; slices that don't begin in a chunk's first block are not, without
# an error. Differences are stored against the chunk's first block, and a read of other blocks doesn't decode that one.
# Why it matters: patches for training are slices. Whoever picks this filter because it compresses smooth images well
# trains on other numbers than were saved, and a check that reads the whole array back says that all is well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q blosc2==4.14.1 numpy==2.2.6
"$work/venv/bin/python" - <<'PY'
import sys

import blosc2
import numpy as np

print(f"Python {sys.version.split()[0]}, blosc2 {blosc2.__version__}, c-blosc2 {blosc2.blosclib_version}")
values = np.arange(1000, dtype=np.int32)
wrong = {}
for filter in (blosc2.Filter.SHUFFLE, blosc2.Filter.DELTA):
    cparams = {"filters": [filter], "filters_meta": [0], "nthreads": 1}
    array = blosc2.asarray(values, chunks=(500,), blocks=(100,), cparams=cparams, dparams={"nthreads": 1})
    whole = np.array_equal(array[...], values)
    wrong[filter] = sum(int(array[i : i + 1][0]) != values[i] for i in range(len(values)))
    print(f"{filter.name}: whole array equal: {whole}; of 1000 single items wrong: {wrong[filter]}; [120:123] = {array[120:123]}")
    assert whole
assert wrong[blosc2.Filter.SHUFFLE] == 0
assert wrong[blosc2.Filter.DELTA] > 0
PY
