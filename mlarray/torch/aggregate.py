"""Putting windows together again, straight into a `.mla` file, in bounded memory."""

from __future__ import annotations

from contextlib import ExitStack
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from mlarray.torch.scratch import Tiles
from mlarray.torch.weights import WEIGHTS, axis_weights
from mlarray_core import geometry
from mlarray_core.array.files import checked_path
from mlarray_core.container.image_writer import ImageWriter, plan_image
from mlarray_core.container.stored_meta import describe
from mlarray_core.errors import ArgumentError
from mlarray_core.layout.request import LayoutRequest
from mlarray_core.meta import Meta
from mlarray_core.publish import Publication

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy.typing as npt

    from mlarray.torch.grid import GridPatches
    from mlarray_core.chunks.grid import Grid

    Array = np.ndarray[Any, Any]

MEMORY = 128 << 20
"""Bytes of unfinished voxels that are held in memory; the others wait in a temporary file."""


class Aggregator:
    """Puts what a network makes of the windows of a `GridPatches` together into one `.mla` file.

    Where windows overlap, their weighted mean is taken. Parts of the result that no window will change
    any more are compressed and written at once, so that memory stays bounded whatever the image's size. The
    file appears, whole, when the aggregator is closed, at the end of a ``with`` block; not when the block
    raised.

    Parameters
    ----------
    target
        Of the `.mla` file.
    grid
        Whose windows are added, each once and best in its order.
    channels
        Of what is added. More than one are the first axis of the result.
    dtype
        Of the result; without effect with `argmax`.
    weights
        ``"gaussian"``: the centre of a window counts most; ``"constant"``: all of it the same; ``"crop"``: no
        mean, each voxel is of the window whose centre is nearest.
    argmax
        Store the channel with the largest value, as a label map.
    memory
        Bytes of unfinished voxels that are held in memory; the others wait in a temporary file beside the
        target.

    Raises
    ------
    ArgumentError
        There is no such weighting, or no channel (a ValueError).
    WriteError
        The folder is missing or can't be written to.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        grid: GridPatches,
        channels: int = 1,
        *,
        dtype: npt.DTypeLike = "float32",
        weights: str = "gaussian",
        argmax: bool = False,
        memory: int = MEMORY,
    ) -> None:
        if weights not in WEIGHTS or channels < 1:
            raise ArgumentError(f"weights are one of {', '.join(WEIGHTS)}, and channels at least 1")
        self.grid, self.channels, self.argmax = grid, channels, argmax
        kind = np.dtype(("u1" if channels <= 256 else "u2") if argmax else dtype)
        if kind.kind not in "fiu":
            raise ArgumentError(f"the result can't be of {kind}", field="dtype")
        self._axes = [
            axis_weights(weights, starts, length, size)
            for starts, length, size in zip(grid.starts, grid.patch, grid.shape, strict=True)
        ]
        self._numbers = [{start: at for at, start in enumerate(starts)} for starts in grid.starts]
        self._seen = np.zeros([len(starts) for starts in grid.starts], bool)
        weight = [axis.weight for axis in self._axes]
        self._weight = None if weight[0] is None else _outer([one for one in weight if one is not None])
        with ExitStack() as undo:
            self._publication = Publication(checked_path(target, must_exist=False), overwrite=True)
            undo.callback(self._publication.abort)
            try:
                self._file = undo.enter_context(open(self._publication.path, "w+b"))
                self._writer, self._tiles = self._begun(kind)
                folder = str(self._publication.target.parent)
                self._sums = Tiles((channels, *self._tiles.chunks), memory, folder)
            except OSError as error:
                raise self._publication.explain(error) from error
            undo.pop_all()
        counts = [
            np.array(axis.windows_in(step)) for axis, step in zip(self._axes, self._tiles.chunks, strict=True)
        ]
        self._left = _outer(counts).reshape(-1)

    def _begun(self, kind: np.dtype[Any]) -> tuple[ImageWriter, Grid]:
        """Return what writes the result, and how its spatial axes are cut."""
        grid, many = self.grid, self.channels > 1 and not self.argmax
        flat = plan_image(Meta(), grid.shape, kind).grid
        meta = _meta(grid.meta, channels=many, labels=self.argmax)
        if not many:
            plan = plan_image(meta, grid.shape, kind)
        else:
            request = LayoutRequest(chunk=(1, *flat.chunks), block=(1, *flat.blocks))
            plan = plan_image(meta, (self.channels, *grid.shape), kind, request)
        describe(meta, plan.grid.shape)
        meta._set_by_library(has_array=True)
        return ImageWriter(self._file, plan, meta), flat

    def add(self, windows: torch.Tensor, starts: torch.Tensor) -> None:
        """Add one window, or a batch of them.

        Parameters
        ----------
        windows
            Channels first, behind the batch's axis where there is one; on any device.
        starts
            Of the windows, as the items of the grid have them.

        Raises
        ------
        ArgumentError
            A window is of another shape, isn't one of the grid's, or was added before (a ValueError).
        """
        values = windows.detach().to("cpu", torch.float32).numpy()
        places = np.asarray(starts)
        if places.ndim == 1:
            values, places = values[None], places[None]
        shape = (len(places), self.channels, *self.grid.patch)
        if values.shape != shape or places.shape != (len(values), len(self.grid.shape)):
            raise ArgumentError(f"expected windows of shape {shape}, got {values.shape}")
        for window, start in zip(values, places.tolist(), strict=True):
            self._add(window, start)

    def _add(self, window: Array, start: list[int]) -> None:
        """Add one window to the parts of the result that it has a say in, and write those that are done."""
        try:
            place = tuple(known[at] for known, at in zip(self._numbers, start, strict=True))
        except KeyError:
            raise ArgumentError(f"no window of the grid starts at {start}") from None
        if self._seen[place]:
            raise ArgumentError(f"the window at {start} was added before")
        self._seen[place] = True
        if self._weight is not None:
            window = window * self._weight
        spans = [axis.spans[at] for axis, at in zip(self._axes, place, strict=True)]
        box = tuple(slice(*span) for span in spans)
        for number in self._tiles.touched(box):
            here, inside = self._tiles.overlap(number, box)
            cut = tuple(
                slice(part.start + span[0] - first, part.stop + span[0] - first)
                for part, span, first in zip(here, spans, start, strict=True)
            )
            self._sums[number][(slice(None), *inside)] += window[(slice(None), *cut)]
            self._left[number] -= 1
            if not self._left[number]:
                self._finish(number)

    def _finish(self, number: int) -> None:
        """Write a part of the result that no window will change any more."""
        box = self._tiles.box(number)
        sums = self._sums.pop(number)[(slice(None), *(slice(0, part.stop - part.start) for part in box))]
        mean = sums / _outer([axis.total[part] for axis, part in zip(self._axes, box, strict=True)])
        grid = self._writer.grid
        if self.argmax:
            parts = [mean.argmax(0).astype(grid.dtype)]
        elif grid.dtype.kind in "iu":
            limits = np.iinfo(grid.dtype)
            parts = list(np.clip(np.rint(mean), limits.min, limits.max).astype(grid.dtype))
        else:
            parts = list(mean.astype(grid.dtype, copy=False))
        for channel, voxels in enumerate(parts):
            whole = voxels if len(grid.shape) == voxels.ndim else voxels[None]
            self._writer.append(channel * self._tiles.nchunks + number, self._writer.encode(whole))

    def close(self) -> None:
        """Make the file appear. Closing twice is harmless.

        Raises
        ------
        ArgumentError
            Windows are missing; no file appears (a ValueError).
        WriteError
            It can't be written.
        """
        if self._file.closed:
            return
        missing = int((~self._seen).sum())
        try:
            if missing:
                raise ArgumentError(
                    f"{missing} of {self._seen.size} windows were not added", path=self._publication.asked
                )
            self._writer.finish()
            self._file.close()
            self._publication.commit()
        except OSError as error:
            raise self._publication.explain(error) from error
        finally:
            self.abort()

    def abort(self) -> None:
        """Forget everything: no file appears, unless it has."""
        self._file.close()
        self._sums.close()
        self._publication.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def _outer(axes: Sequence[Array]) -> Array:
    """Return the product of one number for each axis, at every place."""
    result: Array = reduce(np.multiply.outer, axes)
    return result


def _meta(image: Meta, *, channels: bool, labels: bool) -> Meta:
    """Return what the result says of itself: where it lies is where the image lies."""
    spatial = image.spatial
    count = len(spatial.shape or ())
    axes = geometry.spatial_axes(spatial.axis_labels, count)
    names = [(spatial.axis_labels or ["spatial"] * count)[axis] for axis in axes]
    units = None if spatial.axis_units is None else [spatial.axis_units[axis] for axis in axes]
    known = spatial.affine is not None or spatial.origin is not None or spatial.direction is not None
    return Meta(
        is_seg=labels or None,
        spatial=geometry.spatial_meta(
            geometry.affine_of(spatial, len(axes)) if known else None,
            axis_labels=["channel", *names] if channels else names,
            axis_units=["", *units] if channels and units is not None else units,
            coord_system=spatial.coord_system,
            spacing=None if known else spatial.spacing,
        ),
    )
