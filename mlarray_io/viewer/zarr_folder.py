"""Each image as OME-Zarr, for programs that read that over HTTP; nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_io.engine.registry import installed
from mlarray_io.engine.settings import Settings
from mlarray_io.sdk.format import Reader
from mlarray_io.sdk.requirements import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Lock
    from typing import Any

    import numpy as np

    from mlarray_io.sdk.format import Box
    from mlarray_io.viewer.shown import ShownImage

VERSIONS = ("0.5", "0.4")
"""Of OME-Zarr: Zarr 3 and Zarr 2."""


class ZarrFolder:
    """One folder for each version and image, such as ``0.5/0.ome.zarr``.

    Parameters
    ----------
    images
        That are shown.

    Raises
    ------
    MissingDependencyError
        The library that makes the documents isn't installed.
    """

    def __init__(self, images: Sequence[ShownImage]) -> None:
        self._format = installed().get("zarr")
        require(self._format, "--zarr")
        self._images = {
            f"{version}/{number}.ome.zarr": (version, image)
            for version in VERSIONS
            for number, image in enumerate(images)
        }
        self._stores: dict[str, Callable[[str], bytes | None]] = {}

    @property
    def names(self) -> list[str]:
        """The folders."""
        return list(self._images)

    def content(self, path: str) -> bytes | None:
        """Return the content of a file, None for one that isn't there."""
        name, rest = "/".join(path.split("/")[:2]), "/".join(path.split("/")[2:])
        if name not in self._images:
            return None
        if name not in self._stores:
            version, image = self._images[name]
            options = Settings(options={"version": version}).write_options(self._format)
            reader = _Locked(image.reader, image.lock)
            self._stores[name] = self._format.virtual(reader, options, image.opened.context)
        return self._stores[name](rest)


class _Locked(Reader):
    """A reader that one thread at a time reads: the page and other programs share it."""

    def __init__(self, reader: Reader, lock: Lock) -> None:
        self._reader, self._lock = reader, lock
        self.shape, self.dtype, self.meta, self.chunks = (
            reader.shape, reader.dtype, reader.meta, reader.chunks,
        )  # fmt: skip
        self.levels = [_Locked(level, lock) for level in reader.levels]

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        with self._lock:
            return self._reader[box]
