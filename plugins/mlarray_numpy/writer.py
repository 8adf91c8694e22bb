"""Writes one array, run by run."""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from mlarray_io.sdk import contiguous, tell_losses

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io import Context, Reader
    from mlarray_numpy.options import NumpyOptions


def write_array(reader: Reader, target: Path, options: NumpyOptions, context: Context) -> None:
    """Write a `.npy`, or a `.npz` with one member, in C order.

    Parameters
    ----------
    reader
        The image.
    target
        Where to.
    options
        How a `.npz` is written.
    context
        Where to report that NumPy keeps voxels only.
    """
    tell_losses(reader, context, "NumPy's format")
    if target.suffix.lower() != ".npz":
        with target.open("wb") as file:
            _write(reader, file, context)
        return
    method = zipfile.ZIP_DEFLATED if options.compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method, compresslevel=4) as archive:
        # a date of its own keeps the bytes the same from run to run
        info = zipfile.ZipInfo(f"{options.member}.npy")
        info.compress_type = method
        with archive.open(info, "w", force_zip64=True) as member:
            _write(reader, member, context)


def _write(reader: Reader, file: IO[bytes], context: Context) -> None:
    header = {"descr": npy.dtype_to_descr(reader.dtype), "fortran_order": False, "shape": reader.shape}
    npy.write_array_header_1_0(file, header)
    if 0 in reader.shape:
        return
    for box in contiguous(reader.shape, reader.dtype.itemsize, reader.chunks):
        voxels = np.ascontiguousarray(reader[box], reader.dtype)
        file.write(voxels.reshape(-1).view(np.uint8).data)
        context.progress(voxels.nbytes)
