"""Opens one stream of a film."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, AxisValues, Meta
from mlarray_core.errors import CorruptError, NotFoundError
from mlarray_films.container import explained, open_container, times_of
from mlarray_io import Box, Context, Reader
from mlarray_io.sdk import bare_meta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mlarray_films.container import Film
    from mlarray_io.sdk import BareOptions

LONGEST = 100_000
"""Most frames whose times are kept in the metadata."""
FAR = 250
"""Frames that are decoded to reach one, rather than sought: films have a whole one about that often."""


class FilmReader(Reader):
    """A stream of pictures, decoded forwards; the last frame is kept.

    Parameters
    ----------
    path
        The file.
    opened
        Opens the film in it.
    index
        Number of the stream.
    times
        When each frame is shown, in the stream's unit; as many that are None where it doesn't say.
    form
        The pixel format that frames are converted to, ``gray``, ``gray16le``, ``rgb24`` or ``rgb48le``.
    plane
        Rows and columns.
    meta
        The metadata.
    """

    def __init__(
        self,
        path: Path,
        opened: Callable[[], Film],
        index: int,
        times: Sequence[int | None],
        form: str,
        plane: tuple[int, int],
        meta: Meta,
    ) -> None:
        self._path, self._opened, self._index = path, opened, index
        self._times, self._form = times, form
        self._film: Film = None
        self._frames: Iterator[Film] = iter(())
        self._at, self._kept = -1, np.empty(0)
        samples = (3,) if form.startswith("rgb") else ()
        self.shape = (len(times), *plane, *samples)
        self.dtype = np.dtype("u2" if form.endswith("le") else "u1")
        self.meta = meta
        self.chunks = (1, *self.shape[1:])

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        if out.size:
            with explained(self._path):
                for at, number in enumerate(range(box[0].start, box[0].stop)):
                    out[at] = self._frame(number)[box[1:]]
        return out

    def close(self) -> None:
        """Close the file."""
        if self._film is not None:
            self._film.close()
        self._film, self._at = None, -1

    def _frame(self, number: int) -> np.ndarray[Any, Any]:
        if number != self._at:
            if self._film is None or number < self._at or number > self._at + FAR:
                self._seek(number)
            while self._at < number:
                self._next()
        kept: np.ndarray[Any, Any] = self._kept
        return kept

    def _next(self) -> None:
        """Decode the next frame that is shown at one of the times.

        Raises
        ------
        CorruptError
            There is none, or it is damaged.
        """
        frame = next(self._frames, None)
        if frame is None:
            raise CorruptError(f"ends before its frame {self._at + 1} of {len(self._times)}")
        if getattr(frame, "is_corrupt", False):
            raise CorruptError(f"its frame {self._at + 1} is damaged")
        pixels = frame.to_ndarray(format=self._form)
        if pixels.shape != self.shape[1:] or pixels.dtype != self.dtype:
            raise CorruptError(f"its frames differ in size: {pixels.shape} and {self.shape[1:]}")
        self._at, self._kept = self._at + 1, pixels

    def _seek(self, number: int) -> None:
        """Begin anew, at the last whole frame before one where that is certain, else at the beginning."""
        self.close()
        self._film = self._opened()
        stream = self._film.streams[self._index]
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+explode"}
        self._frames = self._film.decode(stream)
        self._at = -1
        if number <= FAR or None in self._times:
            return
        self._film.seek(self._times[number], stream=stream, backward=True)
        first = next(self._frames, None)
        if first is None or first.pts not in self._times or self._times.count(first.pts) > 1:
            self._film.seek(self._times[0], stream=stream, backward=True)
            self._frames = self._film.decode(stream)
            return
        self._at = self._times.index(first.pts) - 1
        self._frames = _chained(first, self._frames)
        self._next()


def _chained(first: Film, others: Iterator[Film]) -> Iterator[Film]:
    yield first
    yield from others


def open_film(path: Path, context: Context, key: str, options: BareOptions) -> Reader:
    """Open the stream whose number is `key`. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Limits to keep, and where losses are reported.
    key
        Number of the stream.
    options
        What the user says of it.

    Raises
    ------
    CorruptError
        FFmpeg finds it damaged.
    NotFoundError
        There is no such stream of pictures.
    LimitError
        It is larger than the host allows.
    """
    with explained(path), open_container(path) as film:
        streams = {str(stream.index): stream for stream in film.streams.video}
        if key not in streams:
            raise NotFoundError(f"holds no stream {key} of pictures")
        stream = streams[key]
        facts = _facts(film, stream)
        lossy = _lossy(stream)
        form, plane = _form(stream), (int(stream.height), int(stream.width))
        base = float(stream.time_base or 0)
        times = times_of(film, stream)
        sound = [other.index for other in film.streams if other.type == "audio"]
    if not times or 0 in plane:
        raise CorruptError("holds no frames", path=path)
    if sound:
        context.loss("its sound", "an image has none")
    if facts.get("rotation"):
        context.warn(f"it is shown turned by {facts['rotation']} degrees, and stays as it is stored")
    samples = 3 if form.startswith("rgb") else 1
    context.allow(len(times) * plane[0] * plane[1] * samples * (2 if form.endswith("le") else 1), path)
    labels = ["temporal", "spatial_y", "spatial_x"] + ["components"] * (samples > 1)
    meta = bare_meta(options, len(labels), labels=labels, source=facts)
    axes = {}
    if len(times) <= LONGEST and base:
        axes[0] = AxisValues("time", "s", [(time - times[0]) * base for time in times])
    Additions(axes=axes, lossy=lossy).store(meta)
    return FilmReader(path, partial(open_container, path), int(key), times, form, plane, meta)


def _form(stream: Film) -> str:
    """Return what frames become: grey where they are stored so, else colours; of 16 bits where 8 don't do."""
    form = stream.codec_context.format
    if form is None:
        raise CorruptError("says nothing of its pixels")
    deep = max(component.bits for component in form.components) > 8
    if len(form.components) == 1 and not form.is_rgb and not form.has_palette:
        return "gray16le" if deep else "gray"
    return "rgb48le" if deep else "rgb24"


def _facts(film: Film, stream: Film) -> dict[str, Any]:
    codec = stream.codec_context
    facts: dict[str, Any] = {
        "container": str(film.format.name),
        "codec": str(codec.name),
        "pixels": str(codec.pix_fmt or ""),
        "metadata": {str(name): str(value) for name, value in {**film.metadata, **stream.metadata}.items()},
    }
    rate, aspect = stream.average_rate, stream.sample_aspect_ratio
    if rate:
        facts["frames_per_second"] = float(rate)
    if aspect and float(aspect) not in (0.0, 1.0):
        facts["pixel_aspect_ratio"] = float(aspect)
    turned = str(stream.metadata.get("rotate", "")).strip()
    if turned.lstrip("-").isdigit() and int(turned):
        facts["rotation"] = int(turned)
    return facts


def _lossy(stream: Film) -> dict[str, Any]:
    codec = stream.codec_context.codec
    if not codec.lossy and not codec.lossless:
        return {"method": str(codec.long_name), "certain": False}
    if not codec.lossy:
        return {}
    method = {"method": str(codec.long_name)}
    return {**method, "certain": False} if codec.lossless else method
