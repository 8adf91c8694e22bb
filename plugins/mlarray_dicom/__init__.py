"""DICOM: files, folders and multi-frame objects, for reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mlarray_io import Confidence, Format, Options, hookimpl, option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source


@dataclass(frozen=True, kw_only=True)
class DicomOptions(Options):
    """Settings of reading."""

    missing: Literal["error", "fill", "split"] = option(
        "error", "Slices missing from a stack: refuse it, fill them with the padding value, or split it there"
    )
    irregular: Literal["error", "keep"] = option(
        "error", "Slices at uneven distances: refuse them, or keep them with their positions listed"
    )
    tolerance: float = option(0.01, "How far, in mm, a slice may lie from where an even stack puts it")
    damaged: Literal["error", "skip"] = option(
        "error", "A series with unreadable files: refuse it, or convert what is left of it"
    )
    palette: Literal["rgb", "index"] = option("rgb", "Palette colours: look them up, or keep their indices")
    segments: Literal["auto", "axis", "labels"] = option(
        "auto", "Segments: an axis of their own, one label map, or auto: a label map unless they overlap"
    )
    monochrome1: Literal["keep", "invert"] = option(
        "keep", "Images whose low values are bright: keep the stored values, or invert them"
    )


class DicomFormat(Format[DicomOptions]):
    """DICOM Part 10 files, and data sets without a preamble."""

    name: ClassVar[str] = "dicom"
    title: ClassVar[str] = "DICOM"
    suffixes: ClassVar[tuple[str, ...]] = (".dcm", ".dicom", ".ima")
    requires: ClassVar[tuple[str, ...]] = ("pydicom",)
    install: ClassVar[str] = "mlarray[dicom]"

    def sniff(self, source: Source) -> Confidence:
        """Look for the preamble, or for the first element of a data set; in a folder, for such a file."""
        from mlarray_dicom.signature import holds_dicom, recognise

        if source.is_dir:
            return Confidence.SIGNATURE if holds_dicom(source.path) else Confidence.NO
        if recognise(source.head):
            return Confidence.SIGNATURE
        return super().sniff(source)

    def images(self, source: Source, options: DicomOptions, context: Context) -> Sequence[ImageRef]:
        """List the images of a file or of everything below a folder, by their headers."""
        from mlarray_dicom.listing import list_images

        return list_images(source.path, options, context)

    def open(self, source: Source, image: ImageRef, options: DicomOptions, context: Context) -> Reader:
        """Read the headers of one image; its frames are decoded when they are asked for."""
        from mlarray_dicom.image import open_image

        return open_image(source.path, image, options, context)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [DicomFormat()]
