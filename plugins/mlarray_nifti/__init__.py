"""NIfTI-1 and NIfTI-2, single files and pairs, packed or not; CIFTI-2; Analyze 7.5 for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlarray_io import Confidence, Format, Source, hookimpl
from mlarray_nifti.options import NiftiOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlarray_io import Context, ImageRef, Reader
    from mlarray_io.sdk import Privacy


class NiftiFormat(Format[NiftiOptions]):
    """NIfTI and its relatives."""

    name: ClassVar[str] = "nifti"
    title: ClassVar[str] = "NIfTI-1, NIfTI-2, CIFTI-2, Analyze 7.5"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".nii.gz", ".nii", ".nii.zst", ".nii.bz2", ".nii.xz", ".hdr", ".hdr.gz", ".img", ".img.gz",
    )  # fmt: skip
    requires: ClassVar[tuple[str, ...]] = ("nibabel",)
    install: ClassVar[str] = "mlarray[nifti]"

    def sniff(self, source: Source) -> Confidence:
        """Look at the size, magic, dimensions and datatype that the first bytes hold."""
        from mlarray_nifti.files import header_path
        from mlarray_nifti.signature import recognise

        if source.is_dir:
            return Confidence.NO
        signature = recognise(source.plain_head)
        if signature is not None:
            certain = signature.plausible and signature.variant != "analyze"
            return Confidence.PARSED if certain else Confidence.SIGNATURE
        if source.has_suffix(".img", ".img.gz") and header_path(source.path) != source.path:
            header = Source(header_path(source.path))  # ENVI, ESRI and others name their headers so too
            return Confidence.SIGNATURE if recognise(header.plain_head) else Confidence.SUFFIX
        return super().sniff(source)

    def open(self, source: Source, image: ImageRef, options: NiftiOptions, context: Context) -> Reader:
        """Read the header; voxels come plane by plane.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_nifti.reader import open_nifti

        return open_nifti(source.path, options, context)

    def write(self, reader: Reader, target: Path, options: NiftiOptions, context: Context) -> None:
        """Write one file, or a pair when the name ends in ``.hdr`` or ``.img``.

        Parameters
        ----------
        reader, target, options, context
            See `Format.write`.
        """
        from mlarray_nifti.writer import write_nifti

        write_nifti(reader, target, options, context)

    def companions(self, target: Path) -> tuple[Path, ...]:
        """Return the other file of a pair."""
        from mlarray_nifti.files import partner

        other = partner(target)
        return () if other is None else (other,)

    def sidecars(self, target: Path) -> tuple[Path, ...]:
        """Return the names of a BIDS sidecar's files."""
        from mlarray_nifti.sidecar import sidecars

        return sidecars(target)

    def identifying(self, source: Mapping[str, Any]) -> Sequence[str]:
        """Fields that say who and when, and embedded DICOM."""
        from mlarray_nifti.privacy import identifying

        return identifying(source)

    def deidentify(self, source: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
        """Blank texts and leave extensions out, but for what CIFTI says of its axes.

        Parameters
        ----------
        source
            The header.
        privacy
            Has no options for it.
        """
        from mlarray_nifti.privacy import deidentified

        return deidentified(source)


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the one format of this plugin."""
    return [NiftiFormat()]
