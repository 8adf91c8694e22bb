"""The seal: checksums of every stored chunk and of the frame around them.

The sums of the chunks stand in one variable-length metalayer of our own, the sum of everything else in the
fingerprint field of the frame's trailer, which c-blosc2 writes as zeros and ignores on reading. So a sealed
file is an ordinary frame to every other reader, and whoever writes to it in place resets the fingerprint and
thereby breaks the seal without knowing of it.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest, xxh3_128_digest

from mlarray_core.container import frame as frames
from mlarray_core.container.trailer import vlmeta_content, without_fingerprint
from mlarray_core.errors import CorruptError
from mlarray_core.metadata import msgpack

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

KEY = "mlarray_seal"
FINGERPRINT_TYPE = 3
"""128 bits, in c-blosc2's numbering of fingerprint types."""

_MAGIC = b"MLS1"
_HEAD_SUM, _CHUNK_SUM = 16, 8
"""Bytes of the sum of the head, xxh3-128, and of a chunk, xxh3-64."""
_COUNTS = frozenset([b"", *(bytes([count]) for count in range(1, 33))])
"""How the number of levels is written: not at all for none."""


_MOST_REMEMBERED = 1 << 24
"""Bytes, one for each chunk, of what is remembered of files that were checked."""


class Checked:
    """What was checked of one file.

    Attributes
    ----------
    unchecked
        For each chunk, at its place among the others, whether it is still to be checked.
    metadata
        Whether the metadata were decoded, and say that there are voxels.
    """

    def __init__(self, counts: tuple[int, ...]) -> None:
        import numpy as np

        self.unchecked: Array = np.ones(counts, bool)
        self.metadata = False


class CheckedFiles:
    """What this process has checked of files that were open, those used last.

    A file that is closed and opened again, as one patch from each of many files is read epoch after epoch, is
    not checked again as long as nothing was written to it.
    """

    def __init__(self) -> None:
        self._known: dict[object, Checked] = {}
        self._size = 0

    def of(self, file: object, counts: tuple[int, ...]) -> Checked:
        """Return what was checked of a file, which all who use it share.

        Parameters
        ----------
        file
            What the file is; None for one that is not to be remembered.
        counts
            Number of chunks along each axis.
        """
        # without a lock, which a fork could inherit locked: two threads may each check a chunk
        known = self._known.pop(file, None)
        if known is None:
            known = Checked(counts)
            if file is None or known.unchecked.size > _MOST_REMEMBERED // 16:
                return known
            self._size += known.unchecked.size
        self._known[file] = known
        while self._size > _MOST_REMEMBERED and len(self._known) > 1:
            self._size -= self._known.pop(next(iter(self._known))).unchecked.size
        return known


class State(Enum):
    """What a file's seal says."""

    SEALED = "sealed"
    """Every byte is covered by a checksum."""
    UNSEALED = "unsealed"
    """Written without a seal, by another program: only its structure can be checked."""
    EDITED = "edited elsewhere"
    """Sealed once and written to since, by another program, or damaged."""


class Table(NamedTuple):
    """The content of the seal's metalayer.

    Parameters
    ----------
    head
        xxh3-128 of what `head_sum` covers.
    sums
        xxh3-64 of each stored chunk, 8 little-endian bytes each; of no bytes for chunks that aren't stored.
    levels
        How many coarser levels follow the frame, so that their loss is noticed.
    """

    head: bytes
    sums: bytes
    levels: int = 0

    def pack(self) -> bytes:
        """Return the table as bytes."""
        return _MAGIC + self.head + self.sums + (bytes([self.levels]) if self.levels else b"")

    @classmethod
    def unpack(cls, data: bytes, nchunks: int) -> Table:
        """Return the table that `data` holds, checked against the number of chunks.

        Raises
        ------
        CorruptError
            It is no table, or one of another number of chunks.
        """
        sums_at = len(_MAGIC) + _HEAD_SUM
        end = sums_at + _CHUNK_SUM * nchunks
        if not data.startswith(_MAGIC) or len(data) < end or data[end:] not in _COUNTS:
            raise CorruptError("the table of checksums is damaged")
        return cls(data[len(_MAGIC) : sums_at], data[sums_at:end], sum(data[end:]))

    def as_list(self) -> list[int]:
        """Return all checksums."""
        return list(struct.unpack(f"<{len(self.sums) // _CHUNK_SUM}Q", self.sums))

    def absent(self) -> Array:
        """Return for each chunk whether its checksum is that of a chunk that isn't stored."""
        import numpy as np

        absent: Array = np.frombuffer(self.sums, "<u8") == chunk_sum(b"")
        return absent

    def sum_of(self, number: int) -> int:
        """Return the checksum of chunk `number`."""
        return int(struct.unpack_from("<Q", self.sums, _CHUNK_SUM * number)[0])


def chunk_sum(chunk: bytes | memoryview) -> int:
    """Return the checksum of one stored chunk."""
    return xxh3_64_intdigest(chunk)


def pack_sums(sums: list[int]) -> bytes:
    """Return checksums as the table holds them."""
    return struct.pack(f"<{len(sums)}Q", *sums)


def sum_of_sums(sums: bytes) -> str:
    """Return what tells the voxels of one file from others: a sum of the checksums of all its chunks."""
    return xxh3_64_hexdigest(sums)


def head_sum(header: bytes, metadata: bytes) -> bytes:
    """Return the sum of what an image says of itself: its header without sizes, and its metadata."""
    return xxh3_128_digest(frames.without_sizes(header) + metadata)


def fingerprint(header: bytes, index: bytes, trailer: bytes) -> bytes:
    """Return the sum of header, chunk offsets and trailer (without its own fingerprint).

    Parameters
    ----------
    header, index, trailer
        Bytes of the three parts of a frame that aren't chunks.
    """
    return xxh3_128_digest(header + index + without_fingerprint(trailer))


def read_seal(read: frames.Read, frame: frames.Frame, *, compare: bool = True) -> tuple[State, Table | None]:
    """Return the state of a frame's seal and its checksums, if it has any.

    Parameters
    ----------
    read, frame
        The file.
    compare
        Check header, index and trailer. Chunks are checked one by one, elsewhere.

    Raises
    ------
    CorruptError
        They are damaged.
    """
    if frame.fingerprint_type not in (0, FINGERPRINT_TYPE):
        raise CorruptError("the seal is of an unknown kind")
    sealed = frame.fingerprint_type == FINGERPRINT_TYPE
    if KEY not in frame.vlmeta:
        if sealed:
            raise CorruptError("header, index or metadata are damaged: the checksums are missing")
        return State.UNSEALED, None
    limit = _CHUNK_SUM * frame.nchunks + 256  # magic, sum of the head, count, and room for later kinds
    packed = msgpack.unpack(vlmeta_content(read, frame, KEY, limit))
    table = Table.unpack(packed if isinstance(packed, bytes) else b"", frame.nchunks)
    if not sealed:
        return State.EDITED, table
    if compare and _sum_frame(read, frame) != frame.fingerprint:
        raise CorruptError("header, index or metadata are damaged: the checksum disagrees")
    return State.SEALED, table


def _sum_frame(read: frames.Read, frame: frames.Frame) -> bytes:
    index = read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
    return fingerprint(frame.header, index, read(frame.trailer_at, frame.length - frame.trailer_at))
