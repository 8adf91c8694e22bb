"""Numbers that sum up the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlarray_core.meta.base import BaseMeta
from mlarray_core.meta.checks import number


@dataclass(eq=False, repr=False)
class MetaStatistics(BaseMeta):
    """Summary statistics of the voxels. Each may be NaN or infinite, as the voxels may.

    Attributes
    ----------
    min, max, mean, median, std
        Of all voxels.
    percentile_min, percentile_max
        The values at the two percentiles.
    percentile_mean, percentile_median, percentile_std
        Of the voxels between the two percentiles.
    percentile_min_key, percentile_max_key
        Which percentiles they are, such as 0.05 and 0.95.
    """

    _PATH: ClassVar[str] = "stats"

    min: float | None = None
    max: float | None = None
    mean: float | None = None
    median: float | None = None
    std: float | None = None
    percentile_min: float | None = None
    percentile_max: float | None = None
    percentile_mean: float | None = None
    percentile_median: float | None = None
    percentile_std: float | None = None
    percentile_min_key: float | None = None
    percentile_max_key: float | None = None

    def _validate_and_cast(self) -> None:
        for name in self._names():
            value = getattr(self, name)
            if value is not None:
                self._put(name, number(value, self._path(name)))
