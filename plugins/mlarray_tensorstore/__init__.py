"""N5 and Neuroglancer's precomputed volumes, for reading, through tensorstore."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class BlocksFormat(Format):
    """A folder of blocks that tensorstore reads, in a process of its own."""

    requires: ClassVar[tuple[str, ...]] = ("tensorstore",)
    folder: ClassVar[Literal["named", "together", "whole"]] = "whole"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for the file that describes the folder, and at how it begins."""
        from mlarray_tensorstore.signature import is_described

        if not source.is_dir or source.url is not None:
            return Confidence.NO
        return Confidence.PARSED if is_described(source.path, self.name) else Confidence.NO

    def images(self, source: Source, options: Options, context: Context) -> Sequence[ImageRef]:
        """List the images, of which each may have coarser versions.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images(f"mlarray_tensorstore.{self.name}:list_images", source.path, context)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Open one image; blocks are read and unpacked where they are asked for.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader(f"mlarray_tensorstore.{self.name}:open_image", source.path, context, image.key)


class N5Format(BlocksFormat):
    """N5, of Fiji and BigDataViewer."""

    name: ClassVar[str] = "n5"
    title: ClassVar[str] = "N5"
    suffixes: ClassVar[tuple[str, ...]] = (".n5",)
    install: ClassVar[str] = "mlarray[n5]"


class PrecomputedFormat(BlocksFormat):
    """Volumes as Neuroglancer shows them."""

    name: ClassVar[str] = "precomputed"
    title: ClassVar[str] = "Neuroglancer precomputed"
    suffixes: ClassVar[tuple[str, ...]] = (".precomputed",)
    install: ClassVar[str] = "mlarray[precomputed]"


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the formats of this plugin."""
    return [N5Format(), PrecomputedFormat()]
