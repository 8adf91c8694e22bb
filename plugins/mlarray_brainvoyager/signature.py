"""What the first bytes and the size of BrainVoyager's files say."""

from __future__ import annotations

import struct

MAP = b"\xd4\xc3\xb2\xa1\x06\0"
"""The identifier of a VMP in the voxels of a VTC, and its version."""
HEADER = {".vmr": 8, ".v16": 6, ".msk": 14}
"""Bytes before the voxels of files whose header has one length."""


def is_map(head: bytes) -> bool:
    """Say whether a file that begins so is a VMP."""
    return head.startswith(MAP)


def is_sized(name: str, head: bytes, size: int) -> bool:
    """Say whether a file is as long as its header makes it; what may follow the voxels is counted too.

    Parameters
    ----------
    name
        Of the file.
    head
        Its first bytes.
    size
        Its length.
    """
    suffix = name.lower()[-4:]
    start = HEADER.get(suffix)
    if start is None or len(head) < start:
        return False
    if suffix == ".msk":
        step, *ends = struct.unpack_from("<7h", head)
        sizes = (
            [(end - begin) // step for begin, end in zip(ends[::2], ends[1::2], strict=True)] if step else []
        )
        return min(sizes, default=0) > 0 and size == start + sizes[0] * sizes[1] * sizes[2]
    version, *dims = (
        struct.unpack_from("<4H", head) if suffix == ".vmr" else (1, *struct.unpack_from("<3H", head))
    )
    voxels = dims[0] * dims[1] * dims[2] * (1 if suffix == ".vmr" else 2)
    return bool(voxels) and 0 < version < 10 and start + voxels <= size < start + voxels + (1 << 20)
