"""What images a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py

from mlarray_core.errors import MLArrayError
from mlarray_hdf5.files import FAILURES, check_storage, damaged, is_image, open_file, walk
from mlarray_hdf5.imaris import KEY as IMARIS
from mlarray_hdf5.imaris import is_imaris
from mlarray_io import Context, ImageRef

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_IMAGES = 2000


def list_images(path: Path, context: Context) -> Sequence[ImageRef]:
    """List every dataset of numbers. In an Imaris file all channels and times are one image.

    Raises
    ------
    CorruptError
        HDF5's library finds the file damaged.
    """
    with open_file(path) as file:
        try:
            if is_imaris(file):
                return [ImageRef(key=IMARIS, title="Imaris", primary=True)]
            return _datasets(file, context)
        except FAILURES as error:
            if isinstance(error, MLArrayError):
                raise
            raise damaged(error, path) from error


def _datasets(file: h5py.File, context: Context) -> list[ImageRef]:
    found = []
    for path, link, item in walk(file):
        if isinstance(link, h5py.ExternalLink):
            context.skip(path, f"it is a link to another file, {link.filename!r}")
        if not is_image(item) or path.startswith("/#refs#/"):  # MATLAB's parts of cells and structures
            continue
        try:
            check_storage(item)
        except MLArrayError as error:
            context.skip(path, error.message)
            continue
        facts = {"shape": list(item.shape), "dtype": item.dtype.newbyteorder("=").name}
        itk = path.startswith("/ITKImage/") and path.endswith("/VoxelData")
        found.append(ImageRef(key=path, facts=facts, primary=itk, name=path.strip("/").replace("/", "_")))
        if len(found) == MOST_IMAGES:
            break
    return found
