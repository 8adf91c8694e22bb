"""NumPy's `.npy` and `.npz`. Pickles in them are never loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_numpy.options import NumpyOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source

MAGIC = b"\x93NUMPY"


class NumpyFormat(Format[NumpyOptions]):
    """One array in a `.npy`, several in a `.npz`."""

    name: ClassVar[str] = "numpy"
    title: ClassVar[str] = "NumPy"
    suffixes: ClassVar[tuple[str, ...]] = (".npy", ".npz")

    def sniff(self, source: Source) -> Confidence:
        """Look for NumPy's signature, or for a ZIP whose first member is a `.npy`."""
        head = source.head
        if head.startswith(MAGIC) and len(head) >= 10:
            return Confidence.SIGNATURE if head[6] in (1, 2, 3) else Confidence.NO
        if head.startswith(b"PK\x03\x04") and len(head) > 30:
            name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
            return Confidence.SIGNATURE if name.endswith(b".npy") else Confidence.NO
        return super().sniff(source) if not source.is_dir and not head else Confidence.NO

    def images(self, source: Source, options: NumpyOptions, context: Context) -> Sequence[ImageRef]:
        """List the arrays.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_numpy.reader import list_arrays

        return list_arrays(source.path, context)

    def open(self, source: Source, image: ImageRef, options: NumpyOptions, context: Context) -> Reader:
        """Open one array, mapped from the file where it isn't compressed.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_numpy.reader import open_array

        return open_array(source.path, image.key, options, context)

    def write(self, reader: Reader, target: Path, options: NumpyOptions, context: Context) -> None:
        """Write one array, as a stream.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_numpy.writer import write_array

        write_array(reader, target, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [NumpyFormat()]
