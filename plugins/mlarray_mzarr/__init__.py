"""Mzarr, the predecessor of `.mla`: read without its own library."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_mzarr.options import MzarrOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, ImageRef, Reader, Source


class MzarrFormat(Format[MzarrOptions]):
    """A ZIP of Zarr 2 arrays, one for each resolution, whose chunks are JPEG XL."""

    name: ClassVar[str] = "mzarr"
    title: ClassVar[str] = "Mzarr"
    suffixes: ClassVar[tuple[str, ...]] = (".mzarr",)
    requires: ClassVar[tuple[str, ...]] = ("imagecodecs",)
    install: ClassVar[str] = "mlarray[mzarr]"
    sparse: ClassVar[bool] = True

    def sniff(self, source: Source) -> Confidence:
        """Look for a ZIP that begins with a Zarr group and its array ``base``."""
        head = source.head
        if not head.startswith(b"PK\x03\x04"):
            return super().sniff(source) if not source.is_dir and not head else Confidence.NO
        first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        ours = first == b".zgroup" and b"base/.zarray" in head and b"jpegxl" in head
        return Confidence.PARSED if ours else Confidence.NO

    def open(self, source: Source, image: ImageRef, options: MzarrOptions, context: Context) -> Reader:
        """Open one resolution; chunks are decoded when asked for.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_mzarr.reader import open_mzarr

        return open_mzarr(source.path, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [MzarrFormat()]
