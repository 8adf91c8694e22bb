"""Zarr 2 and 3, and OME-Zarr 0.1 to 0.5: folders and ZIP archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mlarray_io import Confidence, Format, hookimpl
from mlarray_zarr.options import ZarrOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source

_MARKS = ("zarr.json", ".zgroup", ".zarray")


class ZarrFormat(Format[ZarrOptions]):
    """Arrays, groups of them, and OME-Zarr's multiscale images with their labels."""

    name: ClassVar[str] = "zarr"
    title: ClassVar[str] = "Zarr and OME-Zarr"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".ome.zarr", ".zarr", ".ome.zarr.zip", ".zarr.zip", ".ozx",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("zarr",)
    install: ClassVar[str] = "mlarray[zarr]"
    reads_urls: ClassVar[bool] = True
    folder: ClassVar[Literal["whole", "together", "named"]] = "whole"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for Zarr's metadata in a folder, or as a first member of a ZIP."""
        if source.is_dir:
            found = any(source.holds(mark) for mark in _MARKS)
            return Confidence.SIGNATURE if found else Confidence.NO
        head = source.head
        if not head.startswith(b"PK\x03\x04") or len(head) < 30:
            return super().sniff(source) if not head else Confidence.NO
        name = head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("utf-8", "replace")
        known = name.rpartition("/")[2] in (*_MARKS, ".zattrs", ".zmetadata")
        return Confidence.SIGNATURE if known else super().sniff(source)

    def images(self, source: Source, options: ZarrOptions, context: Context) -> Sequence[ImageRef]:
        """List images, labels and plain arrays, wherever in the hierarchy.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_zarr.listing import list_images

        return list_images(source, context)

    def open(self, source: Source, image: ImageRef, options: ZarrOptions, context: Context) -> Reader:
        """Open one image at one of its resolutions; chunks are read when asked for.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_zarr.reader import open_zarr

        return open_zarr(source, image.key, options, context)

    def write(self, reader: Reader, target: Path, options: ZarrOptions, context: Context) -> None:
        """Write OME-Zarr with a pyramid; a plain array where OME-Zarr can't hold the axes.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_zarr.writer import write_zarr

        write_zarr(reader, target, options, context)

    def virtual(
        self, reader: Reader, options: ZarrOptions, context: Context
    ) -> Callable[[str], bytes | None]:
        """Show an image as OME-Zarr without writing it; chunks are made when asked for, levels are its own.

        Parameters
        ----------
        reader, options, context
            See `Format.virtual`.
        """
        from mlarray_zarr.virtual import VirtualStore

        return VirtualStore(reader, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [ZarrFormat()]
