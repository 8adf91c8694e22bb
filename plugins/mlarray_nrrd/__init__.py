"""NRRD: attached, detached and split data, every encoding of the definition, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_nrrd.options import NrrdOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy

MAGIC = b"NRRD00"


class NrrdFormat(Format[NrrdOptions]):
    """Nearly raw raster data."""

    name: ClassVar[str] = "nrrd"
    title: ClassVar[str] = "NRRD"
    suffixes: ClassVar[tuple[str, ...]] = (".nrrd", ".nhdr", ".seg.nrrd")

    def sniff(self, source: Source) -> Confidence:
        """Look for the magic."""
        return Confidence.PARSED if source.head.startswith(MAGIC) else super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: NrrdOptions, context: Context) -> Reader:
        """Read the header; voxels come box by box, forwards when they are compressed.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_nrrd.reader import open_nrrd

        return open_nrrd(source.path, options, context)

    def write(self, reader: Reader, target: Path, options: NrrdOptions, context: Context) -> None:
        """Write one file, or a header and its data beside it when the name ends in ``.nhdr``.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_nrrd.writer import write_nrrd

        write_nrrd(reader, target, options, context)

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Return the names that the data of a ``.nhdr`` can have."""
        from mlarray_io.sdk import data_names
        from mlarray_nrrd.encodings import SUFFIXES

        if target.suffix.lower() != ".nhdr":
            return ()
        ends = dict.fromkeys(SUFFIXES.values())
        return tuple(target.with_name(name) for end in ends for name in data_names(target, end))

    def needed(self, target: Path, head: bytes) -> tuple[Path, ...]:
        """Return the file that a ``.nhdr`` names.

        Parameters
        ----------
        target, head
            See `Format.needed`.
        """
        from mlarray_io.sdk import named_in

        return named_in(head, self.companions(target))

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep the fields and pairs that say how voxels lie and what they measure.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_nrrd.privacy import deidentified

        return deidentified(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [NrrdFormat()]
