"""What a way to write is: how it is prepared, done and looked at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Way:
    """One way to write, small, and with the same calls in each run.

    Parameters
    ----------
    prepare
        Makes what is there before.
    act
        Writes. Doing it again after it was done leaves the same.
    look
        Says what is there; None for nothing. What can't be read raises.
    parts
        Whether `look` returns a dict of images, each of which is old, new or unreadable by itself.
    stride
        Only every so many moments are tried, for a way that takes seconds.
    counted
        Whether all bytes go through calls that can fail; not in a store in which objects appear at once.
    """

    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    look: Callable[[Path], object]
    parts: bool = False
    stride: int = 1
    counted: bool = True


def digest(voxels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(voxels)).hexdigest()


def nothing(folder: Path) -> None:
    """Leave the folder empty."""
