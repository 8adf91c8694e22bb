"""BioIO: `BioImage("scan.mla")` reads lazily, by the entry point ``bioio.readers``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import xarray
from bioio_base import constants
from bioio_base import reader as base
from bioio_base.reader_metadata import ReaderMetadata as BaseReaderMetadata
from bioio_base.types import DimensionProperties, PhysicalPixelSizes, ureg

from mlarray_core import Additions, geometry, units
from mlarray_core.errors import UnsupportedError
from mlarray_core.exchange.arranged import ordered

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from fsspec.spec import AbstractFileSystem

    from mlarray_core.array.image import MLArray

LETTERS = {"temporal": "T", "channel": "C", "components": "S"}
"""BioIO's names of what isn't spatial (``bioio_base.dimensions.DimensionNames``)."""


class Reader(base.Reader):
    """A `.mla` file as BioIO has images: one scene, its levels, axes named by T, C, Z, Y, X and S.

    BioIO knows voxel sizes and no place in the world: the affine is in the metadata.

    Parameters
    ----------
    image
        Path or URL.
    fs_kwargs
        What BioIO has for other file systems; `MLArray.open` finds the file itself.
    """

    NAME = "mlarray"

    @staticmethod
    def _is_supported_image(fs: AbstractFileSystem, path: str, **_: Any) -> bool:
        return path.lower().endswith(".mla")

    def __init__(self, image: str | os.PathLike[str], fs_kwargs: dict[str, Any] | None = None) -> None:
        from mlarray_core.array.image import MLArray  # BioIO loads every reader, whatever it is to open

        super().__init__(image)
        self._image = MLArray.open(image)
        self._names = _letters(self._image)

    @property
    def scenes(self) -> tuple[str, ...]:
        """One scene: a `.mla` file is one image."""
        return ("Image:0",)

    @property
    def resolution_levels(self) -> tuple[int, ...]:
        """0 for the image, then its coarser versions."""
        return tuple(range(1 + len(self._image.levels)))

    @property
    def _level(self) -> MLArray:
        level = self.current_resolution_level
        return self._image.levels[level - 1] if level else self._image

    def _read_delayed(self) -> xarray.DataArray:
        return self._labelled(self._level.to_dask())

    def _read_immediate(self) -> xarray.DataArray:
        return self._labelled(self._level.to_numpy())

    def _read_indexed(self, given_dims: str, dim_specs: Sequence[Any]) -> Any:
        return self._level.read(tuple(dim_specs))

    def _labelled(self, voxels: Any) -> xarray.DataArray:
        coordinates: dict[str, Any] = {}
        channels = [one.name for one in Additions.of(self._image.meta).channels]
        if "C" in self._names:
            count = voxels.shape[self._names.index("C")]
            named = len(channels) == count and all(channels)
            coordinates["C"] = channels if named else [f"Channel:0:{index}" for index in range(count)]
        plain = self._image.meta.to_plain()
        return xarray.DataArray(
            voxels, dims=self._names, coords=coordinates, attrs={constants.METADATA_UNPROCESSED: plain}
        )

    @property
    def physical_pixel_sizes(self) -> PhysicalPixelSizes:
        """Voxel sizes along Z, Y and X, in the unit of the image; None where there is none."""
        level = self._level
        spacing = level.spacing
        if spacing is None:
            return PhysicalPixelSizes(None, None, None)
        axes = geometry.spatial_axes(level.meta.spatial.axis_labels, len(self._names))
        sizes = {self._names[axis]: float(size) for axis, size in zip(axes, spacing, strict=True)}
        return PhysicalPixelSizes(*(sizes.get(letter) for letter in "ZYX"))

    @property
    def time_interval(self) -> datetime.timedelta | None:
        """Time from one entry along T to the next; None where it isn't known or not always the same."""
        if "T" not in self._names:
            return None
        along = Additions.of(self._image.meta).axes.get(self._names.index("T"))
        line = None if along is None else along.even_step()
        seconds = None if along is None else units.factor(along.unit, "s")
        if line is None or seconds is None or line.step <= 0:
            return None
        return datetime.timedelta(seconds=line.step * seconds)

    @property
    def dimension_properties(self) -> DimensionProperties:
        """What each of T, C, Z, Y and X is, and the unit that `scale` has along it."""
        given = super().dimension_properties._asdict()
        spatial = self._image.meta.spatial.axis_units or [""] * len(self._names)
        found = {letter: unit for letter, unit in zip(self._names, spatial, strict=True) if letter in "XYZ"}
        names = {letter: units.name_of(unit) for letter, unit in found.items()} | {"T": "second"}
        for letter, known in given.items():
            if known.type is not None and names.get(letter) is not None:
                given[letter] = known._replace(unit=ureg.Unit(names[letter]))
        return DimensionProperties(**given)


class ReaderMetadata(BaseReaderMetadata):
    """What BioIO asks of every package with readers."""

    @staticmethod
    def get_supported_extensions() -> list[str]:
        """Return the suffix, without a dot."""
        return ["mla"]

    @staticmethod
    def get_reader() -> type[base.Reader]:
        """Return the reader."""
        return Reader


def _letters(image: MLArray) -> list[str]:
    """Return BioIO's letter for each axis.

    Raises
    ------
    UnsupportedError
        It has none for an axis: `BioImage` would take the first entry of it and drop the others.
    """
    labels = image.meta.spatial.axis_labels
    ndim = len(image.shape or ())
    spatial = dict(zip(ordered(image.meta, ndim).x_first, "XYZ", strict=False))
    letters = [
        spatial.get(axis) or LETTERS.get((labels or ["spatial"] * ndim)[axis], "") for axis in range(ndim)
    ]
    if not all(letters) or len(set(letters)) < ndim:
        raise UnsupportedError(
            f"BioIO has the axes T, C, Z, Y, X and S, the image {', '.join(labels or [])}",
            path=image.filepath,
        )
    return letters
