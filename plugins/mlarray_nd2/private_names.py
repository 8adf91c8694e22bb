"""What is used of nd2 beyond its public interface, in one place: tests check that it is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nd2 import ND2File


def frame_places(file: ND2File) -> dict[int, int] | None:
    """Return where in the file each stored frame begins, None for older files, which don't say.

    nd2 hands back zeros for a frame that isn't stored, and for one that the file ends before.
    """
    places = getattr(file._rdr, "_frame_offsets", None)
    return None if places is None else {int(index): int(at) for index, at in places.items()}


def frame_bytes(file: ND2File) -> int | None:
    """Return how many bytes each frame takes where it is stored plain, None where it is compressed."""
    attributes = file.attributes
    if file.is_legacy or attributes.compressionType == "lossless":
        return None
    return int(attributes.heightPx) * int(attributes.widthBytes or 0)


def position_names(file: ND2File) -> list[str]:
    """Return the names of the positions of the stage."""
    return [str(name) for name in file._position_names()]
