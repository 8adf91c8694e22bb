"""Runs in the other process: what SimpleITK says of a 2dseq, and its voxels."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 24

_WHERE = re.compile(r".*ERROR: (\w+\(0x\w+\): )?", re.DOTALL)


class Described(TypedDict):
    """What SimpleITK says of a file: sizes and spacing in mm, x first; origin and direction in LPS."""

    size: list[int]
    dtype: str
    spacing: list[float]
    origin: list[float]
    direction: list[float]
    fields: dict[str, str]


@contextmanager
def _plain_words() -> Iterator[None]:
    """Leave out where in ITK's sources an error was raised, and the address of the object."""
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(_WHERE.sub("", str(error))) from error


def describe(path: str) -> Iterator[Described]:
    """Yield what SimpleITK says of a file without reading voxels. Runs in the other process."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(path)
    reader.SetImageIO("Bruker2dseqImageIO")
    with _plain_words():
        reader.ReadImageInformation()
    empty = SimpleITK.Image([1] * reader.GetDimension(), reader.GetPixelID())
    yield {
        "size": list(reader.GetSize()),
        "dtype": SimpleITK.GetArrayViewFromImage(empty).dtype.str,
        "spacing": list(reader.GetSpacing()),
        "origin": list(reader.GetOrigin()),
        "direction": list(reader.GetDirection()),
        "fields": {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()},
    }


def voxels(path: str) -> Iterator[dict[str, object] | memoryview]:
    """Yield an empty dict and the voxels, slowest axis first, in pieces. Runs in the other process."""
    import SimpleITK

    with _plain_words():
        image = SimpleITK.ReadImage(path, imageIO="Bruker2dseqImageIO")
    yield {}
    flat = np.ascontiguousarray(SimpleITK.GetArrayViewFromImage(image)).reshape(-1).view("u1")
    for number in range(math.ceil(len(flat) / _PIECE)):
        yield flat[number * _PIECE : (number + 1) * _PIECE].data
