#!/bin/sh
# An HDF5 dataset packed with a filter that isn't built in (Zstandard, Blosc, Bitshuffle), read where its plugin is
# missing.
# Guess: the error names the filter.
# What happens: h5py raises OSError about a folder of plugins that can't be opened, and `dataset.compression` is
# "unknown" (also where the plugin is there). The number and name of the filter are in the file:
# `dataset.id.get_create_plist().get_filter(0)` has them.
# Why it matters: it reads like a damaged file or a broken installation. A program that reads HDF5 has to ask
# `h5py.h5z.filter_avail` itself to be able to say what to install.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q h5py==3.16.0 hdf5plugin==7.1.0 numpy==2.4.6
env/bin/python - <<'PYTHON'
from importlib.metadata import version

print(*(f"{name} {version(name)}" for name in ('h5py', 'hdf5plugin')))

import subprocess
import sys

import h5py

WRITE = """
import h5py, hdf5plugin, numpy
with h5py.File("a.h5", "w") as file:
    file.create_dataset("image", data=numpy.arange(64).reshape(8, 8), chunks=(4, 8), **hdf5plugin.Zstd())
    assert file["image"].compression == "unknown"
    assert file["image"][7, 7] == 63
"""


subprocess.run([sys.executable, "-c", WRITE], check=True)  # elsewhere, so that the plugin isn't loaded here
with h5py.File("a.h5") as file:
    image = file["image"]
    number, _, _, name = image.id.get_create_plist().get_filter(0)
    print("compression:", image.compression, "| filter", number, name[:20], h5py.h5z.filter_avail(number))
    assert image.compression == "unknown"
    assert number == 32015
    assert not h5py.h5z.filter_avail(number)
    try:
        image[...]
    except OSError as error:
        print("OSError:", error)
        assert "zstd" not in str(error).lower()
        assert "32015" not in str(error)
    else:
        raise SystemExit("it can be read now")
PYTHON
