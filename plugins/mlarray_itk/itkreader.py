"""Reads through SimpleITK, in a process of its own."""

from __future__ import annotations

import math
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Meta, geometry
from mlarray_core.errors import CorruptError, MetadataError, MLArrayError
from mlarray_core.headers import plain
from mlarray_io import Box, ChildBytes, Context, RawData, Reader, call_child, check_size, read_box

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_core import MetaSpatial

RATIO = 1032
"""The most that gzip can shrink, for sizes that lie."""

_ANATOMICAL = frozenset({"GiplImageIO", "VTKImageIO", "Bruker2dseqImageIO"})
"""Readers whose world is ITK's, LPS. The others' coordinates mean nothing anatomical."""

_PIECE = 1 << 24
_PLACES = ("spatial_x", "spatial_y", "spatial_z")


class ItkReader(Reader):
    """One open image. SimpleITK reads it whole, into a nameless file, when the first box is asked for."""

    def __init__(self, path: Path, suffix: str, raw: RawData, meta: Meta) -> None:
        self._path, self._suffix, self._raw, self.meta = path, suffix, raw, meta
        self.shape, self.dtype = raw.shape, raw.dtype
        self._file: ChildBytes | None = None

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        if self._file is None:
            with _called(self._path, self._suffix) as path:
                self._file = call_child("mlarray_itk.itkreader:voxels", path, self._raw.nbytes)
            check_size(self._raw, self._file, Context())
        return read_box(self._file, self._raw, box)

    def close(self) -> None:
        """Forget the voxels."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_itk(path: Path, suffix: str, context: Context) -> ItkReader:
    """Open an image of any format that SimpleITK knows.

    Parameters
    ----------
    path
        The file.
    suffix
        Of its format, when the content tells it.
    context
        Sets the limit of memory.

    Raises
    ------
    CorruptError
        SimpleITK refuses it, crashes on it, or doesn't end; or the header describes more than the file holds.
    LimitError
        It is larger than the host allows.
    """
    with _called(path, suffix) as named:
        answer = call_child("mlarray_itk.itkreader:describe", named)
    answer.close()
    found = answer.header
    shape = (*reversed(found["size"]), *((found["components"],) if found["components"] > 1 else ()))
    raw = RawData(shape, np.dtype(found["dtype"]))
    if 0 in shape or raw.nbytes > path.stat().st_size * RATIO:
        raise CorruptError(f"its header describes {raw.nbytes:,} bytes, which the file can't hold", path=path)
    context.allow(raw.nbytes, path)
    source = {"reader": found["reader"], "fields": plain(found["fields"])}
    return ItkReader(path, suffix, raw, Meta(source=source, spatial=_spatial(found, path)))


@contextmanager
def _called(path: Path, suffix: str) -> Iterator[Path]:
    """Give a misnamed file the name by which ITK knows its format, as a link in a folder of its own."""
    if path.name.endswith(suffix):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"image{suffix}"
        link.symlink_to(path.resolve())
        try:
            yield link
        except MLArrayError as error:
            error.path = str(path)
            raise


def _spatial(found: dict[str, Any], path: Path) -> MetaSpatial:
    count = len(found["size"])
    space = min(count, 3)
    labels = [*reversed([*_PLACES[:space], *["non_spatial"] * (count - space)])]
    labels += ["components"] if found["components"] > 1 else []
    world = "LPS" if found["reader"] in _ANATOMICAL else None
    directions = np.array(found["direction"]).reshape(count, count)
    affine = np.eye(space + 1)
    affine[:space, :space] = (directions * found["spacing"])[:space, :space][:, ::-1]
    affine[:space, space] = found["origin"][:space]
    units = ["mm" if world and label.startswith("spatial") else "" for label in labels]
    try:
        if not np.isfinite(affine).all():
            raise CorruptError("expected numbers, got NaN or infinity", path=path, field="spacing or origin")
        return geometry.spatial_meta(
            affine, axis_labels=labels, axis_units=units if any(units) else None, coord_system=world
        )
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="direction") from error


def describe(path: str) -> Iterator[dict[str, Any]]:
    """Yield what SimpleITK says of a file without reading voxels. Runs in the other process."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(path)
    reader.ReadImageInformation()
    empty = SimpleITK.Image([1] * reader.GetDimension(), reader.GetPixelID(), reader.GetNumberOfComponents())
    yield {
        "size": list(reader.GetSize()),
        "components": reader.GetNumberOfComponents(),
        "dtype": SimpleITK.GetArrayViewFromImage(empty).dtype.str,
        "spacing": list(reader.GetSpacing()),
        "origin": list(reader.GetOrigin()),
        "direction": list(reader.GetDirection()),
        "reader": reader.GetImageIOFromFileName(path),
        "fields": {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()},
    }


def voxels(path: str) -> Iterator[Any]:
    """Yield an empty dict and the voxels, slowest axis first, in pieces. Runs in the other process."""
    import SimpleITK

    image = SimpleITK.ReadImage(path)
    yield {}
    flat = np.ascontiguousarray(SimpleITK.GetArrayViewFromImage(image)).reshape(-1).view("u1")
    for number in range(math.ceil(len(flat) / _PIECE)):
        yield flat[number * _PIECE : (number + 1) * _PIECE].data
