"""MRC and CCP4 maps of electron microscopy (MRC2014). The header is 1024 plain bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, hookimpl
from mlarray_mrc.options import MrcOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader, Source
    from mlarray_io.sdk import Privacy


class MrcFormat(Format[MrcOptions]):
    """One map, image stack or tomogram."""

    name: ClassVar[str] = "mrc"
    title: ClassVar[str] = "MRC, CCP4"
    suffixes: ClassVar[tuple[str, ...]] = (".mrc", ".mrcs", ".ccp4")

    def sniff(self, source: Source) -> Confidence:
        """Look for ``MAP`` at byte 208, a machine stamp, and a mode that exists."""
        head = source.head
        known = len(head) >= 1024 and head[208:212] in (b"MAP ", b"MAP\0")
        if known and head[212:214] in (b"DD", b"DA", b"\x11\x11"):
            mode = int.from_bytes(head[12:16], "big" if head[212] == 0x11 else "little")
            return Confidence.PARSED if mode < 200 else Confidence.SIGNATURE
        # without a stamp, as older programs wrote it, the name must agree
        return super().sniff(source) if not source.is_dir and (known or not head) else Confidence.NO

    def open(self, source: Source, image: ImageRef, options: MrcOptions, context: Context) -> Reader:
        """Read the header; voxels are mapped from the file.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_mrc.reader import open_mrc

        return open_mrc(source.path, options, context)

    def write(self, reader: Reader, target: Path, options: MrcOptions, context: Context) -> None:
        """Write an MRC2014 file, forwards.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_mrc.writer import write_mrc

        write_mrc(reader, target, context)

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Keep the numbers, not the labels, and no extended header.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_mrc.header import deidentified

        return deidentified(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [MrcFormat()]
