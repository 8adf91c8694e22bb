"""What a target can't hold: one loss, and the losses that most formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.meta import Label, Meta
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Reader

NO_SOURCE, NO_METADATA = "the header of the source", "the source's metadata"
NO_HEADER = (NO_SOURCE, NO_METADATA)
"""Losses that say that nothing of the source's header went into the target."""


@dataclass(frozen=True)
class Loss:
    """Something that the target can't hold, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


@dataclass(frozen=True)
class Skipped(Loss):
    """A file of the source that was left out, why, and whether an image is lost by that."""

    lost: bool = False


def tell_losses(reader: Reader, context: Context, title: str) -> None:
    """Report what a file of voxels alone can't hold of an image.

    Parameters
    ----------
    reader
        The image that is written.
    context
        Gets the losses.
    title
        What the format is called.
    """
    from mlarray_core.meta import Additions
    from mlarray_io.sdk.headerless import default_labels

    meta, spatial = reader.meta, reader.meta.spatial
    why = f"{title} holds voxels only"
    if any(part is not None for part in (spatial.affine, spatial.spacing, spatial.origin, spatial.direction)):
        context.loss("spacing, origin and direction", why)
    if spatial.coord_system:
        context.loss(f"the world {spatial.coord_system}", why)
    if any(spatial.axis_units or ()):
        context.loss("units of the axes", why)
    if spatial.axis_labels is not None and list(spatial.axis_labels) != default_labels(len(reader.shape)):
        context.loss("labels of the axes", why)
    if len(meta.source) or len(meta.extra):
        context.loss(NO_METADATA, why)
    if not meta.bbox.is_default():
        context.loss("bounding boxes", why)
    if not meta.stats.is_default():
        context.loss("statistics", why)
    if meta.is_seg.value:
        context.loss("that voxels are labels", why)
    tell_labels(Additions.of(meta).labels, context, title)


def tell_unheld(
    meta: Meta,
    context: Context,
    title: str,
    *,
    own_source: bool,
    scales: bool = False,
    labelled: bool = False,
    sidecar: bool = False,
) -> None:
    """Report what a format has no place for: another format's header, boxes, statistics, extras.

    Positions along axes and the labels of axes are left to the format, which knows what it can say of them.

    Parameters
    ----------
    meta
        Of the image that is written.
    context
        Where losses are reported.
    title
        What the format is called.
    own_source
        Whether `meta.source` is a header of this format, and was kept.
    scales
        Whether the format holds slope and intercept of stored values.
    labelled
        Whether the label table is written.
    sidecar
        Whether a BIDS sidecar is written.
    """
    from mlarray_core.meta import KEY, Additions

    why = f"{title} has no place for it"
    additions = Additions.of(meta)
    if len(meta.source) and not own_source:
        context.loss(NO_SOURCE, f"{title} has no place for that of another format")
    if not meta.bbox.is_default():
        context.loss("bounding boxes", why)
    if not meta.stats.is_default():
        context.loss("statistics", why)
    rescale = additions.rescale
    if rescale is not None and not rescale.applied and not scales:
        context.loss(f"slope {rescale.slope:g} and intercept {rescale.intercept:g} of the stored values", why)
    for what in ("channels", "bids", "lossy"):
        if getattr(additions, what) and not (sidecar and what == "bids"):
            context.loss(f"extra[{KEY!r}].{what}", why)
    if not own_source and not labelled:  # a header that was kept holds its own table
        tell_labels(additions.labels, context, title)
    others = sorted(name for name in meta.extra if name != KEY)
    if others:
        context.loss(f"extra: {', '.join(others)}", why)


def tell_labels(labels: Sequence[Label], context: Context, title: str) -> None:
    """Report that a format has no place for a label table, unless that is written beside the target.

    Parameters
    ----------
    labels
        The table.
    context
        Where the loss is reported.
    title
        What the format is called.
    """
    if labels and not context.table_beside:
        why = (
            f"{title} has no place for it; --write-label-table freesurfer, or itksnap, puts a table beside it"
        )
        context.loss(
            f"the names, colours and codes of {len(labels)} {'label' if len(labels) == 1 else 'labels'}", why
        )
