"""An image's metadata as a JSON object, for formats that have room for one beside their own metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_core.meta import Meta

_SECTIONS = ("source", "extra", "spatial", "stats", "bbox", "is_seg")


def keep_meta(meta: Meta, ndim: int) -> dict[str, Any]:
    """Return what `kept_meta` reads: strict JSON, without what only `.mla` needs."""
    from mlarray_core.headers import plain
    from mlarray_io.sdk.headerless import default_labels

    mapping = meta.to_mapping(include_none=False)
    sections = {name: mapping[name] for name in _SECTIONS if mapping.get(name)}
    spatial = sections.setdefault("spatial", {})
    spatial.pop("shape", None)
    spatial.setdefault("axis_labels", default_labels(ndim))
    content = {"meta": plain(sections)}
    if meta._image_meta_format.value is not None:
        content["format"] = meta._image_meta_format.value
    return content


def kept_meta(content: Mapping[str, Any], ndim: int) -> Meta | None:
    """Return the metadata that was kept; None where there is none, or none that fits `ndim` axes."""
    from mlarray_core.errors import MLArrayError
    from mlarray_core.headers import restore
    from mlarray_core.meta import Meta

    stored = content.get("meta")
    if not isinstance(stored, dict):
        return None
    try:
        meta = Meta.from_mapping({k: v for k, v in restore(stored).items() if k in _SECTIONS})
        if meta.spatial.axis_labels is None or len(meta.spatial.axis_labels) != ndim:
            return None
        if isinstance(content.get("format"), str):
            meta._set_by_library(image_meta_format=content["format"])
    except (MLArrayError, TypeError, ValueError, RecursionError):
        return None
    return meta
