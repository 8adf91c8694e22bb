"""MATLAB's files of version 5 to 7 (`.mat`). Those of version 7.3 are HDF5 and read by that plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_mat.options import MatOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source


class MatFormat(Format[MatOptions]):
    """Numeric arrays by name."""

    name: ClassVar[str] = "mat"
    title: ClassVar[str] = "MATLAB 5 to 7"
    suffixes: ClassVar[tuple[str, ...]] = (".mat",)

    def sniff(self, source: Source) -> Confidence:
        """Look for the text of the header, its version and its mark of the byte order."""
        head = source.head
        known = head.startswith(b"MATLAB 5.0 MAT-file") and head[126:128] in (b"IM", b"MI")
        if known:
            return Confidence.SIGNATURE
        return super().sniff(source) if not source.is_dir and not head else Confidence.NO

    def images(self, source: Source, options: MatOptions, context: Context) -> Sequence[ImageRef]:
        """List the numeric arrays; cells, structures and texts are skipped and reported.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_mat.reader import list_arrays

        return list_arrays(source.path, context)

    def open(self, source: Source, image: ImageRef, options: MatOptions, context: Context) -> Reader:
        """Open one array: mapped from the file, or inflated whole where it is compressed.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_mat.reader import open_array

        return open_array(source.path, image.key, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [MatFormat()]
