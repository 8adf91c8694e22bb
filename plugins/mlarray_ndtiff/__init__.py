"""NDTiff data sets and folders of single planes, which Micro-Manager writes, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mlarray_io import Confidence, Format, hookimpl
from mlarray_ndtiff.options import NdtiffOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Options, Reader, Source


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

        return list_positions(data_folder(source))

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


class MicroManagerFormat(Format):
    """A folder with a TIFF file for each plane, and a text that says where each belongs."""

    name: ClassVar[str] = "micromanager"
    title: ClassVar[str] = "Micro-Manager's folders of single planes"
    requires: ClassVar[tuple[str, ...]] = ("tifffile",)
    install: ClassVar[str] = "mlarray[tiff]"
    folder: ClassVar[Literal["named", "together", "whole"]] = "whole"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for `metadata.txt`, and at how it begins."""
        from mlarray_ndtiff.single_planes import METADATA, holds_planes

        if source.url is not None or not (source.is_dir or source.name == METADATA):
            return Confidence.NO
        return Confidence.PARSED if holds_planes(_folder(source)) else Confidence.NO

    def images(self, source: Source, options: Options, context: Context) -> Sequence[ImageRef]:
        """List the positions of the stage, which mostly have a folder each.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_ndtiff.reader import list_folder

        return list_folder(_folder(source))

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Open one position; planes are read where they are asked for.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_ndtiff.reader import open_folder

        return open_folder(_folder(source), context, image.key)


def _folder(source: Source) -> Path:
    return source.path if source.is_dir else source.path.parent


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the formats of this plugin."""
    return [NdtiffFormat(), MicroManagerFormat()]
