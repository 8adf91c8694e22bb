"""Reads images with the DICOM plugin, for its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlarray_core import Additions
from mlarray_dicom import DicomFormat
from mlarray_dicom.options import DicomOptions
from mlarray_io import Context, ImageRef, Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Image:
    """One image read whole."""

    def __init__(self, path: Path, image: ImageRef, options: DicomOptions, context: Context) -> None:
        self.ref, self.context = image, context
        with DicomFormat().open(Source(path), image, options, context) as reader:
            self.array = reader[tuple(slice(0, size) for size in reader.shape)]
            assert self.array.dtype == reader.dtype
            self.meta, self.chunks = reader.meta, reader.chunks
        self.meta.validate(shape=self.array.shape)
        self.spatial = self.meta.spatial
        self.additions = Additions.of(self.meta)
        self.notes = context.report.warnings


def images(path: Path, *, raw: bool = False, threads: int = 1, **options: Any) -> list[Image]:
    """Read all images of a source."""
    context, chosen = Context(raw=raw, threads=threads), DicomOptions(**options)
    refs = DicomFormat().images(Source(path), chosen, context)
    return [Image(path, ref, chosen, context) for ref in refs]


@pytest.fixture
def load() -> Callable[..., Image]:
    """Read the only image of a source: ``load(path, raw=False, **options)``."""

    def load(path: Path, **options: Any) -> Image:
        found = images(path, **options)
        assert len(found) == 1, [one.ref for one in found]
        return found[0]

    return load


@pytest.fixture
def load_all() -> Callable[..., list[Image]]:
    """Read all images of a source."""
    return images
