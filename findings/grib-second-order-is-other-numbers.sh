#!/bin/sh
# A GRIB 1 message holds a field of whole numbers from 0 to 99, packed in second order.
# Guess: a reader that doesn't know a packing says so, and one that returns voxels returns those that were stored.
# What happens: GDAL (rasterio) opens it, tells the right size and returns other numbers, without an error or a
# warning; ecCodes gives those that went in. The same field in simple packing is equal in both.
# Why it matters: nothing tells a right field from a wrong one, and the packing is in the message's header only, in
# bits that a program must look up before it believes GDAL.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q rasterio==1.4.4 eccodes==2.50.0 numpy==2.4.6
cat > write.py <<'PYTHON'
import eccodes
import numpy as np

stored = np.add.outer(np.arange(10) * 10, np.arange(10)).astype(float).ravel()
for packing in ("grid_simple", "grid_second_order"):
    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
    grid = {
        "Ni": 10, "Nj": 10, "longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 90,
        "latitudeOfFirstGridPointInDegrees": 45, "latitudeOfLastGridPointInDegrees": -45,
        "iDirectionIncrementInDegrees": 10, "jDirectionIncrementInDegrees": 10, "bitsPerValue": 8,
    }
    for name, value in grid.items():
        eccodes.codes_set(message, name, value)
    eccodes.codes_set(message, "packingType", packing)
    eccodes.codes_set_values(message, stored)
    with open(f"{packing}.grib", "wb") as file:
        eccodes.codes_write(message, file)
    eccodes.codes_release(message)
    with open(f"{packing}.grib", "rb") as file:
        message = eccodes.codes_grib_new_from_file(file)
        found = eccodes.codes_get_values(message)
        told = eccodes.codes_get(message, "packingType")
        print("ecCodes", eccodes.codes_get_api_version(), told, "largest error", abs(found - stored).max())
        assert told == packing and abs(found - stored).max() < 0.5
PYTHON
cat > read.py <<'PYTHON'
import warnings

import numpy as np
import rasterio

stored = np.add.outer(np.arange(10) * 10, np.arange(10)).astype(float)
errors = {}
for packing in ("grid_simple", "grid_second_order"):
    with warnings.catch_warnings(record=True) as said, rasterio.open(f"{packing}.grib") as file:
        warnings.simplefilter("always")
        field = file.read(1)
    errors[packing] = abs(field - stored).max()
    told = [str(one.message) for one in said]
    print("GDAL", rasterio.__gdal_version__, packing, field.shape, "largest error", errors[packing], told)
assert errors["grid_simple"] < 0.5 < errors["grid_second_order"], errors
PYTHON
env/bin/python write.py
env/bin/python read.py
