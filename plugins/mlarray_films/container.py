"""Opening a film, so that nothing but this file is read. Runs in the other process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import av

from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_io.sdk import ignored_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Film = Any
"""An object of PyAV's: a container, stream, frame."""

_CONTAINERS = "mov,avi,matroska,webm,mpeg,asf"
"""Those that hold pictures themselves; playlists, which name other files and servers, are none of them."""
MOST_PACKETS = 10_000_000


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Make an error that says which file is damaged of whatever FFmpeg raises.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    CorruptError
        FFmpeg finds it damaged.
    """
    with ignored_warnings("av", "mlarray_films", "contextlib"):
        try:
            yield
        except MLArrayError as error:
            error.name_path(path)
            raise
        except MemoryError:
            raise
        except (OSError, ValueError, RuntimeError, TypeError, AttributeError, ArithmeticError) as error:
            text = " ".join(str(error).split())[:160]
            raise CorruptError(
                f"can't be decoded ({text})", path=path, hint="Was it copied whole?"
            ) from error


def open_container(path: Path) -> Film:
    """Open a film without the network, and without files that it names."""
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    return av.open(f"file:{path}", "r", options=options)


def times_of(container: Film, stream: Film) -> list[int]:
    """Return when each frame is shown, in the stream's unit of time, in order; from packets, not decoded.

    Raises
    ------
    CorruptError
        There are very many packets, or none says when it is shown.
    """
    times = []
    for number, packet in enumerate(container.demux(stream)):
        if number > MOST_PACKETS:
            raise CorruptError(f"has more than {MOST_PACKETS:,} packets")
        if packet.size and (packet.pts is not None or packet.dts is not None):
            times.append(int(packet.pts if packet.pts is not None else packet.dts))
    return sorted(times)
