"""The frames of a file, whatever kind it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_dicom.frames import classic, enhanced, mosaic, multiframe

if TYPE_CHECKING:
    from mlarray_dicom.frames.frame import Frame
    from mlarray_dicom.instance import Instance


def frames_of(instance: Instance, file: int) -> list[Frame]:
    """Return the frames of one file.

    Parameters
    ----------
    instance
        The file.
    file
        Its index among the files of its series.

    Raises
    ------
    CorruptError
        A position or orientation is no such thing.
    UnsupportedError
        Frames are arranged in a way that isn't understood.
    """
    if enhanced.is_enhanced(instance):
        return enhanced.frames_of(instance, file)
    base = classic.frame_of(instance, file)
    tiles = mosaic.tiles_of(instance, base)
    if tiles is not None:
        return tiles
    return [base] if instance.count == 1 else multiframe.frames_of(instance, base)
