"""FreeSurfer's MGH, gzipped (``.mgz``) or not, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_mgh.options import MghOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy


class MghFormat(Format[MghOptions]):
    """FreeSurfer's volumes."""

    name: ClassVar[str] = "mgh"
    title: ClassVar[str] = "FreeSurfer MGH"
    suffixes: ClassVar[tuple[str, ...]] = (".mgz", ".mgh", ".mgh.gz")

    def sniff(self, source: Source) -> Confidence:
        """Look at version, sizes and type."""
        from mlarray_mgh.signature import is_mgh

        return Confidence.SIGNATURE if is_mgh(source.plain_head) else super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: MghOptions, context: Context) -> Reader:
        """Read the header; voxels come box by box, forwards when they are gzipped.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_mgh.reader import open_mgh

        return open_mgh(source.path, options, context)

    def write(self, reader: Reader, target: Path, options: MghOptions, context: Context) -> None:
        """Write one file, gzipped when the name ends in ``z``.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_mgh.writer import write_mgh

        write_mgh(reader, target, options, context)

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep the placement and the parameters, not the tags, which hold command lines.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_mgh.header import deidentified

        return deidentified(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [MghFormat()]
