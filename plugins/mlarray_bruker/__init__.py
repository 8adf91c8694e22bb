"""Bruker's 2dseq, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class BrukerFormat(Format):
    """Bruker's 2dseq, with its parameters beside it."""

    name: ClassVar[str] = "bruker"
    title: ClassVar[str] = "Bruker 2dseq"
    requires: ClassVar[tuple[str, ...]] = ("SimpleITK",)
    install: ClassVar[str] = "mlarray[bruker]"

    def sniff(self, source: Source) -> Confidence:
        """Go by the name, which the scanner gives: the voxels have no header."""
        return Confidence.SUFFIX if source.name.lower() == "2dseq" and not source.is_dir else Confidence.NO

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the parameters in another process; voxels are read there too, whole.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_bruker.reader import open_bruker

        return open_bruker(source.path, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [BrukerFormat()]
