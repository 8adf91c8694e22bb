#!/bin/sh
# A GRIB message holds a grid of temperatures in kelvins, from 0 to 270 degrees of longitude.
# Guess: a reader returns those numbers in that order; ecCodes and GDAL agree.
# What happens: GDAL (rasterio) cuts the grid in two and changes the halves, so that it begins at -180 degrees, and
# turns kelvins into degrees Celsius. The unit is told by a tag only. Both are its defaults
# (GRIB_ADJUST_LONGITUDE_RANGE, GRIB_NORMALIZE_UNITS); without them the numbers are those of ecCodes.
# Why it matters: the same file gives other values at other columns by the program that reads it, and neither a
# check of the shape nor of the type notices that.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q rasterio==1.4.4 eccodes==2.50.0 numpy==2.4.6
cat > write.py <<'PYTHON'
import eccodes
import numpy as np

message = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
grid = {
    "Ni": 4, "Nj": 2, "longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 270,
    "latitudeOfFirstGridPointInDegrees": 45, "latitudeOfLastGridPointInDegrees": -45,
    "iDirectionIncrementInDegrees": 90, "jDirectionIncrementInDegrees": 90, "shortName": "t",
}
for name, value in grid.items():
    eccodes.codes_set(message, name, value)
eccodes.codes_set_values(message, np.array([273.15, 283.15, 293.15, 303.15] * 2))
with open("t.grib", "wb") as file:
    eccodes.codes_write(message, file)
eccodes.codes_release(message)
with open("t.grib", "rb") as file:
    message = eccodes.codes_grib_new_from_file(file)
    print("ecCodes", eccodes.codes_get_api_version(), eccodes.codes_get_values(message)[:4].round(2).tolist())
PYTHON
cat > read.py <<'PYTHON'
import sys
import warnings

import rasterio

warnings.simplefilter("ignore")
with rasterio.open("t.grib") as file:
    row = file.read(1)[0].round(2).tolist()
    print("GDAL", rasterio.__gdal_version__, row, file.transform.c, file.tags(1)["GRIB_UNIT"])
assert row == [float(number) for number in sys.argv[1:]], row
PYTHON
env/bin/python write.py
env/bin/python read.py 20 30 0 10
GRIB_ADJUST_LONGITUDE_RANGE=NO GRIB_NORMALIZE_UNITS=NO env/bin/python read.py 273.15 283.15 293.15 303.15
