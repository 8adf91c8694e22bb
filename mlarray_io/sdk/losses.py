"""Losses that most formats share: parts of the metadata that only `.mla` has a place for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_core.additions import KEY, Additions

if TYPE_CHECKING:
    from mlarray_core.meta import Meta
    from mlarray_io.sdk.format import Context


def tell_unheld(meta: Meta, context: Context, title: str, *, own_source: bool) -> None:
    """Report what a format has no place for: another format's header, boxes, statistics, extras.

    Positions along axes and the labels of axes are left to the format, which knows what it can say of them.

    Parameters
    ----------
    meta
        Of the image that is written.
    context
        Is told.
    title
        What the format is called.
    own_source
        Whether `meta.source` is a header of this format, and was kept.
    """
    why = f"{title} has no place for it"
    additions = Additions.of(meta)
    if len(meta.source) and not own_source:
        context.loss("the header of the source", f"{title} has no place for that of another format")
    if not meta.bbox.is_default():
        context.loss("bounding boxes", why)
    if not meta.stats.is_default():
        context.loss("statistics", why)
    rescale = additions.rescale
    if rescale is not None and not rescale.applied:
        context.loss(f"slope {rescale.slope:g} and intercept {rescale.intercept:g} of the stored values", why)
    for what in ("channels", "bids", "lossy"):
        if getattr(additions, what):
            context.loss(f"extra[{KEY!r}].{what}", why)
    others = sorted(name for name in meta.extra if name != KEY)
    if others:
        context.loss(f"extra: {', '.join(others)}", why)
