"""Runs in the other process: lists positions and opens one, frame by frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta
from mlarray_core.errors import CorruptError
from mlarray_io import Box, Context, ImageRef
from mlarray_io.sdk import NamedAxis, PlanesReader, explained, named_spatial, named_values
from mlarray_nd2.description import channels_of, header_of, sizes_of, stage_of, times_of
from mlarray_nd2.frames import POSITION, Frames
from mlarray_nd2.private_names import position_names

if TYPE_CHECKING:
    from pathlib import Path


class Nd2Reader(PlanesReader):
    """One position: loops of the experiment, then channels, rows, columns and colours, which one frame holds.

    Parameters
    ----------
    frames
        Of the file.
    position
        Number of the position.

    Raises
    ------
    CorruptError
        Frames have no size.
    """

    def __init__(self, frames: Frames, position: int) -> None:
        file = frames.file
        self._file, self._numbers = file, frames.numbers(position)
        rows, columns = int(file.attributes.heightPx), int(file.attributes.widthPx or 0)
        if min(rows, columns, frames.channels) < 1:
            raise CorruptError(f"says a size of {columns} x {rows} pixels", path=frames.path)
        sizes = {"C": frames.channels, "Y": rows, "X": columns, "S": frames.colours}
        kept = {letter: size for letter, size in sizes.items() if size > 1 or letter in "YX"}
        self.inner = len(kept)
        self._frame = tuple(kept.values())
        self.shape = (*frames.outer.values(), *self._frame)
        self.dtype = np.dtype(file.dtype).newbyteorder("=")
        self.chunks = (*(1 for _ in frames.outer), *self._frame)
        self.letters = "".join([*frames.outer, *kept])

    @property
    def numbers(self) -> dict[tuple[int, ...], int]:
        """Number of each frame by its index along the loops."""
        return self._numbers

    def part(self, place: tuple[int, ...], box: Box) -> np.ndarray[Any, Any]:
        """Return part of a frame; one that isn't stored is 0."""
        number = self._numbers.get(place)
        if number is None:
            return np.zeros([part.stop - part.start for part in box], self.dtype)
        frame: np.ndarray[Any, Any] = self._file.read_frame(number).reshape(self._frame)
        return frame[box]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _opened(path: Path) -> Frames:
    import nd2

    return Frames(nd2.ND2File(path), path)


@explained()
def list_positions(path: Path, context: Context) -> list[ImageRef]:
    """List the positions of the stage. The first one is primary."""
    frames = _opened(path)
    try:
        names = position_names(frames.file) if POSITION in frames.loops else []
        names = names if len(names) == frames.positions else [""] * frames.positions
        attributes = frames.file.attributes
        shape = (*frames.outer.values(), frames.channels, attributes.heightPx, attributes.widthPx)
        return [
            ImageRef(
                key=str(position),
                title=names[position],
                primary=position == 0,
                facts={
                    "shape": shape,
                    "axes": "".join(frames.outer) + "CYX",
                    "dtype": str(frames.file.dtype),
                },
                name="" if frames.positions > 1 else path.stem,
            )
            for position in range(frames.positions)
        ]
    finally:
        frames.file.close()


@explained()
def open_position(path: Path, context: Context, key: str) -> Nd2Reader:
    """Open one position.

    Parameters
    ----------
    path
        The file.
    context
        Limits, and where planes that aren't stored are reported.
    key
        Number of the position.

    Raises
    ------
    CorruptError
        The file is damaged.
    LimitError
        It is larger than the host allows.
    """
    frames = _opened(path)
    try:
        reader = Nd2Reader(frames, int(key))
        context.allow(reader.nbytes, path)
        _tell(frames, reader, context)
        reader.meta = _meta(frames, reader, int(key), context)
    except BaseException:
        frames.file.close()
        raise
    return reader


def _tell(frames: Frames, reader: Nd2Reader, context: Context) -> None:
    planned = math.prod(frames.outer.values())
    numbers = list(reader.numbers.values())
    missing = planned - len(numbers) + frames.missing(numbers)
    if missing:
        context.warn(f"{missing} of its {planned} planes aren't stored, and are 0")
    if frames.positions > 1:
        context.warn(f"one of {frames.positions} positions is read; --image chooses another")


def _meta(frames: Frames, reader: Nd2Reader, position: int, context: Context) -> Meta:
    axes = _axes(frames, reader)
    source = {"position": position, **header_of(frames.file)}
    if reader.numbers:
        stage = stage_of(frames.file, min(reader.numbers.values()))
        if stage is not None:
            source["stage_position_um"] = stage
    meta = Meta(source=source, spatial=named_spatial(axes, context))
    compressed = frames.file.attributes.compressionType == "lossy"
    Additions(
        axes=named_values(axes),
        channels=channels_of(frames.file, frames.channels),
        lossy={"compression": "JPEG 2000"} if compressed else {},
    ).store(meta)
    return meta


def _axes(frames: Frames, reader: Nd2Reader) -> list[NamedAxis]:
    sizes, axes = sizes_of(frames.file), []
    for axis, (letter, size) in enumerate(zip(reader.letters, reader.shape, strict=True)):
        if letter in "XYZ":
            axes.append(NamedAxis(letter=letter, size=size, step=sizes.get(letter), unit="um"))
        elif letter == "T":
            first = sorted(
                (place[axis], number)
                for place, number in reader.numbers.items()
                if not any(place[:axis] + place[axis + 1 :])
            )
            values = times_of(frames.file, [number for _, number in first]) if len(first) == size else None
            axes.append(NamedAxis(letter="T", size=size, unit="s" if values else "", values=values))
        else:
            axes.append(NamedAxis(letter=letter, size=size, name="" if letter in "CS" else "loop"))
    return axes
