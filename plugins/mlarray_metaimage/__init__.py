"""MetaImage, ITK's own format, both ways."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_metaimage.options import MetaImageOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy

_META = re.compile(rb"\s*(ObjectType|ObjectSubType|Comment|NDims)\s*=")
SUFFIXES = (".raw", ".zraw")
"""Of the data of a ``.mhd``, as they are and compressed."""
_SHAPE = re.compile(rb"^\s*(DimSize|ElementType|NDims)\s*=", re.MULTILINE)


class MetaImageFormat(Format[MetaImageOptions]):
    """ITK's own format."""

    name: ClassVar[str] = "metaimage"
    title: ClassVar[str] = "MetaImage"
    suffixes: ClassVar[tuple[str, ...]] = (".mha", ".mhd")

    def sniff(self, source: Source) -> Confidence:
        """Look for the first field and for those that say the shape."""
        head = source.head[:8192]
        if _META.match(head) and len(set(_SHAPE.findall(head))) > 1:
            return Confidence.PARSED
        return super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: MetaImageOptions, context: Context) -> Reader:
        """Read the header; voxels come box by box, forwards when they are compressed.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_metaimage.reader import open_metaimage

        return open_metaimage(source.path, options, context)

    def write(self, reader: Reader, target: Path, options: MetaImageOptions, context: Context) -> None:
        """Write one file, or a header and its data beside it when the name ends in ``.mhd``.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_metaimage.writer import write_metaimage

        write_metaimage(reader, target, options, context)

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Return the names that the data of a ``.mhd`` can have."""
        from mlarray_io.sdk import data_names

        if target.suffix.lower() != ".mhd":
            return ()
        return tuple(target.with_name(name) for end in SUFFIXES for name in data_names(target, end))

    def needed(self, target: Path, head: bytes) -> tuple[Path, ...]:
        """Return the file that a ``.mhd`` names.

        Parameters
        ----------
        target, head
            See `Format.needed`.
        """
        from mlarray_io.sdk import named_in

        return named_in(head, self.companions(target))

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep the fields that say how voxels lie and what they are.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_metaimage.privacy import deidentified

        return deidentified(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [MetaImageFormat()]
