"""Formats of electron microscopes that RosettaSciIO (GPL) reads: DM3, SER, Velox EMD and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class RosettaFormat(Format):
    """Signals of electron microscopes, read by RosettaSciIO in a process of its own."""

    name: ClassVar[str] = "rosettasciio"
    title: ClassVar[str] = "DM3, DM4, SER, EMI, Velox EMD, BLO, MIB, TVIPS, JEOL"
    suffixes: ClassVar[tuple[str, ...]] = (".dm3", ".dm4", ".ser", ".emi", ".emd", ".blo", ".mib", ".tvips")
    requires: ClassVar[tuple[str, ...]] = ("rsciio",)
    install: ClassVar[str] = "mlarray[rosettasciio]"

    def sniff(self, source: Source) -> Confidence:
        """Look at the first bytes; an EMD is left to the HDF5 plugin where the library isn't installed."""
        from mlarray_rosettasciio.signature import kind_of, may_be_read

        if source.is_dir:
            return Confidence.NO
        kind = kind_of(source)
        if kind == "emd":
            return Confidence.PARSED if may_be_read() else Confidence.NO
        return Confidence.NO if kind is None else Confidence.SIGNATURE

    def parts(self, source: Source) -> tuple[Path, ...]:
        """Return the files with the pixels that an EMI describes, which lie beside it as ``NAME_1.ser``."""
        if source.url is not None or not source.has_suffix(".emi"):
            return ()
        stem = source.path.stem
        return tuple(sorted(path for path in source.path.parent.glob("*.ser") if path.stem[:-2] == stem))

    def images(self, source: Source, options: Options, context: Context) -> Sequence[ImageRef]:
        """List the signals; an image, where there is one, is primary.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images
        from mlarray_rosettasciio.signature import kind_of

        return served_images(
            "mlarray_rosettasciio.reader:list_signals", source.path, context, kind_of(source) or ""
        )

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Open one signal.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader
        from mlarray_rosettasciio.signature import kind_of

        return served_reader(
            "mlarray_rosettasciio.reader:open_signal", source.path, context, kind_of(source) or "", image.key
        )


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [RosettaFormat()]
