"""Windows side by side over a whole image, for inference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlarray.torch.boxes import per_axis, window_starts
from mlarray.torch.cases import Case
from mlarray.torch.keeping import OpenCases
from mlarray.torch.tensors import as_dtype, as_indices
from mlarray_core.array.voxels import padding
from mlarray_core.errors import ArgumentError
from mlarray_core.exchange.torch_tensors import to_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from mlarray.torch.boxes import Size
    from mlarray.torch.cases import Given, OpenCase
    from mlarray_core.meta import Meta

RELEASE = 16 << 20
"""Bytes of voxels after which the pages of the files that they came from are forgotten."""


class GridPatches:
    """A map-style dataset of windows that cover an image, for sliding-window inference.

    Windows lie within the image, the last one along an axis at its end; only around an image that is smaller
    than a window there is padding. Of their places, that along the longest axis changes last, so that what
    waits to be put together is little. An item is a dict:

    - ``image``: tensor, channels first
    - ``start``: tensor, index of the window's first voxel along the spatial axes
    - ``index``: number of the window

    Parameters
    ----------
    image
        A path, a URL or an image; or a list of images of one grid, which are channels one after the other.
    patch
        Voxels along each spatial axis.
    overlap
        Share of a window that the next one covers too, along each axis.
    dtype, transform, pad, verify
        As `PatchDataset` takes them.

    Attributes
    ----------
    shape
        Of the image along its spatial axes.
    patch
        For each of them.
    starts
        Where windows start along each of them.

    Raises
    ------
    ArgumentError
        The images don't lie on one grid, or an argument can't be meant (a ValueError).
    """

    def __init__(
        self,
        image: Given | Sequence[Given],
        patch: Size = 96,
        overlap: float = 0.5,
        dtype: torch.dtype | str | None = None,
        transform: Callable[[dict[str, Any]], object] | None = None,
        *,
        pad: float = 0,
        verify: str = "touch",
    ) -> None:
        if not 0 <= overlap < 1:
            raise ArgumentError(f"overlap is a share from 0 to under 1, not {overlap!r}")
        self.dtype, self.transform, self.pad = as_dtype(dtype), transform, pad
        self._open = OpenCases([Case.of((image, None))], self._prepare, verify=verify)
        case = self._open[0]
        self.shape = case.shape
        self.patch = per_axis(patch, len(case.shape), "patch")
        steps = [max(1, round(length * (1 - overlap))) for length in self.patch]
        self.starts = [window_starts(*sizes) for sizes in zip(self.shape, self.patch, steps, strict=True)]
        # slowest first: what one slab of windows covers is what waits for the next slab
        self._order = sorted(range(len(self.shape)), key=lambda axis: -self.shape[axis])
        image_of = case.images[0].image
        assert image_of is not None
        self.meta: Meta = image_of.meta
        self._bytes = 0
        self._open.close()

    def __len__(self) -> int:
        return math.prod(map(len, self.starts))

    def start(self, index: int) -> list[int]:
        """Return where a window starts, along each spatial axis."""
        found = [0] * len(self.shape)
        for axis in reversed(self._order):
            index, place = divmod(index, len(self.starts[axis]))
            found[axis] = self.starts[axis][place]
        return found

    def __getitem__(self, index: int) -> Any:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"index {index} is out of range for {count} windows")
        case, start = self._open[0], self.start(index % count)
        image, _ = case.read(start, self.patch, self.pad)
        self._bytes += image.nbytes
        if self._bytes > RELEASE:
            self._bytes = 0
            for part in case.images:
                if part.image is not None:
                    part.image._state.need().release()
        tensor = to_tensor(image)
        item = {
            "image": tensor if self.dtype is None else tensor.to(self.dtype),
            "start": as_indices(start),
            "index": index % count,
        }
        return item if self.transform is None else self.transform(item)

    def _prepare(self, number: int, case: OpenCase) -> None:
        """Check what images are padded with."""
        for part in case.images:
            padding(self.pad, part.dtype)
