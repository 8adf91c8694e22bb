"""Pixel data that are a film: MPEG-2, H.264 or HEVC (PS3.5, 8.2.5 to 8.2.8 and A.4.5 to A.4.9)."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import MissingDependencyError, UnsupportedError
from mlarray_dicom.pixels.fragments import all_fragments
from mlarray_dicom.syntaxes import VIDEO
from mlarray_io.sdk import served_reader

if TYPE_CHECKING:
    import numpy as np

    from mlarray_dicom.instance import Instance
    from mlarray_dicom.pixels.layout import PixelLayout
    from mlarray_io import Context

_OPENS = "mlarray_films.embedded:open_embedded"
"""By name: it runs in another process, and is another plugin of this package, which reads films."""


class FilmPixels:
    """The frames of one file that is a film, as `FramePixels` has those of others.

    Parameters
    ----------
    instance
        The file.
    layout
        How large its header says that the frames are.
    context
        Limits to keep, and where warnings go.

    Raises
    ------
    CorruptError
        FFmpeg finds it damaged, or it is no film of this size.
    MissingDependencyError
        PyAV isn't installed.
    UnsupportedError
        It stores samples as no film does.
    """

    def __init__(self, instance: Instance, layout: PixelLayout, context: Context) -> None:
        path, pixels = instance.path, instance.pixels
        name = VIDEO[instance.syntax]
        if find_spec("av") is None:
            raise MissingDependencyError(
                f"is a film ({name}), and PyAV, which reads them, isn't installed",
                path=path,
                hint="Install it with: pip install 'mlarray[film]'",
            )
        if pixels is None or layout.allocated not in (8, 16) or layout.signed or layout.samples > 3:
            raise UnsupportedError(
                f"is a film ({name}) whose header describes samples that none has", path=path
            )
        self._layout, self._lock = layout, threading.Lock()
        deep = layout.allocated > 8
        self._spare = 16 - layout.stored if deep else 0
        shape = (layout.frames, *layout.shape)
        pieces = all_fragments(path, pixels.at)
        self._reader = served_reader(_OPENS, path, context, pieces, shape, deep)

    def __getitem__(self, number: int) -> np.ndarray[Any, Any]:
        """Return one frame: grey or RGB, of the bits that the header tells of.

        Raises
        ------
        CorruptError
            It can't be decoded.
        """
        whole = tuple(slice(0, size) for size in self._layout.shape)
        with self._lock:
            frame: np.ndarray[Any, Any] = self._reader[(slice(number, number + 1), *whole)][0]
        return frame >> self._spare if self._spare else frame

    def close(self) -> None:
        """End the process that decodes it."""
        self._reader.close()
