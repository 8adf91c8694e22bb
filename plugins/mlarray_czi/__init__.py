"""Carl Zeiss CZI, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_czi.options import CziOptions
from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source

SIGNATURE = b"ZISRAWFILE\0"


class CziFormat(Format[CziOptions]):
    """Scenes of tiles and planes, read by Zeiss's own library in a process of its own."""

    name: ClassVar[str] = "czi"
    title: ClassVar[str] = "Zeiss CZI"
    suffixes: ClassVar[tuple[str, ...]] = (".czi",)
    requires: ClassVar[tuple[str, ...]] = ("pylibCZIrw",)
    install: ClassVar[str] = "mlarray[czi]"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for the name of the first segment."""
        if source.head.startswith(SIGNATURE):
            return Confidence.SIGNATURE
        return super().sniff(source) if not source.is_dir and not source.head else Confidence.NO

    def images(self, source: Source, options: CziOptions, context: Context) -> Sequence[ImageRef]:
        """List the scenes.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_czi.reader:list_scenes", source.path, context)

    def open(self, source: Source, image: ImageRef, options: CziOptions, context: Context) -> Reader:
        """Open one scene, and the coarser versions that the file holds of it.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_czi.reader:open_scene", source.path, context, image.key, options)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [CziFormat()]
