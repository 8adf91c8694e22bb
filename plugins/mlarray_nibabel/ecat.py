"""Runs in the other process: ECAT 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_nibabel.description import Foreign, fortran, json_of, planes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_nibabel.description import Described


def describe(path: str) -> Iterator[Described]:
    """Yield the header of an ECAT file."""
    image = _open(path)
    frames = [
        json_of({name: block[name] for name in block.dtype.names})
        for block in image.get_subheaders().subheaders
    ]
    header = {name: json_of(image.header[name]) for name in image.header.keys()}  # noqa: SIM118  no dict
    yield fortran(image, np.dtype("f4"), {"header": header, "frames": frames}, "temporal", {}, "")


def voxels(path: str) -> Iterator[Described | memoryview]:
    """Yield the voxels of an ECAT file, with each frame's factor applied."""
    yield from planes(_open(path), "<f4")


def _open(path: str) -> Foreign:
    from nibabel.ecat import EcatImage

    return EcatImage.from_filename(path)
