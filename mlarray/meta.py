"""The metadata schema under the name that users import it by."""

from __future__ import annotations

from mlarray_core.headers import is_serializable
from mlarray_core.meta import (
    AxisLabel,
    AxisLabelEnum,
    BaseMeta,
    CoordSystem,
    CoordSystemEnum,
    Meta,
    MetaBbox,
    MetaBlosc2,
    MetaExtra,
    MetaHasArray,
    MetaImageFormat,
    MetaIsSeg,
    MetaSource,
    MetaSpatial,
    MetaStatistics,
    MetaVersion,
    SingleKeyBaseMeta,
    validate_and_cast_axis_labels,
)

__all__ = [
    "Meta",
    "MetaSource",
    "MetaExtra",
    "MetaSpatial",
    "MetaStatistics",
    "MetaBbox",
    "MetaIsSeg",
    "MetaBlosc2",
    "MetaHasArray",
    "MetaImageFormat",
    "MetaVersion",
    "BaseMeta",
    "SingleKeyBaseMeta",
    "AxisLabel",
    "AxisLabelEnum",
    "CoordSystem",
    "CoordSystemEnum",
    "is_serializable",
    "validate_and_cast_axis_labels",
]
