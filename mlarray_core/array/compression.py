"""The part of `MLArray` that keeps voxels in memory, compressed or plain, and says how they would be cut."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.array import files
from mlarray_core.array.exchange import Exchange
from mlarray_core.array.state import ImageState
from mlarray_core.container.storage import PlainStorage
from mlarray_core.errors import ArgumentError
from mlarray_core.layout import shapes as layout
from mlarray_core.layout.plan import normal_shape
from mlarray_core.layout.request import LayoutRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.layout.request import CParams, DParams, Sizes
    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]


class Compression(Exchange):
    """Voxels that are compressed in memory, and layouts for them."""

    __slots__ = ()

    def compress(
        self,
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: CParams = None,
        dparams: DParams = None,
        *,
        profile: str = "default",
    ) -> None:
        """Compress the image in memory, with a new layout, and detach it from any file.

        Parameters
        ----------
        patch_size, chunk_size, block_size, cparams, dparams, profile
            As the constructor takes them.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        voxels, meta = self._detached()
        self._state = ImageState(meta)
        request = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams, profile)
        self._state.adopt(voxels, request, compressed=True)
        self._state.describe()

    def decompress(self) -> None:
        """Keep the voxels as a plain NumPy array, detach it from any file, and forget the layout.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        voxels, meta = self._detached()
        self._state = ImageState(meta, PlainStorage(np.array(voxels)))

    def _detached(self) -> tuple[Array, Meta]:
        """Return the voxels, and the metadata without a layout; close the file."""
        voxels, meta = self.to_numpy(), deepcopy(self.meta)
        files.close(self._state)
        meta._set_by_library(blosc2=None)
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
        """Return the chunk and the block size, in voxels along each axis, that a patch size leads to.

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

        Raises
        ------
        ArgumentError
            There isn't one number of `patch_size` for each spatial axis (a ValueError).
        """
        mask = [True] * len(image_size) if spatial_axis_mask is None else list(spatial_axis_mask)
        if len(mask) != len(image_size) or len(patch_size) != sum(mask):
            raise ArgumentError("patch_size needs one number for each spatial axis")
        chunks, blocks = layout.partition(
            normal_shape(image_size), bytes_per_pixel, mask, normal_shape(patch_size)
        )
        return list(chunks), list(blocks)
