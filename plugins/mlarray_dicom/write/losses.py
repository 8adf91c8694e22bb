"""What DICOM objects can't hold of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core import Additions
from mlarray_io.sdk import tell_unheld

if TYPE_CHECKING:
    from mlarray_io import Context, Reader


def tell_losses(reader: Reader, context: Context, *, kind: str, from_dicom: bool) -> None:
    """Report what isn't written of an image.

    Parameters
    ----------
    reader
        The image.
    context
        Gets the losses.
    kind
        Of the object: segmentations and structure sets have the label table, reports have boxes.
    from_dicom
        Whether patient and study came from a DICOM header.
    """
    meta, labelled = reader.meta, kind in ("seg", "contours")
    own = meta._image_meta_format.value == "dicom" and from_dicom
    if labelled:
        meta = meta.copy()
        additions = Additions.of(meta)
        additions.channels, additions.rescale = [], None
        additions.store(meta)
    if kind == "boxes":
        meta = meta.copy()
        meta.bbox.reset()
    tell_unheld(meta, context, "DICOM", own_source=own, labelled=labelled)
    if Additions.of(meta).labels and own and not labelled:
        context.loss("the label table", "DICOM has it in segmentations and structure sets only")
    if own:
        context.loss(
            "how the source was acquired", "a derived object keeps patient, study and frame of reference"
        )
