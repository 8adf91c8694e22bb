"""What images a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py

from mlarray_core.errors import MLArrayError
from mlarray_hdf5.axes import is_scale
from mlarray_hdf5.experiments import main_dataset, refuse_events
from mlarray_hdf5.files import (
    FAILURES,
    attributes_of,
    check_storage,
    damaged,
    is_image,
    open_file,
    voxel_type,
    walk,
)
from mlarray_hdf5.imaris import KEY as IMARIS
from mlarray_hdf5.imaris import is_imaris
from mlarray_hdf5.matlab import reason_against
from mlarray_io import Context, ImageRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOST_IMAGES = 2000


def list_images(path: Path, context: Context) -> Sequence[ImageRef]:
    """List every dataset of numbers. In an Imaris file all channels and times are one image.

    Runs in the other process.

    Raises
    ------
    CorruptError
        HDF5's library finds the file damaged.
    UnsupportedError
        It holds what a scanner records before there is an image.
    """
    with open_file(path) as file:
        try:
            refuse_events(file)
            if is_imaris(file):
                for name in filter(lambda name: name.startswith("Scene"), file):
                    context.skip(f"/{name}", "it holds surfaces, spots or tracks, which are no voxels")
                return [ImageRef(key=IMARIS, title="Imaris", primary=True)]
            return _datasets(file, context)
        except FAILURES as error:
            if isinstance(error, MLArrayError):
                raise
            raise damaged(error, path) from error


def _datasets(file: h5py.File, context: Context) -> list[ImageRef]:
    found: list[ImageRef] = []
    closed: list[str] = []
    main = main_dataset(file)
    for path, link, item in walk(file):
        # MATLAB's parts of cells and structures, and of what was left out
        if path.startswith(("/#refs#/", "/#subsystem#/", *closed)):
            continue
        if item is None:
            context.skip(path, _link(link))
            continue
        marks = attributes_of(item) if "MATLAB_class" in item.attrs else {}
        reason = reason_against(item, marks)
        if reason is not None:
            context.skip(path, reason)
            closed.append(f"{path}/")
        elif is_image(item) and not is_scale(item):
            found += _image(path, item, marks, context, main=main is not None and item == main)
            if len(found) == MOST_IMAGES:
                break
        elif (reason := _reason(item)) is not None:
            context.skip(path, reason)
    return found


def _image(
    path: str, item: h5py.Dataset, marks: Mapping[str, object], context: Context, *, main: bool
) -> list[ImageRef]:
    try:
        check_storage(item)
    except MLArrayError as error:
        context.skip(path, error.message, lost=True)
        return []
    dtype = voxel_type(item, marks)
    facts = {"shape": list(item.shape), "dtype": dtype.name}
    itk = path.startswith("/ITKImage/") and path.endswith("/VoxelData")
    return [ImageRef(key=path, facts=facts, primary=itk or main, name=path.strip("/").replace("/", "_"))]


def _link(link: object) -> str:
    if isinstance(link, h5py.ExternalLink):
        return f"it is a link to another file, {link.filename!r}"
    return f"it is a link to {link.path!r}" if isinstance(link, h5py.SoftLink) else "it is a link"


def _reason(item: object) -> str | None:
    """Return why a dataset with axes isn't offered; None for groups, texts and single numbers."""
    if not isinstance(item, h5py.Dataset) or not item.shape or 0 in item.shape:
        return None
    if is_scale(item):
        return "it holds positions along an axis of others"
    if h5py.check_string_dtype(item.dtype) is not None:
        return None
    if item.dtype.names is not None:
        return "its values are records"
    if h5py.check_vlen_dtype(item.dtype) is not None:
        return "its values differ in length"
    return f"its values are of type {item.dtype}, which are no voxels"
