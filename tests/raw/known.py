"""Rasters and volumes of known content, which GDAL and XMedCon wrote into tests/data/raw.

``python -m tests.raw.known`` made them, with rasterio 1.4.4 (GDAL 3.10) and XMedCon 0.23.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent.parent / "data" / "raw"
BANDS = np.arange(3 * 4 * 5).reshape(3, 4, 5)
"""Band, line, sample."""
COSINE, SINE = np.cos(np.radians(20)), np.sin(np.radians(20))
RASTERS = {
    "bsq.img": ("int16", "ENVI", "EPSG:32632", (30, 0, 500000, 0, -30, 4600000), "BSQ"),
    "bil.dat": ("float32", "ENVI", "EPSG:4326", (0.1, 0, 8, 0, -0.1, 50), "BIL"),
    "bip.bin": ("uint8", "ENVI", None, None, "BIP"),
    "turned.img": (
        "complex64", "ENVI", "EPSG:32733",
        (30 * COSINE, 30 * SINE, 500000, 30 * SINE, -30 * COSINE, 4600000), "BSQ",
    ),
    "esri.bil": ("uint16", "EHdr", "EPSG:32632", (30, 0, 500000, 0, -30, 4600000), None),
    "signed.bil": ("int32", "EHdr", None, None, None),
}  # fmt: skip
"""Type, GDAL's driver, reference system, transform of corners (a to f, column before row), interleave."""
VOLUME = (np.arange(6 * 5 * 4) * 3).reshape(4, 5, 6).astype("int16")
"""z, y, x, of spacing 3, 2 and 1.5 mm."""


def stored(name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return voxels as they lie in a raster, and the affine of pixel centres, a column for y and x."""
    dtype, driver, _, transform, interleave = RASTERS[name]
    order = {"BSQ": (0, 1, 2), "BIL": (1, 0, 2), "BIP": (1, 2, 0)}[interleave or "BIL"]
    voxels = BANDS.astype(dtype).transpose(order)
    if transform is None and driver == "ENVI":
        return voxels, None
    a, b, c, d, e, f = transform or (1, 0, 0, 0, 1, 0)
    centre = (c + a / 2 + b / 2, f + d / 2 + e / 2)
    affine = np.array([[b, a, centre[0]], [e, d, centre[1]], [0, 0, 1]])
    return voxels, affine if transform else None


def make() -> None:
    """Write the samples anew."""
    import nibabel
    import rasterio
    from rasterio.transform import Affine

    for name, (dtype, driver, crs, transform, interleave) in RASTERS.items():
        given = {"INTERLEAVE": interleave} if interleave else {}
        given |= {"crs": crs, "transform": Affine(*transform)} if transform else {}
        shape = {"count": 3, "height": 4, "width": 5}
        with rasterio.open(DATA / name, "w", driver=driver, dtype=dtype, **shape, **given) as file:
            file.write(BANDS.astype(dtype))
    with tempfile.TemporaryDirectory() as folder:
        image = nibabel.Nifti1Image(VOLUME.T, np.diag([1.5, 2.0, 3.0, 1.0]), dtype=np.int16)
        nibabel.save(image, Path(folder) / "volume.nii")
        for order in ("little", "big"):
            command = ["medcon", "-f", "volume.nii", "-c", "intf", "-n", f"-{order}", "-o", order]
            subprocess.run(command, check=True, cwd=folder)
        for made in sorted(Path(folder).glob("*33")):
            (DATA / made.name).write_bytes(made.read_bytes())


if __name__ == "__main__":
    make()
