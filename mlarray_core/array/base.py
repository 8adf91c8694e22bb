"""The reading side of an image: what it is, its voxels by NumPy's protocol, its levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core.array import copying, levels, voxels
from mlarray_core.array.placement import Placed
from mlarray_core.chunks import codec
from mlarray_core.container.storage import PlainStorage
from mlarray_core.errors import ArgumentError, ArgumentTypeError, did_you_mean
from mlarray_core.memory import check_size
from mlarray_core.url_text import is_url, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import blosc2
    import numpy.typing as npt

    from mlarray_core.array.indexing import Key
    from mlarray_core.array.state import ImageState
    from mlarray_core.array.voxels import Scalar
    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]
Matrix = np.ndarray[Any, np.dtype[np.float64]]


class ImageBase(Placed):
    """One image: metadata, voxels, and the file that they are in."""

    __slots__ = ("__weakref__", "_state")

    @classmethod
    def _of(cls, state: ImageState) -> Self:
        """Return the image that a state describes: the one way to make an image but its constructor."""
        image = cls.__new__(cls)
        image._state = state
        return image

    def __setattr__(self, name: str, value: object) -> None:
        try:
            object.__setattr__(self, name, value)
        except AttributeError:
            if hasattr(type(self), name):  # it is there, and can't be set
                raise
            hint = did_you_mean(name, [known for known in dir(type(self)) if not known.startswith("_")])
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}") from None

    # what it is

    @property
    def meta(self) -> Meta:
        """All metadata.

        Raises
        ------
        ArgumentTypeError
            The image is closed (a TypeError), here and wherever voxels or metadata are asked for.
        """
        return self._state.meta

    @property
    def filepath(self) -> str | None:
        """The file that the image was opened from or loaded from; None when it is closed."""
        return self._state.path

    @property
    def mode(self) -> str | None:
        """How the file was opened: ``"r"``, ``"a"`` or ``"w"``; None without one."""
        return self._state.mode

    @property
    def mmap_mode(self) -> str | None:
        """How the file is mapped into memory: ``"r"``, ``"r+"``, ``"c"`` or ``"w+"``; None when it isn't."""
        return self._state.mmap_mode

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Size of each axis, None without an array."""
        storage = self._state.known_voxels
        return None if storage is None else storage.shape

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Type of the voxels, None without an array."""
        storage = self._state.known_voxels
        return None if storage is None else storage.dtype

    @property
    def ndim(self) -> int | None:
        """Number of axes, None without an array."""
        shape = self.shape
        return None if shape is None else len(shape)

    @property
    def size(self) -> int | None:
        """Number of voxels, None without an array."""
        shape = self.shape
        return None if shape is None else math.prod(shape)

    @property
    def itemsize(self) -> int | None:
        """Bytes of one voxel, None without an array."""
        dtype = self.dtype
        return None if dtype is None else dtype.itemsize

    @property
    def nbytes(self) -> int | None:
        """Bytes of all voxels decompressed, None without an array."""
        size, itemsize = self.size, self.itemsize
        return None if size is None or itemsize is None else size * itemsize

    def __repr__(self) -> str:
        if not self._state.is_open:
            return "<MLArray closed>"
        return f"<MLArray {', '.join(f'{text}' for _, text in self._facts())}>"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        yield from self._facts()

    def _facts(self) -> Iterator[tuple[str, object]]:
        if not self._state.is_open:
            return
        yield "shape", self.shape if self._state.has_array else "metadata only"
        if self._state.has_array:
            yield "dtype", self.dtype
        if self.spacing is not None:
            yield "spacing", [round(float(size), 6) for size in self.spacing]
        world = self.meta.spatial.coord_system
        if world is not None:
            yield "coord_system", str(getattr(world, "value", world))
        if self.filepath is not None:
            yield "filepath", shown(self.filepath) if is_url(self.filepath) else self.filepath

    # its voxels

    def __getitem__(self, key: Key) -> Any:
        """Return voxels, as NumPy's indexing does."""
        return self.read(key)

    def read(self, key: Key = ..., *, out: Array | None = None, pad: Scalar | None = None) -> Any:
        """Return voxels.

        Parameters
        ----------
        key
            Whatever NumPy's indexing takes.
        out
            Buffer for the result: C-contiguous, of the right shape and dtype. Needs a key of plain slices.
        pad
            The key is a box of plain slices that may reach beyond the array, where voxels have this value:
            ``-4`` is four voxels before the first one, not four before the end.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        ArgumentError
            `out` or `pad` doesn't fit (a ValueError).
        CorruptError
            A chunk that is needed is damaged.
        IndexError
            The key leaves the array.
        """
        if pad is not None:
            return voxels.read_padded(self._state.need(), key, pad, out, self.filepath)
        return voxels.read(self._state.need(), key, out)

    def read_many(self, boxes: Iterable[Key], *, out: Array | None = None) -> Array:
        """Return the voxels of several boxes of one shape, such as the patches of a batch.

        Parameters
        ----------
        boxes
            Keys of plain slices.
        out
            Buffer for the result: C-contiguous, of the right shape and dtype.

        Returns
        -------
        numpy.ndarray
            One box after the other along a new first axis.

        Raises
        ------
        ArgumentError
            There is no box, or their shapes differ (a ValueError).
        """
        return voxels.read_many(self._state.need(), boxes, out, self.filepath)

    def prefetch(self, boxes: Iterable[Key]) -> None:
        """Have the system read what these boxes need from the disk, while something else is computed.

        Returns at once. Worth it when a sampler knows what comes next and the file isn't in memory yet.

        Parameters
        ----------
        boxes
            Keys of plain slices.
        """
        storage = self._state.need()
        for box in voxels.plain_boxes(boxes, storage.shape):
            storage.prefetch(box)

    def __setitem__(self, key: Key, value: npt.ArrayLike) -> None:
        """Assign voxels, as NumPy's indexing does."""
        voxels.write(self._state.writable(), key, value)

    def to_numpy(self, *, out: Array | None = None, max_bytes: int | None = None) -> Array:
        """Return all voxels as a NumPy array.

        Parameters
        ----------
        out
            As `read` takes it.
        max_bytes
            The most that they may need; None for the memory that the machine has.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        LimitError
            They need more than `max_bytes`: a small file may claim any size.
        """
        if max_bytes is not None:
            storage = self._state.need()
            check_size(storage.shape, storage.dtype, max_bytes, self.filepath)
        array: Array = self.read(..., out=out)
        return array

    def to_blosc2(self) -> blosc2.NDArray:
        """Return all voxels as a Blosc2 array in memory, compressed as they are stored, without metadata.

        Raises
        ------
        ArgumentTypeError
            There is no array (a TypeError).
        """
        self._state.need()
        return codec.ndarray(self._state.frame_bytes(), self._state.dparams())

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Return all voxels, for `numpy.asarray`."""
        array = self.to_numpy()
        plain = isinstance(self._state.storage, PlainStorage)
        if copy is False and not plain:
            raise ArgumentError("compressed voxels can't be seen without a copy")
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ArgumentError("another dtype needs a copy")
            return array.astype(dtype)
        return np.array(array) if copy and plain else array

    def __iter__(self) -> Iterator[Any]:
        if not self._state.need().shape:
            raise ArgumentTypeError("iteration over a 0-d array")
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        storage = self._state.known_voxels
        if storage is None:
            return 0
        if not storage.shape:
            raise ArgumentTypeError("a 0-d array has no length")
        return storage.shape[0]

    def __bool__(self) -> bool:
        return True

    # its coarser versions

    @property
    def levels(self) -> list[Self]:
        """The coarser versions in the file, finest first, each an image whose voxels are not yet read."""
        return [self._of(state) for state in levels.levels_of(self._state)]

    def at(self, *, spacing: float | None = None, max_shape: int | Sequence[int] | None = None) -> Self:
        """Return the image or one of its levels, whichever suits.

        Parameters
        ----------
        spacing
            The coarsest whose voxels are at most so large along each spatial axis, in its unit; the image
            itself when all its levels are coarser.
        max_shape
            The finest with at most so many voxels along each spatial axis; the coarsest when none is
            so small.

        Raises
        ------
        ArgumentError
            Neither or both are given.
        """
        if spacing is not None and max_shape is None:
            return levels.coarsest_within([self, *self.levels], spacing)
        if max_shape is not None and spacing is None:
            return levels.finest_within([self, *self.levels], max_shape)
        raise ArgumentError("give either spacing or max_shape")

    def thumbnail(self, size: int = 256) -> Array:
        """Return the voxels of the finest level with at most `size` voxels along each spatial axis.

        Without such a level, every n-th voxel of the coarsest is taken.
        """
        return levels.every_nth(self.at(max_shape=size), size)

    # copies

    def __copy__(self) -> Self:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: object) -> Self:
        return self._of(copying.copy_of(self._state))

    def __reduce__(self) -> copying.Reduced:
        return copying.reduced(type(self), self._state)
