"""The metadata that somebody gives an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, TypeAlias

from mlarray_core.errors import MetadataError
from mlarray_core.meta import Meta

if TYPE_CHECKING:
    import numpy.typing as npt

GivenMeta: TypeAlias = "Mapping[str, object] | Meta | None"
"""All metadata, or a dict that becomes those of the source."""
_PARTS = ("spacing", "origin", "direction")


def as_meta(meta: GivenMeta) -> Meta:
    """Return a copy of metadata, a dict of them being the source's.

    Raises
    ------
    MetadataError
        It is neither (a ValueError).
    """
    if meta is None:
        return Meta()
    if isinstance(meta, Meta):
        return deepcopy(meta)
    if isinstance(meta, Mapping):
        return Meta(source=meta)
    raise MetadataError(f"meta must be None, a dict or a Meta, not {type(meta).__name__}")


def put_explicit(
    meta: Meta, geometry: Mapping[str, npt.ArrayLike | None], axis_labels: Sequence[str] | None
) -> None:
    """Put a constructor's arguments into the metadata.

    Parameters
    ----------
    meta
        Of the image.
    geometry
        ``spacing``, ``origin``, ``direction`` and ``affine``, each as given or None.
    axis_labels
        One for each axis.

    Raises
    ------
    MetadataError
        An affine and its parts are given, or the schema refuses something (a ValueError).
    """
    if geometry["affine"] is not None and any(geometry[name] is not None for name in _PARTS):
        raise MetadataError(
            "give either affine or spacing, origin and direction, not both", field="spatial.affine"
        )
    for name, value in geometry.items():
        if value is not None:
            setattr(meta.spatial, name, value)
    if axis_labels is not None:
        meta.spatial.axis_labels = axis_labels  # type: ignore[assignment]


def fill(meta: Meta, other: Meta, *, replaced: bool) -> None:
    """Fill what isn't set from the metadata of another image.

    Parameters
    ----------
    meta
        Filled.
    other
        Changed on the way: give a copy.
    replaced
        Whether a geometry was given that takes the place of the other's: an affine that of its parts, parts
        that of its affine.
    """
    other._set_by_library(has_array=meta._has_array.has_array, shape=None)
    if replaced and meta.spatial.affine is not None:
        for name in _PARTS:
            setattr(other.spatial, name, None)
    elif replaced and other.spatial.affine is not None:
        other.spatial.affine = None
    meta._fill_by_library(other)
