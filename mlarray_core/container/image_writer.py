"""One image into one frame: how it is cut, its voxels, its metadata and its seal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.chunks import codec
from mlarray_core.chunks.grid import Grid
from mlarray_core.container.frame_writer import FrameWriter
from mlarray_core.container.stored_meta import stored_metadata
from mlarray_core.layout.plan import note_layout, plan_layout
from mlarray_core.layout.request import LayoutRequest
from mlarray_core.layout.shapes import compression
from mlarray_core.metadata import generations
from mlarray_core.processors import threads_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    from mlarray_core.container.contents import Contents
    from mlarray_core.container.storage import Storage
    from mlarray_core.layout.sampling import Voxels
    from mlarray_core.meta import Meta

    Array = np.ndarray[Any, Any]


TASK_BYTES = 1 << 20
"""Voxels that a thread encodes before it asks for more, if chunks are that small."""


@dataclass(frozen=True)
class ImagePlan:
    """How one image is stored.

    Parameters
    ----------
    grid
        How it is cut.
    cparams
        Plain compression parameters.
    """

    grid: Grid
    cparams: Mapping[str, object]


NO_VOXELS = ImagePlan(Grid((0,), (0,), (0,), np.dtype(np.float64)), compression(8))
"""How metadata without voxels are stored."""


def plan_image(
    meta: Meta,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    request: LayoutRequest | None = None,
    voxels: Voxels | None = None,
) -> ImagePlan:
    """Return how an image is stored, and note it in its metadata.

    Parameters
    ----------
    meta
        Its metadata: axis labels, and the layout that it had before.
    shape, dtype
        Of the array.
    request
        What is asked for; without any, what the metadata remember or what suits the image.
    voxels
        The array, or what reads it by boxes, for the profile ``auto``.
    """
    request = request or LayoutRequest()
    plan = plan_layout(meta, shape, dtype, request, voxels)
    note_layout(meta, plan, request.dparams)
    return ImagePlan(Grid(shape, plan.chunks, plan.blocks, dtype), plan.cparams)


class ImageWriter:
    """Writes one image into an open file, chunk by chunk in any order.

    Parameters
    ----------
    file
        Where to: at its beginning, seekable, readable when chunks are to be loaded again.
    plan
        How the image is stored.
    meta
        Of the image; what they say when `finish` is called is stored. None for voxels without metadata.
    base
        The frame that is in the file already and is edited in place: chunks that aren't written stay, and
        until `finish` it is whole.

    Attributes
    ----------
    frame
        Writes the bytes.
    """

    def __init__(
        self, file: BinaryIO, plan: ImagePlan, meta: Meta | None = None, base: Contents | None = None
    ) -> None:
        self.meta = meta
        self.frame = FrameWriter(file, plan.grid, plan.cparams, base)

    @property
    def grid(self) -> Grid:
        """How the array is cut."""
        return self.frame.grid

    @property
    def cparams(self) -> dict[str, Any]:
        """Compression parameters, as `codec.encode` takes them."""
        return self.frame.cparams

    def encode(self, voxels: Array) -> bytes:
        """Return the voxels of one chunk as `append` takes them. Several threads may do it at once."""
        return codec.encode(voxels, self.grid, self.cparams)

    def append(self, number: int, chunk: bytes | None) -> None:
        """Write an encoded chunk, None for zeros. Writing one again leaves the first behind as dead bytes."""
        self.frame.append(number, chunk)

    def load(self, number: int) -> bytes | None:
        """Return an encoded chunk that was written before, None for zeros."""
        return self.frame.load(number)

    def put_all(
        self, chunks: Iterable[tuple[int, Array]], threads: int = 1, ahead: int = 0, together: int = 1
    ) -> None:
        """Encode chunks on `threads` threads and write them as they come, see `FrameWriter.put_all`.

        Parameters
        ----------
        chunks
            Numbers and voxels.
        threads
            How many encode at the same time.
        ahead
            How many chunks may wait, at least two tasks for each thread.
        together
            How many chunks are one task.
        """
        self.frame.put_all(chunks, threads, ahead, together)

    def put_array(self, array: Array) -> None:
        """Write all voxels from memory."""
        grid = self.grid
        if array.size and not any(array.strides):
            self._put_repeated(array)
        elif array.size:
            threads = threads_for(array.nbytes)
            chunks = ((number, array[grid.box(number)]) for number in range(grid.nchunks))
            together = min(TASK_BYTES // grid.chunksize, grid.nchunks // (8 * threads))
            self.put_all(chunks, threads, together=max(1, together))

    def _put_repeated(self, array: Array) -> None:
        """Write an array that repeats one value: all chunks of one shape are encoded once."""
        encoded: dict[tuple[int, ...], bytes] = {}
        for number in range(self.grid.nchunks):
            voxels = array[self.grid.box(number)]
            if voxels.shape not in encoded:
                encoded[voxels.shape] = self.encode(voxels)
            self.append(number, encoded[voxels.shape])

    def take(self, storage: Storage) -> None:
        """Write all chunks of another storage of the same grid as they are."""
        whole = getattr(storage, "contents", None)
        if whole is not None and all(self.grid.shape) and self.frame.take(whole):
            return
        for number in range(self.grid.nchunks if all(self.grid.shape) else 0):
            self.append(number, storage.chunk(number))

    @property
    def voxels_sum(self) -> str:
        """What `Contents.voxels_sum` will say of the chunks that were written so far."""
        return self.frame.voxels_sum

    def finish(self, metadata: bytes | None = None) -> None:
        """Write metadata, index and seal: only then is the file an image.

        Parameters
        ----------
        metadata
            Those of the image, where they are encoded already.
        """
        if metadata is None:
            metadata = b"" if self.meta is None else generations.encode(self.meta)
        self.frame.finish(metadata)


def write_anew(file: BinaryIO, base: Contents, metadata: bytes | None = None) -> None:
    """Write an image with the same header and chunks, whatever they are, sealed anew.

    Parameters
    ----------
    file
        Where to.
    base
        The image, whose chunks are checked while they are copied.
    metadata
        Encoded metadata instead of its own.
    """
    writer = FrameWriter.anew(file, base)
    for number in range(base.frame.nchunks):
        writer.append(number, base.chunk(number))
    if metadata is None:
        stored = stored_metadata(base.read, base.frame)
        metadata = stored if isinstance(stored, bytes) else generations.encode(base.meta())
    writer.finish(metadata)
