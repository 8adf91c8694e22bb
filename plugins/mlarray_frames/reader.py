"""What the pictures of all kinds have in common: frames as a time axis, decoded one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, AxisValues, Meta
from mlarray_core.errors import CorruptError
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta, damage_named, voxel_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mlarray_frames.options import FrameOptions

Pixels = np.ndarray[Any, Any]


@dataclass
class Frames:
    """The frames of a picture.

    Parameters
    ----------
    shape, dtype
        Of one of them: rows, columns, and samples of a pixel where there are several.
    decode
        Returns the frame of a number.
    durations
        Of each frame in milliseconds; None for a single picture, which has no time axis.
    source
        What the header says.
    lossy
        What was lost by compression, as `Additions` has it.
    notes
        What the user should know.
    close
        Frees the file.
    channels
        Names of the samples, where the file gives them.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    decode: Callable[[int], Pixels]
    durations: Sequence[float] | None = None
    source: dict[str, Any] = field(default_factory=dict)
    lossy: dict[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    close: Callable[[], None] = lambda: None
    channels: Sequence[str] = ()


class FrameReader(Reader):
    """A picture, or all frames of one. The last frame that was decoded is kept.

    Parameters
    ----------
    path
        The file.
    frames
        Of it.
    meta
        The metadata.
    """

    def __init__(self, path: Path, frames: Frames, meta: Meta) -> None:
        self._path, self._frames, self.meta = path, frames, meta
        self._kept: tuple[int, Pixels | None] = (-1, None)
        self._moves = frames.durations is not None
        self.dtype = frames.dtype
        self.shape = (len(frames.durations), *frames.shape) if frames.durations is not None else frames.shape
        self.chunks = (1, *frames.shape) if self._moves else frames.shape

    def __getitem__(self, box: Box, /) -> Pixels:
        if not self._moves:
            return np.ascontiguousarray(self._frame(0)[box])
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            for at, number in enumerate(range(box[0].start, box[0].stop)):
                out[at] = self._frame(number)[box[1:]]
        return out

    def close(self) -> None:
        """Close the file."""
        self._kept = (-1, None)
        self._frames.close()

    def _frame(self, number: int) -> Pixels:
        kept, pixels = self._kept
        if kept != number or pixels is None:
            with explained(self._path):
                pixels = self._frames.decode(number)
            if pixels.shape != self._frames.shape or pixels.dtype != self.dtype:
                raise CorruptError(
                    f"frame {number} is {pixels.shape} {pixels.dtype}, not {self._frames.shape} {self.dtype}",
                    path=self._path,
                )
            self._kept = (number, pixels)
        return pixels


def explained(path: Path) -> AbstractContextManager[None]:
    """Say which file is damaged when a codec raises within: each has its own kinds of errors."""
    return damage_named(path, "can't be decoded", "PIL", "imagecodecs", "mlarray_frames")


def picture(path: Path, frames: Frames, kind: str, options: FrameOptions, context: Context) -> FrameReader:
    """Return a reader of frames.

    Parameters
    ----------
    path
        The file.
    frames
        Of it.
    kind
        Name of the format.
    options
        What the user says of it.
    context
        Has the limit, and is told what the user should know.

    Raises
    ------
    UnsupportedError
        The pixels are of a type that nothing holds.
    LimitError
        It is larger than the host allows.
    """
    dtype = voxel_dtype(frames.dtype, path)
    moves = frames.durations is not None
    count = len(frames.durations) if frames.durations is not None else 1
    context.allow(count * int(np.prod(frames.shape, dtype=np.float64)) * dtype.itemsize, path)
    for note in frames.notes:
        context.warn(note)
    samples = ["channel" if frames.channels else "components"] * (len(frames.shape) - 2)
    labels = ["temporal"] * moves + ["spatial_y", "spatial_x"] + samples
    source = {"kind": kind, **frames.source}
    additions = Additions(lossy=frames.lossy)
    if frames.durations is not None:
        starts = list(accumulate(frames.durations, initial=0.0))[:-1]
        source["durations"] = list(frames.durations)
        additions.axes[0] = AxisValues("time", "ms", starts)
    if frames.channels:
        source["channels"] = list(frames.channels)
        at = len(labels) - 1
        additions.axes[at] = AxisValues("channel", "", list(frames.channels))
    meta = bare_meta(options, len(labels), labels=labels, source=source)
    additions.store(meta)
    return FrameReader(path, frames, meta)
