"""Tiles and strips: read from their files, decoded once, in bounded memory."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import IO, TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsupportedError
from mlarray_tiff.read.codec_headers import pixels_in

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from tifffile import TiffFrame, TiffPage

OPEN_FILES = 32
CACHED = 48 << 20
"""Bytes of decoded segments that are kept for the next box."""

_FREE = 1 << 30
"""Bytes that any segment may unfold to: memory that a reader has, whatever the ratio of a flat picture."""

_MOST_RATIO = 3000
"""Deflate reaches 1032, LZW 2730."""

UNCOMPRESSED = 1

_OLD_JPEG = 6
"""TIFF 6.0's own JPEG, withdrawn since: its streams lack what decoders need."""

_LERC = 34887
_LERC_EXTRA = 1 << 16
"""Bytes of headers and masks beside the voxels, which LERC stores as they are at worst."""

_JPEG = (_OLD_JPEG, 7, 34892, 33007)


class Files:
    """The files of an image, some of them open, readable from several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, IO[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: str, offset: int, count: int) -> bytes:
        """Return up to `count` bytes.

        Parameters
        ----------
        path
            One of the image's files.
        offset
            First byte.
        count
            How many bytes.
        """
        with self._lock:
            file = self._file(path)
            file.seek(offset)
            return file.read(count)

    def read_into(self, path: str, offset: int, buffer: memoryview) -> None:
        """Fill `buffer`.

        Parameters
        ----------
        path
            One of the image's files.
        offset
            First byte.
        buffer
            What is filled.

        Raises
        ------
        CorruptError
            The file ends before that.
        """
        with self._lock:
            file = self._file(path)
            file.seek(offset)
            done = 0
            while done < len(buffer):
                count = file.readinto(buffer[done:])  # type: ignore[attr-defined]
                if not count:
                    raise CorruptError(
                        "the file ends within its voxels", path=path, hint="Was it copied whole?"
                    )
                done += count

    def close(self) -> None:
        """Close all; they open again when needed."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _file(self, path: str) -> IO[bytes]:
        if path not in self._open:
            while len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            self._open[path] = open(path, "rb", buffering=0)  # noqa: SIM115
        self._open.move_to_end(path)
        return self._open[path]


class Segments:
    """Decoded tiles and strips of pages that are laid out alike.

    Parameters
    ----------
    keyframe
        The page that says how.
    files
        Where they are read from.
    path
        The source, for errors.
    fills
        Whether compressed segments without a size are left out, instead of damage.
    """

    def __init__(self, keyframe: TiffPage, files: Files, path: Path, *, fills: bool = False) -> None:
        self._keyframe, self._files, self._path, self._fills = keyframe, files, path, fills
        self._cache: OrderedDict[tuple[int, int], np.ndarray[Any, Any]] = OrderedDict()
        self._size, self._lock = 0, threading.Lock()
        keyframe.init_decode()
        self.shape = segment_shape(keyframe)
        self.nbytes = math.prod(self.shape) * _itemsize(keyframe)

    def get(self, page: TiffPage | TiffFrame, index: int, *, keep: bool) -> np.ndarray[Any, Any] | None:
        """Return a segment (depth, rows, columns, samples), None where the file leaves it out.

        Parameters
        ----------
        page
            A page like the keyframe.
        index
            Of the segment.
        keep
            Whether another box will want it too.

        Raises
        ------
        CorruptError
            It is missing, cut short, damaged, or claims to hold far more than it can.
        UnsupportedError
            Nothing here decodes it.
        """
        key = (id(page), index)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        segment = self._decoded(page, index)
        if keep and segment is not None:
            self._remember(key, segment)
        return segment

    def _remember(self, key: tuple[int, int], segment: np.ndarray[Any, Any]) -> None:
        with self._lock:
            if key in self._cache:
                return
            self._cache[key] = segment
            self._size += segment.nbytes
            while self._size > CACHED and len(self._cache) > 1:
                self._size -= self._cache.popitem(last=False)[1].nbytes

    def _decoded(self, page: TiffPage | TiffFrame, index: int) -> np.ndarray[Any, Any] | None:
        data = self._data(page, index)
        if data is None:
            return None
        self._check(data, index)
        more = {}
        if self._keyframe.compression in _JPEG:
            more = {"jpegtables": page.jpegtables, "jpegheader": self._keyframe.jpegheader}
        try:
            segment: np.ndarray[Any, Any] | None = self._keyframe.decode(data, index, **more)[0]
        except (MLArrayError, MemoryError):
            raise
        except NotImplementedError as error:
            raise UnsupportedError(str(error), path=self._path) from error
        except Exception as error:  # each codec has an exception of its own
            raise self._undecodable(index, error) from error
        return segment

    def _undecodable(self, index: int, error: Exception) -> MLArrayError:
        codec = getattr(self._keyframe.compression, "name", self._keyframe.compression)
        text = " ".join(str(error).split())[:160]
        if (
            self._keyframe.compression == _OLD_JPEG
            or "imagecodecs" in text
            or "not supported" in text
            or "unsupported" in text.lower()
        ):
            return UnsupportedError(
                f"its {codec} compression can't be decoded here ({text})", path=self._path
            )
        return CorruptError(f"segment {index} is no valid {codec} ({text})", path=self._path)

    def _data(self, page: TiffPage | TiffFrame, index: int) -> bytes | None:
        offsets, counts = page.dataoffsets, page.databytecounts
        if index >= len(offsets) or index >= len(counts):
            raise CorruptError(f"has {len(offsets)} segments, not number {index}", path=self._path)
        offset, count = int(offsets[index]), int(counts[index])
        if offset == 0 and count == 0:  # "sparse" (GDAL, GTiff driver): the only way to leave a segment out
            return None
        if count == 0 and self._keyframe.compression == UNCOMPRESSED:
            count = self._stored_size(index)
        if count == 0 and self._fills:
            return None
        if offset == 0 or count == 0:
            what = "has no place in the file" if offset == 0 else "has no size"
            raise CorruptError(f"segment {index} {what}", path=self._path, hint="Was it written to its end?")
        file = page.parent.filehandle
        if offset >= file.size:
            raise CorruptError(f"segment {index} lies beyond the end of the file", path=self._path)
        return self._files.read(file.path, offset, min(count, file.size - offset))

    def _stored_size(self, index: int) -> int:
        """Return the bytes of an uncompressed segment, the last strip of a page being shorter."""
        deep, long, wide, samples = self.shape
        if not self._keyframe.is_tiled:
            strips = segment_counts(self._keyframe)[2]
            long = min(long, self._keyframe.imagelength - index % strips * long)
        bits = self._keyframe.bitspersample
        return int(deep * long * -(-wide * samples * int(bits) // 8)) if isinstance(bits, int) else 0

    def _check(self, data: bytes, index: int) -> None:
        """Refuse what would unfold to far more than its bytes can hold, before it does."""
        if self.nbytes > most_in(len(data)):
            raise CorruptError(
                f"segment {index} says that {len(data):,} bytes hold {self.nbytes:,}", path=self._path
            )
        area = math.prod(self.shape[:3])
        lerc = self._keyframe.compression == _LERC
        try:
            claimed = pixels_in(data, 2 * self.nbytes + _LERC_EXTRA if lerc else 0)
        except ValueError as error:
            raise self._undecodable(index, error) from error
        if claimed > 4 * area + (1 << 20):
            raise LimitError(f"segment {index} holds {claimed:,} pixels instead of {area:,}", path=self._path)


def sizeless(page: TiffPage | TiffFrame) -> int:
    """Return how many segments of a page have a place in the file and no size."""
    places = zip(page.dataoffsets, page.databytecounts, strict=False)
    return sum(1 for offset, count in places if offset and not count)


def segment_shape(keyframe: TiffPage) -> tuple[int, int, int, int]:
    """Return depth, rows, columns and samples of a whole tile or strip."""
    samples = keyframe.samplesperpixel if keyframe.planarconfig == 1 else 1
    if keyframe.is_tiled:
        return keyframe.tiledepth, keyframe.tilelength, keyframe.tilewidth, samples
    return 1, min(keyframe.rowsperstrip, keyframe.imagelength), keyframe.imagewidth, samples


def segment_counts(keyframe: TiffPage) -> tuple[int, int, int, int]:
    """Return how many segments there are for separate samples, along depth, rows and columns."""
    planes, depth, rows, columns, _ = keyframe.shaped
    deep, long, wide, _ = segment_shape(keyframe)
    return planes, -(-depth // deep), -(-rows // long), -(-columns // wide)


def _itemsize(keyframe: TiffPage) -> int:
    return 1 if keyframe.dtype is None else int(keyframe.dtype.itemsize)


def most_in(count: int) -> int:
    """Return the most bytes of voxels that `count` compressed bytes are believed to hold."""
    return _FREE + _MOST_RATIO * count
