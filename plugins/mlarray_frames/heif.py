"""HEIF and HEIC, through libheif. Runs in the other process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pillow_heif

from mlarray_core.errors import NotFoundError
from mlarray_frames.reader import FrameReader, Frames, Pixels, explained, picture
from mlarray_io import Context, ImageRef

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_frames.options import FrameOptions

Heif = Any
"""An object of pillow_heif's, which has no types."""


def list_pictures(path: Path, context: Context) -> list[ImageRef]:
    """List the pictures of a file; which one is shown first is the file's.

    Parameters
    ----------
    path
        The file.
    context
        Isn't needed.
    """
    with explained(path):
        return [
            ImageRef(
                key=str(number),
                primary=bool(one.info.get("primary")),
                facts={"shape": [one.size[1], one.size[0], len(_plain(one.mode))]},
            )
            for number, one in enumerate(_open(path))
        ]


def open_picture(path: Path, context: Context, kind: str, key: str, options: FrameOptions) -> FrameReader:
    """Open one picture, turned and mirrored as its properties say, as libheif does.

    Parameters
    ----------
    path
        The file.
    context
        Has the limit.
    kind
        Name of the format.
    key
        Number of the picture.
    options
        What the user says of it.

    Raises
    ------
    NotFoundError
        There is no such picture.
    """
    with explained(path):
        found = _open(path)
        if not key.isdecimal() or int(key) >= len(found):
            raise NotFoundError(f"holds no picture {key}")
        one = found[int(key)]
        samples = len(_plain(one.mode))
        dtype = np.dtype("u2" if ";16" in one.mode else "u1")
        plane = (int(one.size[1]), int(one.size[0]))
        source = {"bits": int(one.info.get("bit_depth", 8)), "mode": str(one.mode)}

        def decode(_: int) -> Pixels:
            return np.ascontiguousarray(np.asarray(one)).astype(dtype, copy=False)

        frames = Frames(
            (*plane, samples) if samples > 1 else plane,
            dtype,
            decode,
            None,
            source,
            {"method": "HEVC", "certain": False},
        )
        return picture(path, frames, kind, options, context)


def _open(path: Path) -> Heif:
    return pillow_heif.open_heif(path, convert_hdr_to_8bit=False, bgr_mode=False)


def _plain(mode: str) -> str:
    return mode.partition(";")[0].replace("a", "")
