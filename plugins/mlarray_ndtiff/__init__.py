"""NDTiff data sets, which Micro-Manager and Pycro-Manager write, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mlarray_io import Confidence, Format, hookimpl
from mlarray_ndtiff.options import NdtiffOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source


class NdtiffFormat(Format[NdtiffOptions]):
    """A folder of TIFF files whose index says where each plane is; each position of the stage is an image."""

    name: ClassVar[str] = "ndtiff"
    title: ClassVar[str] = "NDTiff (Micro-Manager, Pycro-Manager)"
    folder: ClassVar[Literal["named", "together", "whole"]] = "whole"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for the index, which also tells whose one of its TIFF files is."""
        from mlarray_ndtiff.signature import folder_of

        if source.url is not None or folder_of(source) is None:
            return Confidence.NO
        return Confidence.PARSED

    def images(self, source: Source, options: NdtiffOptions, context: Context) -> Sequence[ImageRef]:
        """List the positions of the stage.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_ndtiff.reader import list_positions
        from mlarray_ndtiff.signature import data_folder

        return list_positions(data_folder(source), options)

    def open(self, source: Source, image: ImageRef, options: NdtiffOptions, context: Context) -> Reader:
        """Open one position; planes are read where they are asked for.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_ndtiff.reader import open_position
        from mlarray_ndtiff.signature import data_folder

        return open_position(data_folder(source), context, image.key, options)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [NdtiffFormat()]
