"""The ZIP and the metadata in it: the group's attributes, and one Zarr 2 array for each resolution."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io.sdk import voxel_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LONGEST_METADATA = 1 << 20
LARGEST_CHUNK = 1 << 30
CODEC = "imagecodecs_jpegxl"


@dataclass(frozen=True)
class Level:
    """One resolution: its name in the archive, shape, chunks, type, and the value of missing chunks."""

    name: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: int | float
    separator: str


class Archive:
    """An open ``.mzarr``. Attributes were written again at each change: of equal members the last holds.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    CorruptError
        It is no ZIP, or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise CorruptError(f"is a damaged ZIP archive ({error})", path=path) from error
        self._members = {info.filename: info for info in self._zip.infolist()}

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def read(self, name: str, most: int) -> bytes | None:
        """Return a member of at most `most` bytes, None when there is no such member.

        Raises
        ------
        CorruptError
            The member is larger, encrypted or damaged.
        """
        info = self._members.get(name)
        if info is None:
            return None
        if info.file_size > most or info.flag_bits & 1:
            raise CorruptError(f"{name} is encrypted, or larger than it can be", path=self.path)
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise CorruptError(f"{name} is damaged ({error})", path=self.path) from error

    def json(self, name: str) -> dict[str, object]:
        """Return the JSON object in a member; empty when there is no such member.

        Raises
        ------
        CorruptError
            The member holds something else.
        """
        content = self.read(name, LONGEST_METADATA)
        try:
            loaded = {} if content is None else json.loads(content)
        except (ValueError, RecursionError) as error:
            raise CorruptError(f"{name} is damaged ({str(error)[:80]})", path=self.path) from error
        if not isinstance(loaded, dict):
            raise CorruptError(f"{name} holds no JSON object", path=self.path)
        return loaded

    def level(self, name: str) -> Level:
        """Return what the array `name` is.

        Raises
        ------
        CorruptError
            Its metadata makes no sense.
        UnsupportedError
            Its values are no numbers, or its codec isn't the one that Mzarr used.
        """
        try:
            level = _level(name, self.json(f"{name}/.zarray"))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            text = f"{type(error).__name__}: {error}"[:100]
            raise CorruptError(f"the metadata of {name} is damaged ({text})", path=self.path) from error
        voxel_dtype(level.dtype, self.path)
        if math.prod(level.chunks) * level.dtype.itemsize > LARGEST_CHUNK:
            raise UnsupportedError(f"has chunks of {level.chunks}, which are too large", path=self.path)
        return level


def level_names(attributes: Mapping[str, object]) -> list[str]:
    """Return the names of the resolutions, the finest first; ``base`` alone when they aren't listed."""
    listed = attributes.get("multiscale")
    sets = listed.get("datasets") if isinstance(listed, dict) else None
    names = [one.get("path") for one in sets if isinstance(one, dict)] if isinstance(sets, list) else []
    return [name for name in names if isinstance(name, str)] or ["base"]


def _level(name: str, content: Mapping[str, object]) -> Level:
    compressor = content["compressor"]
    if not isinstance(compressor, dict):
        raise ValueError("compressor")
    codec = compressor["id"]
    if codec != CODEC or content["filters"]:
        raise UnsupportedError(f"is compressed with {codec!r} and filters, Mzarr uses JPEG XL alone")
    if content["order"] != "C" or not isinstance(content["dtype"], str):
        raise ValueError("order or dtype")
    shape, chunks = (_sizes(content[key]) for key in ("shape", "chunks"))
    if len(shape) != len(chunks) or not 2 <= len(shape) <= 4 or math.prod(shape) >= 1 << 62:
        raise ValueError(f"{shape} in chunks of {chunks}")
    fill = content.get("fill_value")
    return Level(
        name,
        shape,
        chunks,
        np.dtype(content["dtype"]),
        fill if isinstance(fill, (int, float)) else 0,
        "/" if content.get("dimension_separator") == "/" else ".",
    )


def _sizes(values: object) -> tuple[int, ...]:
    if not isinstance(values, list) or any(type(v) is not int or not 0 < v < 1 << 48 for v in values):
        raise ValueError(f"{str(values)[:60]} is no shape")
    return tuple(values)
