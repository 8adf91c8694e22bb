"""MetaImages made by hand, for the tests of the ITK plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlarray_io import Context, ImageRef, Source
from mlarray_metaimage import MetaImageFormat
from mlarray_metaimage.options import MetaImageOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Image:
    """One image read whole."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.context = Context()
        chosen = MetaImageOptions(**options)
        with MetaImageFormat().open(Source(path), ImageRef("0"), chosen, self.context) as reader:
            self.meta, self.shape, self.dtype = reader.meta, reader.shape, reader.dtype
            self.voxels = reader[tuple(slice(0, size) for size in reader.shape)]
        self.spatial = self.meta.spatial
        self.labels = self.spatial.axis_labels


@pytest.fixture
def read() -> Callable[..., Image]:
    """Read a file."""
    return Image


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of int16 voxels that count up, with the given lines in its header."""

    def write(sizes: str, *lines: str, name: str = "made.mha", data: bytes | None = None) -> Path:
        shape = [int(size) for size in sizes.split()]
        fixed = {
            "ObjectType": "Image",
            "NDims": str(len(shape)),
            "DimSize": sizes,
            "ElementType": "MET_SHORT",
        }
        given = {line.split(" = ")[0] for line in lines}
        header = [f"{key} = {value}" for key, value in fixed.items() if key not in given]
        header += [line for line in lines if not line.startswith("ElementDataFile")]
        last = [line for line in lines if line.startswith("ElementDataFile")] or ["ElementDataFile = LOCAL"]
        content = np.arange(np.prod(shape), dtype="<i2").tobytes() if data is None else data
        path = tmp_path / name
        path.write_bytes(("\n".join([*header, *last]) + "\n").encode() + content)
        return path

    return write
