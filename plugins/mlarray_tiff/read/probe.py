"""Runs in a process of its own: decodes a segment whose codec may end the process, and says that it lived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def decode_jpeg_xr(path: str) -> Iterator[dict[str, Any]]:
    """Decode a JPEG XR picture; yield its shape."""
    import imagecodecs

    yield {"shape": list(imagecodecs.jpegxr_decode(Path(path).read_bytes()).shape)}
