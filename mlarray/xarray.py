"""xarray: `xarray.open_dataset("scan.mla")` reads lazily, with true coordinates along every axis."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from mlarray_core import Additions, geometry
from mlarray_core.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_core.array.image import MLArray

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

DIMENSIONS = {
    "spatial_x": "x",
    "spatial_y": "y",
    "spatial_z": "z",
    "temporal": "t",
    "channel": "c",
}
"""Names of dimensions, as imaging libraries that use xarray have them; other labels stand for themselves."""


class MLArrayBackendEntrypoint(BackendEntrypoint):
    """Opens a `.mla` file as a dataset with one variable, ``image``.

    A spatial coordinate is the distance from the first voxel along that axis of the array, which is true for
    oblique and sheared images too. ``origin + direction @ distances`` is the place in the world.
    """

    description = "Open .mla files, lazily and with their geometry"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "level", "verify")

    def guess_can_open(self, filename_or_obj: object) -> bool:
        """Return whether it is a path or a URL that ends in ``.mla``."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        return str(os.fspath(filename_or_obj)).lower().endswith(".mla")

    def open_dataset(
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        level: int = 0,
        verify: str = "touch",
    ) -> xarray.Dataset:
        """Open a file; voxels are read when they are asked for.

        Parameters
        ----------
        filename_or_obj
            Path or URL of a `.mla` file.
        drop_variables
            Names of variables and coordinates to leave out.
        level
            0 for the image, or which of its coarser versions. Its coordinates are distances from the first
            voxel of the image, so that levels fit together.
        verify
            As `MLArray.open` takes it.

        Raises
        ------
        ArgumentError
            There is no such level, or no array (a ValueError).
        """
        from mlarray_core.array.image import MLArray  # xarray loads every engine, whatever it is to open

        image = MLArray.open(filename_or_obj, verify=verify)
        if image.shape is None:
            raise ArgumentError("the file holds metadata only", path=image.filepath)
        if not 0 <= level <= len(image.levels):
            raise ArgumentError(
                f"the image has {len(image.levels)} levels, got level {level}", path=image.filepath
            )
        dataset = _dataset(image, image.levels[level - 1] if level else image)
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
        dataset = dataset.drop_vars(dropped, errors="ignore")
        dataset.set_close(image.close)
        return dataset


class LazyVoxels(BackendArray):
    """An image as xarray's lazy indexing wants it."""

    def __init__(self, image: MLArray) -> None:
        self.image, self.shape, self.dtype = image, image.shape, image.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self.image.read
        )


def _dataset(image: MLArray, level: MLArray) -> xarray.Dataset:
    shape, labels = level.shape or (), level.meta.spatial.axis_labels
    names = _dimensions(labels, len(shape))
    # a spacing that nobody knows makes no distances
    coordinates = {} if image.spacing is None else _distances(image, level, names)
    coordinates |= _others(Additions.of(image.meta), names, shape)
    voxels = xarray.Variable(
        names,
        indexing.LazilyIndexedArray(LazyVoxels(level)),
        attrs={} if image.spacing is None else _geometry(image),
        encoding={
            "preferred_chunks": dict(zip(names, level.meta.blosc2.chunk_size or shape, strict=True)),
            "source": image.filepath,
        },
    )
    return xarray.Dataset({"image": voxels}, coords=coordinates)


def _distances(image: MLArray, level: MLArray, names: Sequence[str]) -> dict[str, xarray.Variable]:
    """Return the coordinates along the spatial axes of a level, from the image's first voxel on."""
    axes = geometry.spatial_axes(level.meta.spatial.axis_labels, len(names))
    first, affine = _affine(image, len(axes)), _affine(level, len(axes))
    # where the level's first voxel lies, in voxels of the image
    start = np.linalg.solve(first[:-1, :-1], affine[:-1, -1] - first[:-1, -1])
    starts = np.linalg.norm(first[:-1, :-1], axis=0) * np.round(start, 9)
    steps = np.linalg.norm(affine[:-1, :-1], axis=0)
    units = level.meta.spatial.axis_units or [""] * len(names)
    shape = level.shape or ()
    return {
        names[axis]: _coordinate(names[axis], start + np.arange(shape[axis]) * step, units[axis])
        for axis, start, step in zip(axes, starts, steps, strict=True)
    }


def _others(known: Additions, names: Sequence[str], shape: Sequence[int]) -> dict[str, xarray.Variable]:
    """Return the coordinates along other axes: times, b-values, names of channels."""
    found = {
        names[axis]: _coordinate(names[axis], np.asarray(along.values), along.unit, along.name)
        for axis, along in known.axes.items()
        if along.values is not None and axis < len(names) and len(along.values) == shape[axis]
    }
    channels = [one.name for one in known.channels]
    if "c" in names and "c" not in found and all(channels) and len(channels) == shape[names.index("c")]:
        found["c"] = _coordinate("c", np.array(channels))
    return found


def _dimensions(labels: Sequence[str] | None, ndim: int) -> list[str]:
    """Return a name for each axis: numbered where labels repeat, as names of dimensions must not."""
    if labels is None and ndim <= len("zyx"):
        return list("zyx"[len("zyx") - ndim :])  # what axes without labels are everywhere else too
    names = [DIMENSIONS.get(label, label) for label in labels or ["spatial"] * ndim]
    return [
        name if names.count(name) == 1 else f"{name}_{names[:index].count(name)}"
        for index, name in enumerate(names)
    ]


def _affine(image: MLArray, count: int) -> Matrix:
    return geometry.affine_of(image.meta.spatial, count)


def _coordinate(name: str, values: Any, unit: str = "", long_name: str = "") -> xarray.Variable:
    attributes = {"units": unit, "long_name": long_name}
    return xarray.Variable(name, values, {key: text for key, text in attributes.items() if text})


def _geometry(image: MLArray) -> dict[str, Any]:
    """Return attributes as every format that xarray writes can hold them: matrices row by row."""
    affine = _affine(image, image.spatial_ndim or 0)
    parts, world = geometry.decompose(affine), image.meta.spatial.coord_system
    attributes: dict[str, Any] = {
        "affine": affine.ravel().tolist(),
        "origin": parts.origin,
        "direction": np.ravel(parts.direction).tolist(),
    }
    return attributes if world is None else attributes | {"coord_system": str(world)}
