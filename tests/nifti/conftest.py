"""Images made by nibabel or in memory, for the tests of the NIfTI plugin."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import pytest

from mlarray_core import Meta
from mlarray_io import Context, ImageRef, Reader, Source
from mlarray_nifti import NiftiFormat, NiftiOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mlarray_io import Box

DATA = Path(__file__).parent.parent / "data" / "nifti"


class ArrayReader(Reader):
    """An image in memory, standing for one of any other format."""

    def __init__(self, array: np.ndarray, meta: Meta | None = None) -> None:
        self.array, self.meta = array, meta or Meta()
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, box: Box, /) -> np.ndarray:
        return self.array[box]


class Image:
    """One image read whole."""

    def __init__(self, path: Path, context: Context, **options: Any) -> None:
        self.context = context
        with NiftiFormat().open(Source(path), ImageRef("0"), NiftiOptions(**options), context) as reader:
            self.array = reader[tuple(slice(0, size) for size in reader.shape)]
            assert self.array.dtype == reader.dtype
            assert self.array.dtype.isnative
            self.meta = reader.meta
        self.spatial = self.meta.spatial


@pytest.fixture
def data() -> Path:
    return DATA


@pytest.fixture
def load() -> Callable[..., Image]:
    """Read an image whole: ``load(path, raw=False, **options)``."""

    def load(path: Path, *, raw: bool = False, max_bytes: int | None = None, **options: Any) -> Image:
        return Image(path, Context(raw=raw, max_bytes=max_bytes), **options)

    return load


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write a nibabel image: ``save(array, affine, edit=function, codes=(sform, qform), field=value)``."""

    def save(
        array: np.ndarray,
        affine: Any = None,
        *,
        name: str = "made.nii",
        kind: Any = None,
        codes: tuple[int, int] | None = None,
        edit: Callable[[Any], object] | None = None,
        **fields: Any,
    ) -> Path:
        image = (kind or nibabel.Nifti1Image)(array, affine, dtype=array.dtype)
        for field, value in fields.items():
            image.header[field] = value
        if codes is not None and codes[1]:
            image.header.set_qform(affine, strip_shears=False)
        if edit is not None:
            edit(image.header)
        path = tmp_path / name
        nibabel.save(image, path)
        if codes is not None:  # nibabel would change the affine with them
            content = bytearray(path.read_bytes())
            struct.pack_into("<2h", content, 252, *reversed(codes))
            path.write_bytes(content)
        return path

    return save


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., tuple[Path, Context]]:
    """Write an array or an image that was read: ``write(array, meta, name=, **options)``."""

    def write(array: np.ndarray, meta: Meta | None = None, *, name: str = "out.nii", **options: Any) -> Any:
        path, context = tmp_path / name, Context()
        NiftiFormat().write(ArrayReader(array, meta), path, NiftiOptions(**options), context)
        return path, context

    return write
