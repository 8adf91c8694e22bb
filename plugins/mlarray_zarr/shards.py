"""Where the chunks of a shard are (Zarr 3, ``sharding_indexed``), found out before they are inflated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHECKSUM = 4
_NOWHERE = (1 << 64) - 1
MOST_CHUNKS = 1 << 22
"""Chunks of one shard: an index of 64 MB, which is read before any of them."""


@dataclass(frozen=True)
class ShardIndex:
    """The index of every shard of an array.

    Parameters
    ----------
    count
        Number of chunks.
    first
        Whether it stands before the chunks, not behind them.
    dtype
        Of its numbers: where a chunk begins and how many bytes it has.
    checked
        Whether a checksum follows it.
    inner
        The index of the shards that its chunks are; None when they are compressed.
    """

    count: int
    first: bool
    dtype: str
    checked: bool
    inner: ShardIndex | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the index."""
        return 16 * self.count + (_CHECKSUM if self.checked else 0)

    def chunks(self, shard: bytes) -> Iterator[bytes]:
        """Yield the chunks of a shard, compressed; none of one that is shorter than its index.

        Raises
        ------
        CorruptError
            Chunks lie over one another: a small file could name more of them than it has bytes.
        """
        if len(shard) < self.nbytes:
            return
        left = len(shard)
        at = 0 if self.first else len(shard) - self.nbytes
        for start, size in np.frombuffer(shard, self.dtype, 2 * self.count, at).reshape(-1, 2).tolist():
            if (start, size) == (_NOWHERE, _NOWHERE):
                continue
            left -= size
            if left < 0:
                raise CorruptError("has a shard whose chunks have more bytes than the shard")
            yield from self.parts(shard[start : start + size])

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what is compressed in a chunk: the chunk, or the chunks of the shard that it is."""
        if self.inner is None:
            yield chunk
        else:
            yield from self.inner.chunks(chunk)


def index_of(configuration: Mapping[str, Any], count: int, inner: ShardIndex | None = None) -> ShardIndex:
    """Return the index that a codec's configuration describes.

    Parameters
    ----------
    configuration
        Of the codec ``sharding_indexed``.
    count
        How many chunks a shard has.
    inner
        The index of the shards that its chunks are.

    Raises
    ------
    UnsupportedError
        It is stored in another way than the specification's example, or has too many chunks.
    """
    if count > MOST_CHUNKS:
        raise UnsupportedError(f"has shards of {count:,} chunks, {MOST_CHUNKS:,} are the most")
    codecs = configuration.get("index_codecs", [{"name": "bytes"}])
    names = [codec if isinstance(codec, str) else codec["name"] for codec in codecs]
    place = configuration.get("index_location", "end")
    if names not in (["bytes"], ["bytes", "crc32c"]) or place not in ("start", "end"):
        raise UnsupportedError("has shards with an index in an unusual encoding")
    settings = {} if isinstance(codecs[0], str) else codecs[0].get("configuration") or {}
    order = ">" if settings.get("endian") == "big" else "<"
    return ShardIndex(count, place == "start", f"{order}u8", "crc32c" in names, inner)
