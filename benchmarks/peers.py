"""Every library that is measured, behind the same two calls. Runs in each one's own environment."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

LABELS = {"rgb": ["spatial", "spatial", "channel"], "time": ["temporal", "spatial", "spatial", "spatial"]}
SEGMENTED = ("coarse", "parcellation", "cells", "vessels")
"""Images that are written as what they are, label maps."""
GIVEN = {
    "shuffled": {"codec": 2, "clevel": 6, "filters": [1], "filters_meta": [0], "splitmode": 1},
    "plain": {"codec": 2, "clevel": 9, "filters": [0], "filters_meta": [0], "splitmode": 2},
    "stored": {"codec": 1, "clevel": 0, "filters": [0], "filters_meta": [0]},
}
"""Compression parameters that are measured beside the profiles: LZ4HC for scans, without a filter, none."""
VOLUME, PICTURE = (64, 64, 64), (512, 512)


def chunks(array: np.ndarray) -> tuple[int, ...]:
    """Return the chunk shape that peers without a planner of their own are given."""
    if array.ndim == 3 and array.shape[-1] == 3:
        return (*PICTURE, 3)
    return (*(1,) * (array.ndim - 3), *(min(c, s) for c, s in zip(VOLUME, array.shape[-3:], strict=True)))


class Peer:
    """One library. What `open` returns takes a tuple of slices and gives an array."""

    suffix = ""
    profiles: tuple[str, ...] = ("default",)

    def takes(self, name: str) -> bool:
        """Say whether the library can hold the image called `name`."""
        return True

    def write(self, array: np.ndarray, path: Path, name: str, profile: str) -> None:
        """Write an image. `name` tells pictures and time series apart, `profile` is one of `profiles`."""
        raise NotImplementedError

    def open(self, path: Path):
        """Open a file that `write` wrote."""
        raise NotImplementedError


class Reference(Peer):
    """mlarray 0.0.54, the reference."""

    suffix = ".mla"

    def write(self, array, path, name, profile):
        """Write the image."""
        from mlarray import MLArray

        MLArray(array, axis_labels=LABELS.get(name)).save(path)

    def open(self, path):
        """Open the image for reading boxes."""
        from mlarray import MLArray

        return MLArray.open(path)


class Ours(Reference):
    """This package, with its profiles."""

    profiles = ("default", "fast", "small", "slices:0", "slices:1", "slices:2", "auto", *GIVEN)

    def write(self, array, path, name, profile):
        """Write the image."""
        from mlarray import Meta, MLArray

        how = {"cparams": GIVEN[profile]} if profile in GIVEN else {"profile": profile}
        meta = Meta(is_seg=True) if name in SEGMENTED else None
        MLArray(array, meta=meta, axis_labels=LABELS.get(name), **how).save(path)

    def open(self, path, verify="touch"):
        """Open the image for reading boxes."""
        from mlarray import MLArray

        return MLArray.open(path, verify=verify)


class Zarr(Peer):
    """Zarr's own library, with its defaults for chunks and compression."""

    suffix = ".zarr"

    def write(self, array, path, name, profile):
        """Write the image."""
        import zarr

        _one_thread(zarr)
        zarr.create_array(str(path), shape=array.shape, chunks="auto", dtype=array.dtype)[...] = array

    def open(self, path):
        """Open the image for reading boxes."""
        import zarr

        _one_thread(zarr)
        return zarr.open_array(str(path), mode="r")


def _one_thread(zarr) -> None:
    zarr.config.set({"threading.max_workers": 1, "async.concurrency": 1})


class Tensorstore(Peer):
    """Zarr 3 by tensorstore, ZSTD of level 3."""

    suffix = ".ts"
    limits = {"data_copy_concurrency": {"limit": 1}, "file_io_concurrency": {"limit": 1}}  # noqa: RUF012

    def write(self, array, path, name, profile):
        """Write the image."""
        import tensorstore

        codecs = [{"name": "zstd", "configuration": {"level": 3}}]
        grid = {"name": "regular", "configuration": {"chunk_shape": chunks(array)}}
        tensorstore.open(
            {**self._spec(path), "metadata": {"codecs": codecs, "chunk_grid": grid}},
            create=True, delete_existing=True, shape=array.shape, dtype=array.dtype,
            context=tensorstore.Context(self.limits),
        ).result().write(array).result()  # fmt: skip

    def open(self, path):
        """Open the image for reading boxes."""
        import tensorstore

        store = tensorstore.open(self._spec(path), context=tensorstore.Context(self.limits)).result()
        return _Call(store.shape, lambda box: store[box].read().result())

    def _spec(self, path):
        return {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}


class _Call:
    def __init__(self, shape, call) -> None:
        self.shape, self._call = tuple(shape), call

    def __getitem__(self, box):
        return self._call(box)


class Hdf5(Peer):
    """HDF5 by h5py, with Blosc2 of hdf5plugin."""

    suffix = ".h5"

    def write(self, array, path, name, profile):
        """Write the image."""
        import h5py
        import hdf5plugin

        how = hdf5plugin.Blosc2(cname="lz4hc", clevel=5, filters=hdf5plugin.Blosc2.SHUFFLE)
        with h5py.File(path, "w") as file:
            file.create_dataset("a", data=array, chunks=chunks(array), **how)

    def open(self, path):
        """Open the image for reading boxes."""
        import h5py
        import hdf5plugin  # noqa: F401

        return h5py.File(path, "r")["a"]


class Npy(Peer):
    """A plain `.npy`, mapped into memory."""

    suffix = ".npy"

    def write(self, array, path, name, profile):
        """Write the image."""
        np.save(path, array)

    def open(self, path):
        """Open the image for reading boxes."""
        array = np.load(path, mmap_mode="r")
        return _Call(array.shape, lambda box: np.array(array[box]))


class Nibabel(Peer):
    """A plain NIfTI, read through nibabel's proxy."""

    suffix = ".nii"

    def takes(self, name):
        """Say whether the library can hold the image called `name`."""
        return name != "rgb"

    def write(self, array, path, name, profile):
        """Write the image."""
        import nibabel

        nibabel.save(nibabel.Nifti1Image(array.T, np.eye(4), dtype=array.dtype), path)

    def open(self, path):
        """Open the image for reading boxes."""
        import nibabel

        proxy = nibabel.load(path).dataobj
        return _Call(proxy.shape[::-1], lambda box: np.asarray(proxy[box[::-1]]).T)


class Tifffile(Peer):
    """A tiled TIFF, ZSTD, read through Zarr."""

    suffix = ".tif"

    def takes(self, name):
        """Say whether the library can hold the image called `name`."""
        return name != "time"

    def write(self, array, path, name, profile):
        """Write the image."""
        import tifffile

        look = {"photometric": "rgb"} if name == "rgb" else {"photometric": "minisblack"}
        tifffile.imwrite(path, array, tile=(256, 256), compression="zstd", maxworkers=1, **look)

    def open(self, path):
        """Open the image for reading boxes."""
        import tifffile
        import zarr

        _one_thread(zarr)
        return zarr.open_array(tifffile.imread(path, aszarr=True, maxworkers=1), mode="r")


PEERS: dict[str, Peer] = {
    "ours": Ours(), "reference": Reference(), "zarr 3": Zarr(), "tensorstore": Tensorstore(),
    "h5py + Blosc2": Hdf5(), "np.load(mmap)": Npy(), "nibabel .nii": Nibabel(), "tifffile": Tifffile(),
}  # fmt: skip
COMPRESSED = ("zarr 3", "tensorstore", "h5py + Blosc2", "tifffile")


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
