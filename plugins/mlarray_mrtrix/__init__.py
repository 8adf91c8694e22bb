"""MRtrix's own image formats, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_mrtrix.options import MrtrixOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy

MAGIC = b"mrtrix image"
"""The first line (MRtrix3 documentation, "MRtrix image formats")."""


class MrtrixFormat(Format[MrtrixOptions]):
    """Images of MRtrix3."""

    name: ClassVar[str] = "mrtrix"
    title: ClassVar[str] = "MRtrix"
    suffixes: ClassVar[tuple[str, ...]] = (".mif", ".mif.gz", ".mih")

    def sniff(self, source: Source) -> Confidence:
        """Look for the first line, in a gzipped file too."""
        first = source.plain_head[:64].splitlines()[:1]
        return Confidence.SIGNATURE if first and first[0].strip() == MAGIC else super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: MrtrixOptions, context: Context) -> Reader:
        """Read the header; voxels come box by box, forwards when they are gzipped.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_mrtrix.reader import open_mrtrix

        return open_mrtrix(source.path, options, context)

    def write(self, reader: Reader, target: Path, options: MrtrixOptions, context: Context) -> None:
        """Write one file, or a header and its data beside it when the name ends in ``.mih``.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_mrtrix.writer import write_mrtrix

        write_mrtrix(reader, target, options, context)

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Return the names that the data of a ``.mih`` can have."""
        from mlarray_io.sdk import data_names
        from mlarray_mrtrix.header import DATA

        if target.suffix.lower() != ".mih":
            return ()
        return tuple(target.with_name(name) for name in data_names(target, DATA))

    def needed(self, target: Path, head: bytes) -> tuple[Path, ...]:
        """Return the file that a ``.mih`` names.

        Parameters
        ----------
        target, head
            See `Format.needed`.
        """
        from mlarray_io.sdk import named_in

        return named_in(head, self.companions(target))

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep the keys that say how voxels lie and how they were weighted.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_mrtrix.header import NEEDED

        return {key: value for key, value in source.items() if key.lower() in NEEDED}


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [MrtrixFormat()]
