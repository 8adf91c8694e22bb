"""A store that nobody wrote: its documents are made once, its chunks when somebody asks for them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_zarr.plan import DEFAULT_CHUNK, plan_of
from mlarray_zarr.writer import create, image_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io import Context, Reader
    from mlarray_zarr.options import ZarrOptions

LARGEST = 8 << 20
"""Bytes of a chunk up to which the chunks of the image are those of the store."""
CHUNK = re.compile(r"(?:c/)?(\d{1,9}(?:/\d{1,9})*)")


class VirtualStore:
    """An image as OME-Zarr, without compression.

    Parameters
    ----------
    reader
        The image. Its levels, where they fit, are the store's.
    options
        Of these, the version counts.
    context
        Where to report what OME-Zarr can't say.
    """

    def __init__(self, reader: Reader, options: ZarrOptions, context: Context) -> None:
        from zarr.storage import MemoryStore

        plain = replace(options, levels="source", codec="none", shard_size=None, chunk_size=None)
        plan = plan_of(reader, plain, context)
        self._order, self._chunks = plan.order, _chunks(reader, plan.order)
        plan = replace(plan, chunks=self._chunks, shapes=plan.shapes[: 1 + len(plan.taken)], factors=())
        plan = replace(plan, levels=plan.levels[: len(plan.shapes)])
        held: dict[str, Any] = {}
        create(MemoryStore(held), reader, plan, plain)
        self._documents = {name: bytes(document.to_bytes()) for name, document in held.items()}
        paths = [level.path for level in plan.levels] or [""]
        self._readers = dict(zip(paths, (reader, *plan.taken), strict=True))

    def __call__(self, name: str) -> bytes | None:
        """Return the content of a file of the store, None for one that isn't there."""
        if name in self._documents:
            return self._documents[name]
        path, _, rest = name.partition("/") if "" not in self._readers else ("", "", name)
        found = CHUNK.fullmatch(rest)
        if path not in self._readers or found is None:
            return None
        return self._chunk(self._readers[path], [int(part) for part in found[1].split("/")])

    def _chunk(self, reader: Reader, place: Sequence[int]) -> bytes | None:
        shape = [reader.shape[axis] for axis in self._order]
        if len(place) != len(shape):
            return None
        box = tuple(
            slice(at * chunk, min((at + 1) * chunk, size))
            for at, chunk, size in zip(place, self._chunks, shape, strict=True)
        )
        if any(part.start >= size for part, size in zip(box, shape, strict=True)):
            return None
        voxels = reader[image_box(box, self._order)].transpose(self._order)
        missing = [(0, chunk - size) for chunk, size in zip(self._chunks, voxels.shape, strict=True)]
        whole = np.pad(voxels, missing) if any(after for _, after in missing) else voxels
        return np.ascontiguousarray(whole, whole.dtype.newbyteorder("<")).tobytes()


def _chunks(reader: Reader, order: Sequence[int]) -> tuple[int, ...]:
    """Return the chunks of the image where they aren't too large, else about a million voxels."""
    shape = [reader.shape[axis] for axis in order]
    own = None if reader.chunks is None else [reader.chunks[axis] for axis in order]
    if own is None or math.prod(own) * reader.dtype.itemsize > LARGEST or 0 in own:
        spatial = min(len(shape), 3)
        own = [1] * (len(shape) - spatial) + list(DEFAULT_CHUNK[spatial])
    return tuple(max(1, min(chunk, size)) for chunk, size in zip(own, shape, strict=True))
