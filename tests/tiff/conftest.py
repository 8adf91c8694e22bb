"""Files written by tifffile, for the tests of the TIFF plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlarray_core import Meta
from mlarray_io import Context, Reader, Source
from mlarray_io.engine.select import choose, images_of, open_image
from mlarray_tiff import TiffFormat
from mlarray_tiff.options import TiffOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from mlarray_io import Box


class ArrayReader(Reader):
    """An image in memory, standing for one of any other format."""

    def __init__(
        self, array: np.ndarray, meta: Meta | None = None, chunks: tuple[int, ...] | None = None
    ) -> None:
        self.array, self.meta, self.chunks = array, meta or Meta(), chunks
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, box: Box, /) -> np.ndarray:
        return self.array[box]


class Image:
    """One image read whole, with its levels."""

    def __init__(self, path: Path, context: Context, image: str | None, **options: Any) -> None:
        self.context, format = context, TiffFormat()
        given = TiffOptions(**options)
        source = Source(path)
        self.images = images_of(source, format, given, context)
        chosen = choose(self.images, image, source)
        with open_image(source, format, chosen, given, context) as reader:
            self.array = whole(reader)
            self.levels = [(level.meta, whole(level)) for level in reader.levels]
            self.meta, self.chunks = reader.meta, reader.chunks
        self.spatial = self.meta.spatial


def whole(reader: Reader) -> np.ndarray:
    array = reader[tuple(slice(0, size) for size in reader.shape)]
    assert array.dtype == reader.dtype
    assert array.dtype.isnative
    return array


@pytest.fixture
def as_reader() -> Callable[..., Reader]:
    """Stand for an image of another format: ``as_reader(array, meta)``."""
    return ArrayReader


@pytest.fixture
def load() -> Callable[..., Image]:
    """Read an image whole: ``load(path, image="1", **options)``."""

    def load(path: Path, *, image: str | None = None, max_bytes: int | None = None, **options: Any) -> Image:
        return Image(path, Context(threads=2, max_bytes=max_bytes), image, **options)

    return load


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., tuple[Path, Context]]:
    """Write an array, or a reader: ``write(array, meta, name=, chunks=, **options)``."""

    def write(
        array: Any, meta: Meta | None = None, *, name: str = "out.ome.tif", chunks: Any = None, **options: Any
    ) -> Any:
        path, context = tmp_path / name, Context(threads=2)
        reader = array if isinstance(array, Reader) else ArrayReader(array, meta, chunks)
        TiffFormat().write(reader, path, TiffOptions(**options), context)
        return path, context

    return write


@pytest.fixture
def rewrite(tmp_path: Path) -> Callable[..., tuple[Path, Context]]:
    """Read a file and write it again: ``rewrite(path, name=, **options)``."""

    def rewrite(path: Path, *, name: str = "back.ome.tif", image: str | None = None, **options: Any) -> Any:
        format, context, source = TiffFormat(), Context(threads=2), Source(path)
        chosen = choose(images_of(source, format, TiffOptions(), context), image, source)
        with open_image(source, format, chosen, TiffOptions(), context) as reader:
            fresh = Context(threads=2)
            format.write(reader, tmp_path / name, TiffOptions(**options), fresh)
        return tmp_path / name, fresh

    return rewrite
