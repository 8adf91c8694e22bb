"""What the tests of formats are made of: foreign files, images that are opened, boxes, comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlarray_core import geometry
from mlarray_core.errors import MLArrayError
from mlarray_core.publish import atomic
from mlarray_io.engine import guard
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.sdk.context import Context
from mlarray_io.sdk.format import Box, Format, ImageRef, Reader
from mlarray_io.sdk.source import Source

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Reference = tuple[npt.NDArray[Any], "npt.NDArray[Any] | None", "str | None"]
"""Voxels slowest axis first, the affine and its world, as another program reads them; None for unknown."""

OTHERS: dict[str, bytes] = {
    "nothing": b"",
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "text": b"This is no image.\n" * 50,
    "json": b'{"shape": [2, 3], "dtype": "int16"}\n',
    "gzip of zeros": bytes.fromhex("1f8b0800000000000203edc1010d000000c2a0f74f6d0e37a000000000000000")
    + bytes(64),
    "zip": b"PK\x03\x04\x14\x00" + bytes(200),
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200),
    "tiff": b"II*\x00\x08\x00\x00\x00" + bytes(200),
    "bigtiff": b"MM\x00+\x00\x08\x00\x00" + bytes(200),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "dicom": bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + bytes(200),
    "nrrd": b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n" + bytes(16),
    "metaimage": b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\n",
    "nifti-1": (348).to_bytes(4, "little") + bytes(340) + b"n+1\x00" + bytes(100),
    "npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n" + bytes(40),
    "blosc2 frame": b"\x9e\xa8b2frame\x00" + bytes(200),
}
"""First bytes of what a format may meet and must not claim."""


class BrokenError(MLArrayError):
    """What a failing source raises."""


class Failing(Reader):
    """An image whose voxels can't be read."""

    def __init__(self, reader: Reader) -> None:
        self.shape, self.dtype, self.meta, self.chunks = (
            reader.shape,
            reader.dtype,
            reader.meta,
            reader.chunks,
        )

    def __getitem__(self, box: Box, /) -> npt.NDArray[Any]:
        raise BrokenError("the source broke off")


def _context(largest: int | None = None) -> Context:
    return Context(threads=1, max_bytes=largest)


def images(format: Format, path: Path, largest: int | None = None) -> Sequence[ImageRef]:
    """Return the images of a source, of which each may allocate `largest` bytes.

    Parameters
    ----------
    format
        The format.
    path
        The source.
    largest
        Bytes that an image may need.
    """
    return images_of(Source(path), format, format.options_type(), _context(largest))


def opened(format: Format, path: Path, image: ImageRef | None = None, largest: int | None = None) -> Reader:
    """Open an image of a source, the first one unless another is given.

    Parameters
    ----------
    format
        The format.
    path
        The source.
    image
        One of its images; None for the first.
    largest
        Bytes that an image may need.
    """
    chosen = image or images(format, path, largest)[0]
    return open_image(Source(path), format, chosen, format.options_type(), _context(largest))


def readers(format: Format, samples: Sequence[Path]) -> Iterator[Reader]:
    """Yield the images of all samples, each open until the next one."""
    for sample in samples:
        for image in images(format, sample):
            with opened(format, sample, image) as reader:
                yield reader


def write(format: Format, reader: Reader, target: Path) -> None:
    """Write an image as a conversion does.

    Parameters
    ----------
    format
        The format.
    reader
        The image.
    target
        The file to write.
    """
    with atomic(target) as temporary, guard.writing(target, format.name):
        format.write(reader, temporary, format.options_type(), _context())


def whole(reader: Reader) -> npt.NDArray[Any]:
    """Return all voxels."""
    return reader[tuple(slice(0, size) for size in reader.shape)]


def boxes(shape: tuple[int, ...], noise: random.Random) -> Iterator[Box]:
    """Yield the last voxel, the first, an empty box, and random ones that jump to and fro."""
    if 0 in shape:
        return
    yield tuple(slice(size - 1, size) for size in shape)
    yield tuple(slice(0, 1) for _ in shape)
    yield tuple(slice(size // 2, size // 2) for size in shape)
    for _ in range(6):
        ends = [sorted(noise.randint(0, size) for _ in range(2)) for size in shape]
        yield tuple(slice(start, stop) for start, stop in ends)


def same(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> None:
    """Check that voxels are equal."""
    np.testing.assert_array_equal(left, right)


def _affine(reader: Reader) -> npt.NDArray[Any]:
    spatial = reader.meta.spatial
    return geometry.affine_of(spatial, len(geometry.spatial_axes(spatial.axis_labels, len(reader.shape))))


def same_place(left: Reader, right: Reader) -> None:
    """Check that two images lie at the same place, in whichever world each is given."""
    worlds = [geometry.normal_world(reader.meta.spatial.coord_system) for reader in (left, right)]
    first, second = _affine(left), _affine(right)
    if None not in worlds:
        first = geometry.to_world(first, worlds[0], worlds[1])
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-4)


def agrees(reader: Reader, expected: Reference) -> None:
    """Check that an image has the voxels, and lies at the place, that another program found."""
    voxels, affine, world = expected
    same(whole(reader), voxels)
    if affine is None:
        return
    found = _affine(reader)
    if world is not None:
        found = geometry.to_world(found, reader.meta.spatial.coord_system, world)
    np.testing.assert_allclose(found, affine, rtol=1e-5, atol=1e-4)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file in a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
