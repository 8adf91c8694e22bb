"""Rows of the table: one for each image, and one for each file that is none or can't be read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io.search.criteria import LeftOut

STATISTICS = ("min", "max", "mean", "std", "median", "percentile_min", "percentile_max")


@dataclass
class Row:
    """What the table says of one image or file; None where it says nothing.

    Attributes
    ----------
    source, image, format
        Where the image lies, its key in a source of several, and the name of the source's format.
    shape, dtype, spacing, orientation, coord_system
        Of its voxels: sizes and spacings slowest axis first, the latter in the units of the world.
    modality, series, description, files
        Of its series: DICOM's modality (0008,0060) or a BIDS suffix, number, description, number of files.
    labels, label_names
        Whether the voxels are labels, as far as one can see, and what they are called, by their values.
    source_bytes, voxel_bytes
        Sizes of the source and of the voxels.
    min, max, mean, std, median, percentile_min, percentile_max
        Statistics of the voxels.
    outlier
        What is odd about it.
    error
        Why it can't be read.
    left_out
        Why a file is none of the images.
    thumbnail
        A picture of it, a PNG in base64.
    """

    source: str
    image: str | None = None
    format: str | None = None
    shape: list[int] | None = None
    dtype: str | None = None
    spacing: list[float] | None = None
    orientation: str | None = None
    coord_system: str | None = None
    modality: str | None = None
    series: str | None = None
    description: str | None = None
    files: int | None = None
    labels: bool | None = None
    label_names: dict[str, str] | None = None
    source_bytes: int | None = None
    voxel_bytes: int | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    median: float | None = None
    percentile_min: float | None = None
    percentile_max: float | None = None
    outlier: str | None = None
    error: str | None = None
    left_out: str | None = None
    thumbnail: str | None = None

    @classmethod
    def of(cls, one: LeftOut) -> Row:
        """Return the row of a file that is left out; one that may be an image can't be read."""
        return cls(one.name, error=one.reason) if one.lost else cls(one.name, left_out=one.reason)

    @property
    def is_image(self) -> bool:
        """Whether the row is of an image that can be read."""
        return self.error is None and self.left_out is None

    @property
    def classes(self) -> str:
        """The names of its labels but of the background, with commas."""
        names = self.label_names or {}
        return ", ".join(name for value, name in names.items() if name and value != "0")

    @property
    def numbers(self) -> dict[str, float]:
        """The statistics that there are, by name."""
        found = {name: getattr(self, name) for name in STATISTICS}
        return {name: value for name, value in found.items() if value is not None}

    def to_json(self) -> dict[str, object]:
        """Return all columns, as JSON can hold them."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = tuple(field.name for field in fields(Row) if field.name != "thumbnail")


def images(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of images that can be read."""
    return [row for row in rows if row.is_image]
