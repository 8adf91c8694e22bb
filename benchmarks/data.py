"""The images that are measured: real ones where they are at hand, else generated with similar statistics."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

REAL = os.environ.get("MLARRAY_BENCH_DATA", "")


def load(name: str, *, small: bool = False) -> np.ndarray:
    """Return one of the images ``ct``, ``mr``, ``labels``, ``rgb``, ``time``, ``large`` and ``quantised``.

    Parameters
    ----------
    name
        Which.
    small
        An eighth of the size, for a quick look.
    """
    array = _MAKERS[name]()
    if small:
        array = array[tuple(slice(0, size // 2 if size > 16 else size) for size in array.shape)]
    return np.ascontiguousarray(array)


def _real(name: str) -> np.ndarray | None:
    path = Path(REAL) / name
    if not REAL or not path.exists():
        return None
    if name.endswith(".nii.gz"):
        import nibabel

        return np.asarray(nibabel.load(path).dataobj).T
    import tifffile

    return tifffile.imread(path)


def _mirrored(array: np.ndarray, size: int, axis: int = 0) -> np.ndarray:
    """Repeat an array forwards and backwards along an axis up to `size`."""
    index = np.arange(size) % (2 * array.shape[axis])
    return array.take(np.where(index < array.shape[axis], index, 2 * array.shape[axis] - 1 - index), axis)


def _ct() -> np.ndarray:
    scan = _real("head-ct-140x384x384-int16.tif")
    if scan is None:
        return _phantom((400, 512, 512), 12.0).astype(np.int16)
    return np.pad(_mirrored(scan, 400), ((0, 0), (64, 64), (64, 64)), mode="constant", constant_values=-1024)


def _quantised() -> np.ndarray:
    """Return a CT as networks take it: float32 of mean 0 and deviation 1, of few different values."""
    scan = _ct()[100:260, 64:448, 64:448].astype(np.float32)
    return ((scan - scan.mean()) / scan.std()).astype(np.float32)


def _labels() -> np.ndarray:
    labels = _real("labels-140x384x384-uint8.tif")
    if labels is None:
        return np.digitize(_phantom((400, 512, 512), 0.0), (-500, -50, 20, 40, 60, 200, 700)).astype(np.uint8)
    return np.pad(_mirrored(labels, 400), ((0, 0), (64, 64), (64, 64)))


def _mr() -> np.ndarray:
    scan = _real("t1-uint8.nii.gz")
    if scan is None:
        return (_phantom((256, 256, 256), 30.0) / 400).astype(np.float32)
    scan = scan.astype(np.float32)
    for axis in range(3):
        scan = resampled(scan, 256, axis)
    return ((scan - scan.mean()) / scan.std()).astype(np.float32)


def resampled(array: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Interpolate linearly along an axis."""
    at = np.linspace(0, array.shape[axis] - 1, size, dtype=np.float32)
    low = np.minimum(at.astype(int), array.shape[axis] - 2)
    weight = (at - low).reshape([-1 if a == axis else 1 for a in range(array.ndim)])
    return array.take(low, axis) * (1 - weight) + array.take(low + 1, axis) * weight


def _rgb() -> np.ndarray:
    slide = _real("he-slide-3000x3000x3-uint8.tif")
    if slide is None:
        plane = _phantom((1, 3000, 3000), 8.0)[0]
        colours = [np.clip(plane / 8 + 128 + shift, 0, 255) for shift in (0, 9, -12)]
        slide = np.stack(colours, -1).astype(np.uint8)
    return _mirrored(_mirrored(slide, 10000, 0), 10000, 1)


def _time() -> np.ndarray:
    return np.stack([_phantom((64, 128, 128), 20.0, seed) for seed in range(20)]).astype(np.float32)


def _large() -> np.ndarray:
    return np.pad(_mirrored(_ct(), 800), ((0, 0), (256, 256), (256, 256)), mode="reflect")


def _phantom(shape: tuple[int, ...], noise: float, seed: int = 0) -> np.ndarray:
    """Return ellipsoids of tissue in air, in Hounsfield units, with noise."""
    random = np.random.default_rng(seed)
    lines = [np.linspace(-1, 1, size, dtype=np.float32) if size > 1 else np.zeros(1, "f4") for size in shape]
    grids = np.meshgrid(*lines, indexing="ij", sparse=True)
    image = np.full(shape, -1000, np.float32)
    for radius, value in ((0.8, 1000), (0.74, 40), (0.4, 25), (0.2, 60), (0.1, 10)):
        centre = random.uniform(-0.1, 0.1, len(shape))
        inside = sum((grid - c) ** 2 for grid, c in zip(grids, centre, strict=True)) < radius**2
        image[inside] = value
    image[image > -1000] += random.normal(0, noise, int((image > -1000).sum())).astype(np.float32)
    return image


_MAKERS = {
    "ct": _ct, "mr": _mr, "labels": _labels, "rgb": _rgb, "time": _time, "large": _large,
    "quantised": _quantised,
}  # fmt: skip
