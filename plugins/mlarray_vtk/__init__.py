"""VTK's legacy files, as far as they hold images, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class VtkFormat(Format):
    """VTK's legacy format, as far as it holds images."""

    name: ClassVar[str] = "vtk"
    title: ClassVar[str] = "VTK structured points"
    suffixes: ClassVar[tuple[str, ...]] = (".vtk",)

    def sniff(self, source: Source) -> Confidence:
        """Look for the first line and for the kind of data."""
        head = source.head[:1024].lower()
        if head.startswith(b"# vtk datafile version") and b"structured_points" in head:
            return Confidence.SIGNATURE
        return super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header; voxels come box by box, those that are text are decoded at once.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_vtk.reader import open_vtk

        return open_vtk(source.path, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [VtkFormat()]
