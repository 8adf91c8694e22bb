"""The words for what an axis is and which world the geometry lies in."""

from __future__ import annotations

from enum import StrEnum

from mlarray_core.meta.checks import each, length, text


class AxisLabelEnum(StrEnum):
    """What an axis of the array is. Any other string is a non-spatial axis of the user's own.

    Attributes
    ----------
    spatial
        A spatial axis that no other label fits.
    spatial_x, spatial_y, spatial_z
        The spatial axes, by their place in the array: x is the fastest.
    non_spatial
        A non-spatial axis that no other label fits.
    channel
        Named channels: stains, echoes, contrasts, feature maps.
    temporal
        Time.
    continuous
        An axis of some other continuous quantity.
    components
        Parts of one value: red, green and blue, or those of a vector.
    """

    spatial = "spatial"
    spatial_x = "spatial_x"
    spatial_y = "spatial_y"
    spatial_z = "spatial_z"
    non_spatial = "non_spatial"
    channel = "channel"
    temporal = "temporal"
    continuous = "continuous"
    components = "components"


AxisLabel = AxisLabelEnum


class CoordSystemEnum(StrEnum):
    """Which way world x, y and z point. It never says how voxels are ordered.

    Attributes
    ----------
    RAS, RAS_PLUS
        x to the patient's right, y to the front, z to the head (NIfTI).
    LPS, LPS_PLUS
        x to the patient's left, y to the back, z to the head (DICOM, ITK).
    unknown
        Nobody knows.
    other
        Known, but none of these.
    """

    RAS = "RAS"
    LPS = "LPS"
    RAS_PLUS = "RAS+"
    LPS_PLUS = "LPS+"
    unknown = "unknown"
    other = "other"


CoordSystem = CoordSystemEnum

SPATIAL_LABELS = frozenset({"spatial", "spatial_x", "spatial_y", "spatial_z"})
"""The labels of spatial axes; every other label is non-spatial."""


def is_spatial(label: str) -> bool:
    """Return whether `label` names a spatial axis."""
    return label in SPATIAL_LABELS


def validate_and_cast_axis_labels(
    value: object, label: str, ndims: int | None = None
) -> tuple[list[str] | None, int, int]:
    """Return axis labels as plain strings, and how many of them are spatial and not. For compatibility.

    Parameters
    ----------
    value
        A list, tuple or array of strings or `AxisLabelEnum`, or None.
    label
        What errors call it.
    ndims
        How many there should be; None when unknown.

    Returns
    -------
    tuple
        The labels, or None, and the two counts.

    Raises
    ------
    MetadataTypeError
        It is no list of strings (a TypeError).
    MetadataError
        There are more or fewer than `ndims` (a ValueError).
    """
    if value is None:
        return None, 0, 0
    labels = each(value, label, text)
    length(labels, ndims, label, "axis")
    spatial = sum(map(is_spatial, labels))
    return labels, spatial, len(labels) - spatial
