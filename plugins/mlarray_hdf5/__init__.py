"""HDF5: any dataset, MATLAB 7.3 included, and the geometry that Imaris, ITK and ilastik mark in theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_hdf5.options import Hdf5Options
from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source

SIGNATURE = b"\x89HDF\r\n\x1a\n"


class Hdf5Format(Format[Hdf5Options]):
    """Datasets of numbers, wherever in the file, read by h5py in a process of its own."""

    name: ClassVar[str] = "hdf5"
    title: ClassVar[str] = "HDF5, Imaris, MATLAB 7.3"
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5", ".nxs", ".ims")
    target_suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")
    requires: ClassVar[tuple[str, ...]] = ("h5py",)
    install: ClassVar[str] = "mlarray[hdf5]"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for the signature where it may stand: at 0, or behind a user block of 512, 1024 ... bytes."""
        head = source.head
        for at in (0, 512, 1024, 2048, 4096, 8192, 16384, 32768):
            if head[at : at + 8] == SIGNATURE:
                return Confidence.SIGNATURE
        return super().sniff(source) if not source.is_dir and not head else Confidence.NO

    def images(self, source: Source, options: Hdf5Options, context: Context) -> Sequence[ImageRef]:
        """List the datasets; links out of the file are skipped and reported.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images("mlarray_hdf5.listing:list_images", source.path, context)

    def open(self, source: Source, image: ImageRef, options: Hdf5Options, context: Context) -> Reader:
        """Open one dataset, or all channels and times of an Imaris file.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        return served_reader("mlarray_hdf5.reader:open_hdf5", source.path, context, image.key, options)

    def write(self, reader: Reader, target: Path, options: Hdf5Options, context: Context) -> None:
        """Write one dataset, chunked and deflated, the metadata as its attributes.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_hdf5.writer import write_hdf5

        write_hdf5(reader, target, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [Hdf5Format()]
