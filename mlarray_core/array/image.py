"""MLArray: an image with its metadata, in memory or in a `.mla` file."""

from __future__ import annotations

import os
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.array.copying import ArrayCopying
from mlarray_core.array.creation import ArrayCreation
from mlarray_core.array.files import PathLike, as_meta
from mlarray_core.array.state import plain_array
from mlarray_core.array.voxels import ArrayVoxels
from mlarray_core.container.storage import PlainStorage
from mlarray_core.errors import ArgumentError, ArgumentTypeError, MetadataError, ModeError
from mlarray_core.layout import shapes as layout
from mlarray_core.layout.plan import normal_shape
from mlarray_core.layout.request import LayoutRequest, is_default
from mlarray_core.layout.shapes import DEFAULT_PATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_core.layout.request import Sizes
    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]
MLARRAY_DEFAULT_PATCH_SIZE = DEFAULT_PATCH_SIZE


class MLArray(ArrayCopying, ArrayVoxels, ArrayCreation):
    """An N-dimensional image with its metadata.

    Parameters
    ----------
    array
        Voxels, slowest axis first, or the path of a ``.mla`` file to load, or None for metadata only.
    spacing
        Distance of neighbouring voxels along each spatial axis, in array order.
    origin
        World position (x, y, z) of the centre of the first voxel.
    direction
        Matrix whose column i is the world direction of spatial axis i.
    affine
        Homogeneous matrix from voxel indices to world x, y, z; instead of the three above.
    meta
        All metadata, or a dict that becomes ``meta.source``. Copied.
    axis_labels
        What each axis is; None when all are spatial.
    copy
        An image whose metadata fills whatever is not given.
    patch_size
        Patch that the layout is made for, for each spatial axis; ``"default"`` takes that of `copy` or
        `meta`, else 192; None lets Blosc2 choose.
    chunk_size, block_size
        Blosc2's two levels given explicitly, for each axis; instead of `patch_size`.
    cparams, dparams
        Blosc2's compression and decompression parameters.
    compressed
        Keep the voxels compressed in memory.
    profile
        What the layout favours: ``"default"`` reading patches, ``"fast"`` writing, ``"small"`` size,
        ``"slices"`` slices across the first axis (``"slices:2"``: across axis 2); ``"auto"`` tries a few
        compressions on a sample of the voxels.

    Raises
    ------
    MetadataError
        The metadata contradict one another or the array (a ValueError).
    ModeError
        Other arguments are given with a path, or the file has another suffix (a RuntimeError).
    """

    def __init__(
        self,
        array: Array | PathLike | None = None,
        spacing: Any = None,
        origin: Any = None,
        direction: Any = None,
        affine: Any = None,
        meta: Mapping[str, Any] | Meta | None = None,
        axis_labels: Sequence[str] | None = None,
        copy: MLArray | None = None,
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: Any = None,
        dparams: Any = None,
        compressed: bool = True,
        *,
        profile: str = "default",
    ) -> None:
        self._clear()
        given = (
            spacing,
            origin,
            direction,
            affine,
            meta,
            axis_labels,
            copy,
            chunk_size,
            block_size,
            cparams,
            dparams,
        )
        if isinstance(array, (str, os.PathLike)):
            if any(value is not None for value in given) or not is_default(patch_size):
                raise ModeError(
                    "a path can't be combined with metadata or layout: the file has its own", path=array
                )
            self._load(array, None, compressed=compressed, verify="touch")
            return
        geometry = {"spacing": spacing, "origin": origin, "direction": direction, "affine": affine}
        self._meta = _merged(as_meta(meta), geometry, axis_labels, copy)
        if array is not None:
            request = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams, profile)
            self._adopt(plain_array(array), request, compressed=compressed)
        self._describe()
        self.meta.validate(shape=self.shape)

    def compress(
        self,
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: Any = None,
        dparams: Any = None,
        *,
        profile: str = "default",
    ) -> None:
        """Compress the image in memory, with a new layout, and detach it from any file.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        voxels, meta = self._detached()
        meta._set_by_library(blosc2=None)
        self._meta = meta
        request = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams, profile)
        self._adopt(voxels, request, compressed=True)
        self._describe()

    def decompress(self) -> None:
        """Keep the voxels as a plain NumPy array, detach it from any file, and forget the layout.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        voxels, meta = self._detached()
        meta._set_by_library(blosc2=None)
        self._meta, self._storage = meta, PlainStorage(np.array(voxels))

    def _detached(self) -> tuple[Array, Meta]:
        voxels, meta = self.to_numpy(), deepcopy(self.meta)
        self.close()
        return voxels, meta

    @classmethod
    def comp_blosc2_params(
        cls,
        image_size: Sequence[int],
        patch_size: Sequence[int],
        spatial_axis_mask: list[bool] | None = None,
        bytes_per_pixel: int = 4,
        l1_cache_size_per_core_in_bytes: int = 32768,
        l3_cache_size_per_core_in_bytes: int = 1441792,
        safety_factor: float = 0.8,
    ) -> tuple[list[int], list[int]]:
        """Return the chunk and block size that `patch_size="..."` leads to.

        Parameters
        ----------
        image_size
            Shape of the array.
        patch_size
            For each spatial axis.
        spatial_axis_mask
            For each axis, whether it is spatial; None when all are.
        bytes_per_pixel
            Of one item.
        l1_cache_size_per_core_in_bytes, l3_cache_size_per_core_in_bytes, safety_factor
            Taken for compatibility. Sizes are chosen by measurement, see docs/benchmarks.md.
        """
        mask = [True] * len(image_size) if spatial_axis_mask is None else list(spatial_axis_mask)
        if len(mask) != len(image_size) or len(patch_size) != sum(mask):
            raise ArgumentError("patch_size needs one number for each spatial axis")
        chunks, blocks = layout.partition(
            normal_shape(image_size), bytes_per_pixel, mask, normal_shape(patch_size)
        )
        return list(chunks), list(blocks)


def open_any(path: PathLike, verify: str = "touch") -> MLArray:
    """Open a frame for reading whatever its name: `.mla`, its predecessors, bare Blosc2 arrays."""
    return MLArray._opened(os.fspath(path), verify=verify)


def _merged(meta: Meta, geometry: dict[str, Any], axis_labels: Any, copy: MLArray | None) -> Meta:
    """Put explicit arguments into the metadata, and fill what is unset from another image."""
    if geometry["affine"] is not None and any(
        geometry[name] is not None for name in ("spacing", "origin", "direction")
    ):
        raise MetadataError(
            "give either affine or spacing, origin and direction, not both", field="spatial.affine"
        )
    explicit = {name: value for name, value in geometry.items() if value is not None}
    for name, value in explicit.items():
        setattr(meta.spatial, name, value)
    if axis_labels is not None:
        meta.spatial.axis_labels = axis_labels
    if copy is not None:
        if not isinstance(copy, MLArray):
            raise ArgumentTypeError(f"copy must be an MLArray, not {type(copy).__name__}")
        _fill(meta, deepcopy(copy.meta), replaced=bool(explicit))
    return meta


def _fill(meta: Meta, other: Meta, *, replaced: bool) -> None:
    other._set_by_library(has_array=meta._has_array.has_array, shape=None)
    if replaced and meta.spatial.affine is not None:
        for name in ("spacing", "origin", "direction"):
            setattr(other.spatial, name, None)
    elif replaced and other.spatial.affine is not None:
        other.spatial.affine = None
    meta._fill_by_library(other)


__all__ = ["MLARRAY_DEFAULT_PATCH_SIZE", "MLArray", "open_any"]
