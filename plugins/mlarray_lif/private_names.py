"""What is used of liffile beyond its public interface, in one place: tests check that it is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from liffile import LifFile, LifImage
    from liffile.liffile import LifChannel, LifDimension


def follow_nothing(file: LifFile) -> None:
    """Have a file open none of those that it refers to, which may lie anywhere."""
    file.__dict__["children"] = ()  # a cached property


def dimensions_of(image: LifImage) -> Sequence[LifDimension]:
    """Return size, position, length and unit of each dimension."""
    found: Sequence[LifDimension] = image._dimensions
    return found


def channels_of(image: LifImage) -> Sequence[LifChannel]:
    """Return the channels in the order in which they are stored."""
    found: Sequence[LifChannel] = image._channels
    return found
