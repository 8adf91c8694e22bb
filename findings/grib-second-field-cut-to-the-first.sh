#!/bin/sh
# A GRIB holds two fields: 4 by 2 points, then 6 by 3 points. ecCodes has both.
# Guess: a reader of rasters refuses the file, or lists two rasters, or raises when the second is read.
# What happens: GDAL (rasterio) has one raster of two bands, both 4 by 2. The second band holds the corner of its
# field, and the other 10 of 18 points are nowhere; the reference is that of the first. GDAL tells it as a warning
# of its own when the band is read, which rasterio passes to `logging` alone.
# Why it matters: files of forecasts mix grids often (one for the surface, one for levels); what is read looks whole.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q rasterio==1.4.4 eccodes==2.50.0 numpy==2.4.6
cat > write.py <<'PYTHON'
import eccodes
import numpy as np

with open("t.grib", "wb") as file:
    for columns, rows in ((4, 2), (6, 3)):
        message = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
        grid = {
            "Ni": columns, "Nj": rows, "latitudeOfFirstGridPointInDegrees": 45,
            "latitudeOfLastGridPointInDegrees": 45 - 10 * (rows - 1), "jDirectionIncrementInDegrees": 10,
            "longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 10 * (columns - 1),
            "iDirectionIncrementInDegrees": 10,
        }
        for name, value in grid.items():
            eccodes.codes_set(message, name, value)
        eccodes.codes_set_values(message, np.arange(columns * rows, dtype=float))
        eccodes.codes_write(message, file)
        eccodes.codes_release(message)
with open("t.grib", "rb") as file:
    while (message := eccodes.codes_grib_new_from_file(file)) is not None:
        print("ecCodes", eccodes.codes_get_api_version(), len(eccodes.codes_get_values(message)), "values")
PYTHON
cat > read.py <<'PYTHON'
import warnings

import rasterio

warnings.simplefilter("error")
with rasterio.open("t.grib") as file:
    second = file.read(2).round().tolist()
    print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__, file.count, file.shape, second)
assert second == [[0, 1, 2, 3], [6, 7, 8, 9]], second
PYTHON
env/bin/python write.py
GRIB_NORMALIZE_UNITS=NO env/bin/python read.py
