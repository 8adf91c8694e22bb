"""The metadata schema: `Meta` and its sections."""

from __future__ import annotations

from mlarray_core.meta.axis_values import AxisValues, Channel, Line
from mlarray_core.meta.base import BaseMeta
from mlarray_core.meta.bbox import MetaBbox
from mlarray_core.meta.extension import KEY, Additions, Rescale
from mlarray_core.meta.frozen import FrozenDict, FrozenList
from mlarray_core.meta.json_sections import MetaExtra, MetaSource
from mlarray_core.meta.labels import (
    AxisLabel,
    AxisLabelEnum,
    CoordSystem,
    CoordSystemEnum,
    is_spatial,
    validate_and_cast_axis_labels,
)
from mlarray_core.meta.record import MetaHasArray, MetaImageFormat, MetaVersion
from mlarray_core.meta.schema import Meta
from mlarray_core.meta.segmentation import Code, Label, MetaIsSeg, color_of
from mlarray_core.meta.single import SingleKeyBaseMeta
from mlarray_core.meta.spatial import MetaSpatial
from mlarray_core.meta.statistics import MetaStatistics
from mlarray_core.meta.storage import MetaBlosc2

__all__ = [
    "KEY",
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
    "FrozenDict",
    "FrozenList",
    "Additions",
    "AxisValues",
    "Channel",
    "Code",
    "Label",
    "Line",
    "Rescale",
    "color_of",
    "is_spatial",
    "validate_and_cast_axis_labels",
]
