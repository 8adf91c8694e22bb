"""Opening a film, so that nothing but this file is read. Runs in the other process."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import av

from mlarray_core.errors import CorruptError
from mlarray_io.sdk import damage_named, in_a_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

Film = Any
"""An object of PyAV's: a container, stream, frame."""

_CONTAINERS = "mov,avi,matroska,webm,mpeg,asf"
"""Those that hold pictures themselves; playlists, which name other files and servers, are none of them."""
_BARE = "mpegts,mpegvideo,h264,hevc"
"""Transport streams, and streams without a container."""
MOST_PACKETS = 10_000_000
_FAILURES = (OSError, ValueError, RuntimeError, TypeError, AttributeError, ArithmeticError)


def explained(path: Path) -> AbstractContextManager[None]:
    """Say which file is damaged when FFmpeg raises within."""
    return damage_named(path, "can't be decoded", "av", "mlarray_films", kinds=_FAILURES, told=in_a_line)


def open_container(path: Path) -> Film:
    """Open a film without the network, and without files that it names."""
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    return av.open(f"file:{path}", "r", options=options)


def open_streams(content: IO[bytes]) -> Film:
    """Open a film that lies within another file: a container, or the bare stream of one codec.

    Parameters
    ----------
    content
        Its bytes, which can be sought in.
    """
    return av.open(content, "r", options={"format_whitelist": f"{_CONTAINERS},{_BARE}"})


def times_of(container: Film, stream: Film) -> list[int]:
    """Return when each frame is shown, in the stream's unit of time, in order; from packets, not decoded."""
    return sorted(time for time in packets_of(container, stream) if time is not None)


def packets_of(container: Film, stream: Film) -> list[int | None]:
    """Return when each packet with a frame is shown, in the stream's unit; None where it doesn't say.

    Raises
    ------
    CorruptError
        There are very many packets.
    """
    times: list[int | None] = []
    for number, packet in enumerate(container.demux(stream)):
        if number > MOST_PACKETS:
            raise CorruptError(f"has more than {MOST_PACKETS:,} packets")
        if packet.size:
            time = packet.dts if packet.pts is None else packet.pts
            times.append(None if time is None else int(time))
    return times
