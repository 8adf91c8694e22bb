"""Convert, read, write and inspect images of any installed format, from Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, LimitError
from mlarray_io.engine.conversion import convert as _convert
from mlarray_io.engine.conversion import write_to
from mlarray_io.engine.registry import install_line, installed, missing
from mlarray_io.engine.select import open_one
from mlarray_io.engine.settings import Settings
from mlarray_io.places.place import Place, place_of
from mlarray_io.sdk.format import Reader
from mlarray_io.sdk.options import OptionHelp, describe

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from mlarray_core.array.image import MLArray
    from mlarray_core.meta import Meta
    from mlarray_io.engine.result import Conversion
    from mlarray_io.engine.writing import Progress
    from mlarray_io.sdk.format import Box

    PatchSize = int | Sequence[int] | None


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    source_format: str | None = None,
    target_format: str | None = None,
    image: str | None = None,
    overwrite: bool = False,
    strict: bool = False,
    coord_system: str | None = None,
    orient: str | None = None,
    raw: bool = False,
    options: Mapping[str, Any] | None = None,
    patch_size: PatchSize = None,
    chunk_size: Sequence[int] | None = None,
    block_size: Sequence[int] | None = None,
    codec: str | None = None,
    clevel: int | None = None,
    threads: int | None = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert an image from any format to any other, in bounded memory. `target` appears whole or not at all.

    Parameters
    ----------
    source
        File or folder to read, or its URL.
    target
        File to write, or its URL; its suffix says the format.
    source_format, target_format
        Names of formats, to overrule content and suffix.
    image
        Key of the image, for a source that holds several.
    overwrite
        Replace an existing target.
    strict
        Fail, without a target, when the target can't hold everything.
    coord_system
        World to tell the geometry in: ``RAS``, ``LPS`` or ``LAS``. None keeps the source's.
    orient
        Voxel order, a letter for each spatial axis, the fastest first, such as ``RAS``: axes are permuted and
        flipped, nothing is resampled. None keeps the stored order.
    raw
        Keep stored values; slope and intercept go to the metadata.
    options
        Settings of the two formats, by name; `formats` lists them.
    patch_size, chunk_size, block_size, codec, clevel
        Layout and compression of a `.mla` target. None keeps those of a `.mla` source, or is the default.
    threads
        How many threads may be used; None for all processors.
    max_bytes
        The most that the image may need in memory when read whole; None for no limit.
    progress
        Called with the bytes of voxels that are done and the bytes of all.

    Returns
    -------
    Conversion
        What was done, and what the target couldn't hold.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    layout = _given(patch_size, chunk_size, block_size, codec, clevel)
    settings = Settings(
        source_format=source_format,
        target_format=target_format,
        overwrite=overwrite,
        strict=strict,
        coord_system=coord_system,
        orient=orient,
        raw=raw,
        options=options or {},
        layout=layout,
        threads=threads,
        max_bytes=max_bytes,
    )
    return _convert(place_of(source), place_of(target), settings, image, progress)


def read(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    image: str | None = None,
    coord_system: str | None = None,
    orient: str | None = None,
    raw: bool = False,
    options: Mapping[str, Any] | None = None,
    threads: int | None = None,
    max_bytes: int | None = None,
) -> MLArray:
    """Read an image of any format into memory. The arguments are those of `convert`.

    Returns
    -------
    MLArray
        With voxels in memory, slowest axis first, and all metadata.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    from mlarray_core.array.image import MLArray

    settings = Settings(
        source_format=format,
        coord_system=coord_system,
        orient=orient,
        raw=raw,
        options=options or {},
        threads=threads,
        max_bytes=max_bytes,
    )
    with open_one(place_of(path), settings, image) as opened:
        shown = opened.reader
        if shown.shape == (0,) and not shown.meta._has_array.has_array:  # metadata only
            return MLArray(meta=shown.meta)
        return MLArray(_whole(shown, place_of(path)), meta=shown.meta)


def write(
    image: MLArray | npt.ArrayLike,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = False,
    strict: bool = False,
    coord_system: str | None = None,
    orient: str | None = None,
    options: Mapping[str, Any] | None = None,
    patch_size: PatchSize = None,
    chunk_size: Sequence[int] | None = None,
    block_size: Sequence[int] | None = None,
    codec: str | None = None,
    clevel: int | None = None,
    threads: int | None = None,
) -> Conversion:
    """Write an image to any format that can be written. The arguments are those of `convert`.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    settings = Settings(
        target_format=format,
        overwrite=overwrite,
        strict=strict,
        coord_system=coord_system,
        orient=orient,
        options=options or {},
        layout=_given(patch_size, chunk_size, block_size, codec, clevel),
        threads=threads,
    )
    return write_to(ArrayReader(image), place_of(path), settings)


def info(path: str | os.PathLike[str], *, format: str | None = None, image: str | None = None) -> Meta:
    """Return the metadata of an image of any format without reading its voxels.

    Raises
    ------
    MLArrayError
        One of its kinds, naming the file and what to do.
    """
    with open_one(place_of(path), Settings(source_format=format), image) as opened:
        return opened.reader.meta


@dataclass(frozen=True)
class FormatInfo:
    """One installed format.

    Attributes
    ----------
    name, title, suffixes
        What it is called, by us and by people, and how its files end.
    target_suffixes
        How the files end that it writes.
    reads, writes
        What it can do.
    plugin
        The entry point that brought it.
    missing
        Libraries that it needs and that aren't installed.
    install
        The command that installs them.
    options
        Its settings.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    target_suffixes: tuple[str, ...]
    reads: bool
    writes: bool
    plugin: str
    missing: tuple[str, ...]
    install: str
    options: tuple[OptionHelp, ...]


def formats() -> list[FormatInfo]:
    """List the installed formats, by name."""
    registry = installed()
    return [
        FormatInfo(
            name=format.name,
            title=format.title,
            suffixes=format.suffixes,
            target_suffixes=format.written_suffixes,
            reads=format.reads,
            writes=format.writes,
            plugin=registry.plugins.get(format.name, ""),
            missing=tuple(missing(format)),
            install=install_line(format) if format.requires else "",
            options=tuple(describe(format.options_type)),
        )
        for format in registry.formats
    ]


class ArrayReader(Reader):
    """An image in memory, or an open one, as a reader.

    Parameters
    ----------
    image
        An `MLArray`, or anything that NumPy takes for an array.
    """

    def __init__(self, image: MLArray | npt.ArrayLike) -> None:
        import numpy as np

        from mlarray_core.array.image import MLArray

        self._image = image if isinstance(image, MLArray) else MLArray(np.asarray(image))
        shape, dtype = self._image.shape, self._image.dtype
        if shape is None or dtype is None:
            raise ArgumentError("the image has no voxels", hint="MLArray.save writes metadata alone")
        self.shape, self.dtype, self.meta = tuple(shape), dtype, self._image.meta.copy()

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        import numpy as np

        return np.asarray(self._image[box])


def _whole(reader: Reader, path: Place) -> np.ndarray[Any, Any]:
    """Read everything, slab by slab into one array, so that the source's chunks aren't held twice."""
    import numpy as np

    from mlarray_io.sdk.boxes import slabs

    try:
        voxels = np.empty(reader.shape, reader.dtype)
    except (MemoryError, ValueError) as error:
        need = f"it needs {reader.nbytes:,} bytes of memory"
        raise LimitError(
            need, path=path.shown, hint="Convert it to .mla and open that, or read parts of it"
        ) from error
    for box in slabs(reader.shape, reader.dtype.itemsize, reader.chunks, None):
        voxels[box] = reader[box]
    return voxels


def _given(
    patch_size: PatchSize,
    chunk_size: Sequence[int] | None,
    block_size: Sequence[int] | None,
    codec: str | None,
    clevel: int | None,
) -> dict[str, Any]:
    """Return the parts of a layout that were asked for."""
    given = {
        "patch_size": (patch_size,) if isinstance(patch_size, int) else patch_size,
        "chunk_size": chunk_size,
        "block_size": block_size,
        "codec": codec,
        "clevel": clevel,
    }
    return {name: value for name, value in given.items() if value is not None}
