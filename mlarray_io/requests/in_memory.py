"""Images in memory: read from an array, or read whole from a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, LimitError
from mlarray_io.sdk.format import Reader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlarray_core.array.image import MLArray
    from mlarray_io.places.place import Place
    from mlarray_io.sdk.format import Box


class ArrayReader(Reader):
    """An image in memory, or an open one, as a reader.

    Parameters
    ----------
    image
        An `MLArray`, or anything that NumPy takes for an array.

    Raises
    ------
    ArgumentError
        The image has no voxels.
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


def whole(reader: Reader, place: Place, max_bytes: int | None = None) -> np.ndarray[Any, Any]:
    """Read everything, slab by slab into one array, so that the source's chunks aren't held twice.

    Parameters
    ----------
    reader
        The image.
    place
        Where it lies, for errors.
    max_bytes
        The most that it may need; None for the memory that the machine has.

    Raises
    ------
    LimitError
        There is not enough memory.
    """
    import numpy as np

    from mlarray_core.memory import check_size
    from mlarray_io.sdk.boxes import slabs

    check_size(reader.shape, reader.dtype, max_bytes, str(place.shown))

    try:
        voxels = np.empty(reader.shape, reader.dtype)
    except (MemoryError, ValueError) as error:
        need = f"it needs {reader.nbytes:,} bytes of memory"
        raise LimitError(
            need, path=place.shown, hint="Convert it to .mla and open that, or read parts of it"
        ) from error
    for box in slabs(reader.shape, reader.dtype.itemsize, reader.chunks, None):
        voxels[box] = reader[box]
    return voxels
