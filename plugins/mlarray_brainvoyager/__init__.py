"""BrainVoyager's volumes: VMR, V16, VTC, MSK and VMP, for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlarray_io import Context, ImageRef, Options, Reader, Source


class BrainVoyagerFormat(Format):
    """Anatomy, time courses, masks and maps of BrainVoyager."""

    name: ClassVar[str] = "brainvoyager"
    title: ClassVar[str] = "BrainVoyager VMR, V16, VTC, MSK, VMP"
    suffixes: ClassVar[tuple[str, ...]] = tuple(
        suffix + packed for packed in ("", ".gz") for suffix in (".vmr", ".v16", ".vtc", ".msk", ".vmp")
    )

    def sniff(self, source: Source) -> Confidence:
        """Look for the mark of maps; the others have none, so that their size must fit their header."""
        from mlarray_brainvoyager.signature import is_map, is_sized

        if is_map(source.plain_head):
            return Confidence.SIGNATURE
        named = super().sniff(source)
        fits = named and not source.is_dir and is_sized(source.name, source.head, source.size)
        return Confidence.SIGNATURE if fits else named

    def open(self, source: Source, image: ImageRef, options: Options, context: Context) -> Reader:
        """Read the header; voxels come box by box.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_brainvoyager.reader import open_brainvoyager

        return open_brainvoyager(source.path, source.plain_head, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [BrainVoyagerFormat()]
