"""HDF5: any dataset, MATLAB 7.3 included, and the geometry that Imaris, ITK and ilastik mark in theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl, option
from mlarray_io.sdk import BareOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source

SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Hdf5Options(BareOptions):
    """Settings of reading (`level` and what the file doesn't say) and of writing (the others)."""

    level: int = option(0, "which resolution of an Imaris file to read, 0 is the finest")
    dataset: str = option("image", "path of the dataset to write")
    chunk_size: tuple[int, ...] | None = option(None, "chunk shape to write, one number for each axis")
    clevel: int = option(1, "deflate's effort when writing, 0 (none) to 9 (most)")


class Hdf5Format(Format[Hdf5Options]):
    """Datasets of numbers, wherever in the file."""

    name: ClassVar[str] = "hdf5"
    title: ClassVar[str] = "HDF5, Imaris, MATLAB 7.3"
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")
    requires: ClassVar[tuple[str, ...]] = ("h5py",)
    install: ClassVar[str] = "mlarray[hdf5]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the signature where it may stand: at 0, or behind a user block of 512, 1024 ... bytes."""
        head = source.head
        for at in (0, 512, 1024, 2048, 4096, 8192, 16384, 32768):
            if head[at : at + 8] == SIGNATURE:
                return Confidence.SIGNATURE
        return super().sniff(source) if not source.is_dir and not head else Confidence.NO

    def images(self, source: Source, options: Hdf5Options, context: Context) -> Sequence[ImageRef]:
        """List the datasets; links out of the file are skipped and told."""
        from mlarray_hdf5.listing import list_images

        return list_images(source.path, context)

    def open(self, source: Source, image: ImageRef, options: Hdf5Options, context: Context) -> Reader:
        """Open one dataset, or all channels and times of an Imaris file."""
        from mlarray_hdf5.reader import open_hdf5

        return open_hdf5(source.path, image.key, options, context)

    def write(self, reader: Reader, target: Path, options: Hdf5Options, context: Context) -> None:
        """Write one dataset, chunked and deflated, the metadata as its attributes."""
        from mlarray_hdf5.writer import write_hdf5

        write_hdf5(reader, target, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [Hdf5Format()]
