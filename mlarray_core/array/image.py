"""`MLArray`: an image with its metadata, in memory or in a `.mla` file."""

from __future__ import annotations

import os
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core.array import files
from mlarray_core.array.compression import Compression
from mlarray_core.array.given_meta import as_meta, fill, put_explicit
from mlarray_core.array.state import ImageState, plain_array
from mlarray_core.container.storage import FrameStorage
from mlarray_core.errors import ArgumentTypeError, ModeError
from mlarray_core.layout.request import LayoutRequest
from mlarray_core.layout.shapes import DEFAULT_PATCH_SIZE
from mlarray_core.url_text import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mlarray_core.array.files import Levels, PathLike
    from mlarray_core.array.given_meta import GivenMeta
    from mlarray_core.layout.request import CParams, DParams, Sizes

Array = np.ndarray[Any, Any]
MLARRAY_DEFAULT_PATCH_SIZE = DEFAULT_PATCH_SIZE


class MLArray(Compression):
    """An N-dimensional image with its metadata.

    Parameters
    ----------
    array
        Voxels, slowest axis first, or the path of a ``.mla`` file to load, or None for metadata only.
    spacing
        Distance of neighbouring voxels along each spatial axis, in array order and in
        `meta.spatial.axis_units`.
    origin
        World position (x, y, z) of the centre of the first voxel, in the same unit.
    direction
        Matrix whose column i is the world direction of spatial axis i: n x n for n spatial axes.
    affine
        Homogeneous matrix from voxel indices (array order) to world x, y, z: n + 1 x n + 1; instead of the
        three above.
    meta
        All metadata, or a dict that becomes ``meta.source``. Copied.
    axis_labels
        What each axis is; None when all are spatial.
    copy
        An image whose metadata fills whatever is not given.
    patch_size
        Patch that the layout is made for, for each spatial axis; ``"default"`` takes that of `copy` or
        `meta`, else 192; None lets Blosc2 choose.
    chunk_size, block_size
        Blosc2's two levels given explicitly, for each axis; instead of `patch_size`.
    cparams, dparams
        Blosc2's compression and decompression parameters.
    compressed
        Keep the voxels compressed in memory.
    profile
        What the layout favours: ``"default"`` reading patches, ``"fast"`` writing, ``"small"`` size,
        ``"slices"`` slices across the first axis (``"slices:2"``: across axis 2); ``"auto"`` tries a few
        compressions on a sample of the voxels.

    Raises
    ------
    MetadataError
        The metadata contradict one another or the array (a ValueError).
    ModeError
        Other arguments are given with a path, or the file has another suffix (a RuntimeError), or there is
        none (`NotFoundError`).
    CorruptError
        The file is damaged.
    ArgumentTypeError
        `copy` is no image (a TypeError).
    """

    __slots__ = ()

    def __init__(
        self,
        array: Array | PathLike | None = None,
        spacing: npt.ArrayLike | None = None,
        origin: npt.ArrayLike | None = None,
        direction: npt.ArrayLike | None = None,
        affine: npt.ArrayLike | None = None,
        meta: GivenMeta = None,
        axis_labels: Sequence[str] | None = None,
        copy: MLArray | None = None,
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: CParams = None,
        dparams: DParams = None,
        compressed: bool = True,
        *,
        profile: str = "default",
    ) -> None:
        request = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams, profile)
        geometry = {"spacing": spacing, "origin": origin, "direction": direction, "affine": affine}
        if isinstance(array, (str, os.PathLike)):
            own = (*geometry.values(), meta, axis_labels, copy)
            if any(value is not None for value in own) or not request.is_empty:
                raise ModeError(
                    "a path can't be combined with metadata or layout: the file has its own", path=array
                )
            self._state = files.load_file(array, compressed=compressed)
            return
        own_meta = as_meta(meta)
        put_explicit(own_meta, geometry, axis_labels)
        if copy is not None:
            if not isinstance(copy, MLArray):
                raise ArgumentTypeError(f"copy must be an MLArray, not {type(copy).__name__}")
            fill(own_meta, deepcopy(copy.meta), replaced=any(part is not None for part in geometry.values()))
        self._state = state = ImageState(own_meta)
        if array is not None:
            state.adopt(plain_array(array), request, compressed=compressed)
        state.describe()
        state.validate()

    @classmethod
    def open(
        cls,
        filepath: PathLike,
        mode: str = "r",
        mmap_mode: str | None = "r",
        dparams: DParams = None,
        *,
        verify: str = "touch",
    ) -> Self:
        """Open a file; voxels are read when they are asked for.

        Parameters
        ----------
        filepath
            Ends in ``.mla``. A URL (``s3://``, ``https://``) opens through fsspec.
        mode
            ``"r"``, or ``"a"`` to edit the file in place; only looked at when `mmap_mode` is None.
        mmap_mode
            ``"r"``, ``"r+"`` to edit the file in place, ``"c"`` to edit in memory only, or None.
        dparams
            Blosc2's decompression parameters; one thread unless they say otherwise.
        verify
            ``"touch"`` checks each chunk's checksum when it is first read, ``"full"`` all at once, ``"none"``
            none, and it reads metadata only when they are asked for: damaged ones are an error then.

        Raises
        ------
        ModeError
            Wrong suffix or mode (a RuntimeError), or there is no such file (`NotFoundError`).
        CorruptError
            The file is damaged.
        """
        files.check_choice(mode, ("r", "a"), "mode")
        files.check_choice(mmap_mode, ("r", "r+", "c", None), "mmap_mode")
        path = os.fspath(filepath) if is_url(filepath) else files.checked_path(filepath, must_exist=True)
        return cls._of(files.open_file(path, mode, mmap_mode, dparams, verify))

    @classmethod
    def load(
        cls,
        filepath: PathLike,
        dparams: DParams = None,
        compressed: bool = True,
        *,
        verify: str = "touch",
        max_bytes: int | None = None,
    ) -> Self:
        """Load a whole file into memory.

        Parameters
        ----------
        filepath
            Ends in ``.mla``.
        dparams
            Blosc2's decompression parameters.
        compressed
            Keep the voxels compressed in memory.
        verify
            As `open` takes it.
        max_bytes
            The most that the voxels may need decompressed; None for the memory that the machine has, when
            they are decompressed.

        Raises
        ------
        LimitError
            They need more: a small file may claim any size.
        """
        state = files.load_file(filepath, dparams, compressed=compressed, verify=verify, max_bytes=max_bytes)
        return cls._of(state)

    @classmethod
    def create(
        cls,
        filepath: PathLike,
        shape: Sequence[int] | Array,
        dtype: npt.DTypeLike,
        meta: GivenMeta = None,
        mode: str = "w",
        mmap_mode: str | None = "w+",
        patch_size: Sizes | str = "default",
        chunk_size: Sizes = None,
        block_size: Sizes = None,
        cparams: CParams = None,
        dparams: DParams = None,
        *,
        profile: str = "default",
        levels: Levels = None,
    ) -> Self:
        """Begin a new file that is filled by assignment.

        It appears, whole, when the image is closed, flushed, forgotten or opened again by this process, at
        the end of a ``with`` block and when the interpreter ends; not when the block raised.

        Parameters
        ----------
        filepath
            Ends in ``.mla``. An existing file stays as it is until the new one appears.
        shape, dtype
            Of the array.
        meta
            All metadata, or a dict that becomes ``meta.source``. Copied.
        mode, mmap_mode
            ``"w"``, and ``"w+"`` or None.
        patch_size, chunk_size, block_size, cparams, dparams, profile
            As the constructor takes them.
        levels
            Coarser versions to build when the file appears, as `save` takes them.

        Raises
        ------
        ModeError
            Wrong suffix or mode (a RuntimeError).
        """
        files.check_choice(mode, ("w",), "mode")
        files.check_choice(mmap_mode, ("w+", None), "mmap_mode")
        path = files.checked_path(filepath, must_exist=False)
        request = LayoutRequest(patch_size, chunk_size, block_size, cparams, dparams, profile)
        state = files.create_file(path, shape, dtype, as_meta(meta), request, levels)
        state.mode, state.mmap_mode = mode, mmap_mode
        return cls._of(state)

    def save(
        self, filepath: PathLike, *, verify: str = "touch", levels: Levels = "keep", stats: bool = False
    ) -> None:
        """Save the image. The file appears whole or not at all, and may be the one that is open.

        Parameters
        ----------
        filepath
            Ends in ``.mla``. An existing file is replaced.
        verify
            ``"none"`` copies stored chunks without checking them.
        levels
            Coarser versions to store behind the image: ``"auto"`` until the coarsest fits 256 x 256 or
            64 x 64 x 64, how many, ``"none"``, or ``"keep"`` for those that it has, unless it was edited.
        stats
            Read all voxels and note statistics in the metadata; of label maps (`meta.is_seg`) also where each
            class is, which `mlarray.torch` draws patches by.

        Raises
        ------
        ModeError
            Wrong suffix (a RuntimeError).
        MetadataError
            The metadata are not valid (a ValueError).
        WriteError
            The disk is full, the folder is missing or read-only; an existing file stays as it is.
        """
        files.save_file(self._state, files.checked_path(filepath, must_exist=False), levels, stats=stats)

    def flush(self) -> None:
        """Write everything that was changed to the file that is open for writing."""
        self._state.check_open()
        files.flush(self._state)

    def close(self) -> None:
        """Write what was changed and close the file. Closing twice is harmless."""
        files.close(self._state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._state.release()

    def verify(self) -> str:
        """Check every checksum; return ``"sealed"``, or ``"unsealed"`` without any to compare with.

        Raises
        ------
        CorruptError
            Something disagrees, or the file was edited by another program since it was sealed.
        ArgumentTypeError
            The image isn't stored in a file (a TypeError).
        """
        self._state.check_open()
        storage = self._state.any_storage
        if not isinstance(storage, FrameStorage):
            raise ArgumentTypeError("only an image that is stored in a file has checksums")
        storage.contents.verify_all()
        return storage.contents.state.value


def open_any(path: PathLike, verify: str = "touch") -> MLArray:
    """Open a frame for reading whatever its name: `.mla`, its predecessors, bare Blosc2 arrays."""
    return MLArray._of(files.open_file(os.fspath(path), verify=verify))


__all__ = ["MLARRAY_DEFAULT_PATCH_SIZE", "MLArray", "open_any"]
