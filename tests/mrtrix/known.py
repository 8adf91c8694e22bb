"""Images of known content, which MRtrix' own mrconvert wrote into tests/data/mrtrix.

``python -m tests.mrtrix.known`` made them, with MRtrix 3.0.3 and nibabel.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent.parent / "data" / "mrtrix"
AFFINE = np.array(
    [
        [0.96 * 1.5, -0.28 * 2, 0.0, -11.0],
        [0.28 * 1.5, 0.96 * 2, 0.0, 22.0],
        [0.0, 0.0, 3.0, -33.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""RAS, a column for x, y, z."""
SCHEME = np.array(
    [[0, 0, 0, 0], [1, 0, 0, 1000], [0, 0.6, 0.8, 1000], [-0.6, 0, 0.8, 2000], [0.36, 0.48, -0.8, 2000]]
)
"""Directions in RAS and b."""

SAMPLES = {
    "plain.mif": ("i2", 3, (-1, -2, 3), ["-datatype", "int16le"]),
    "sagittal.mif": ("f4", 3, (3, -1, 2), ["-datatype", "float32be"]),
    "volumes.mif": ("f4", 4, (2, 3, 4, 1), ["-datatype", "float32le"]),
    "packed.mif.gz": ("u2", 4, (-1, 2, 3, 4), ["-datatype", "uint16le"]),
    "bits.mif": ("?", 3, (1, 2, 3), ["-datatype", "bit"]),
    "split.mih": ("i4", 3, (1, -3, 2), ["-datatype", "int32be"]),
    "complex.mif": ("c8", 3, (1, 2, 3), ["-datatype", "cfloat32le"]),
}
"""Type, number of axes, symbolic strides and options of each file."""


def content(name: str) -> np.ndarray:
    """Return the voxels of a sample, axes as its header names them: x, y, z, volumes."""
    dtype, ndim, _, _ = SAMPLES[name]
    shape = (5, 4, 3, len(SCHEME))[:ndim]
    values = np.arange(np.prod(shape)).reshape(shape, order="F")
    if dtype == "?":
        return values % 3 == 0
    return (values - 1j * values).astype(dtype) if dtype == "c8" else (values * 7).astype(dtype)


def stored(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return voxels as they lie in a sample, slowest axis first, and their affine in RAS."""
    _, _, strides, _ = SAMPLES[name]
    voxels, affine = content(name), AFFINE.copy()
    order = sorted(range(len(strides)), key=lambda axis: -abs(strides[axis]))
    for axis, stride in enumerate(strides):
        if stride < 0:
            voxels = np.flip(voxels, axis)
            affine[:3, 3] += AFFINE[:3, axis] * (voxels.shape[axis] - 1)
            affine[:3, axis] = -AFFINE[:3, axis]
    columns = [axis for axis in order if axis < 3]
    return voxels.transpose(order), affine[:, [*columns, 3]]


def make() -> None:
    """Write the samples anew."""
    import nibabel

    with tempfile.TemporaryDirectory() as folder:
        scheme = Path(folder) / "scheme.txt"
        np.savetxt(scheme, SCHEME, fmt="%.17g")
        for name, (dtype, ndim, strides, options) in SAMPLES.items():
            voxels = content(name)
            plain = voxels.astype("u1") if dtype == "?" else voxels
            image = nibabel.Nifti1Image(plain, AFFINE, dtype=plain.dtype)
            image.header.set_xyzt_units("mm")
            nibabel.save(image, Path(folder) / "source.nii")
            weights = ["-grad", scheme.name] if ndim == 4 else []
            command = ["mrconvert", "-quiet", "source.nii", name, "-strides", ",".join(map(str, strides))]
            subprocess.run([*command, *options, *weights], check=True, cwd=folder)
        for made in Path(folder).iterdir():
            if made.name not in ("source.nii", scheme.name):
                shutil.copyfile(made, DATA / made.name)


if __name__ == "__main__":
    make()
