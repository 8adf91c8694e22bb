"""All of nibabel's MINC that isn't public: one module, so that one test can name it.

nibabel refuses a MINC file whose time is irregular, as that of dynamic PET is; here it is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlarray_nibabel.description import Foreign, attributes

if TYPE_CHECKING:
    from mlarray_nibabel.description import Described

PRIVATE = (
    "_dim_names", "_dims", "_spatial_dims", "_get_valid_range", "_get_array", "_get_scalar",
    "_get_dimensions", "_image_min", "_image_max", "_mincfile",
)  # fmt: skip
"""What a `Minc1File` or `Minc2File` must have."""


class MincFile:
    """An open MINC file, 1 (NetCDF) or 2 (HDF5).

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: str) -> None:
        from nibabel.minc1 import MincImageArrayProxy

        with Path(path).open("rb") as file:
            hdf5 = file.read(4) == b"\x89HDF"
        self._file: Foreign = _hdf5(path) if hdf5 else _netcdf(path)
        self.names: list[str] = list(self._file._dim_names)
        self.spatial: list[str] = list(self._file._spatial_dims)
        self.voxels: Foreign = MincImageArrayProxy(self._file)
        self.shape: tuple[int, ...] = tuple(self.voxels.shape)
        self.affine: Foreign = self._file.get_affine()
        self.dtype: np.dtype[np.generic] = np.dtype(self._file.get_data_dtype())

    def line(self, name: str) -> tuple[float, float]:
        """Return start and step of a dimension, 0 where it has none."""
        dimension = self._file._dims[self.names.index(name)]
        return float(getattr(dimension, "start", 0.0)), float(getattr(dimension, "step", 0.0))

    def positions(self, name: str) -> list[float] | None:
        """Return the positions along an irregular dimension, None where it is regular or has none."""
        dimension = self._file._dims[self.names.index(name)]
        if getattr(dimension, "irregular", None) is None:
            return None
        values = np.asarray(dimension.irregular, np.float64).ravel()
        whole = len(values) == self.shape[self.names.index(name)] and np.isfinite(values).all()
        return values.tolist() if whole else []

    def valid_range(self) -> tuple[float, float]:
        """Return the least and the greatest value that is stored."""
        low, high = self._file._get_valid_range()
        return low, high

    def ranges(self) -> tuple[np.ndarray[Foreign, np.dtype[np.float64]], ...]:
        """Return the least and the greatest value of each slice, or of all."""
        return self._range(self._file._image_min), self._range(self._file._image_max)

    def _range(self, variable: Foreign) -> np.ndarray[Foreign, np.dtype[np.float64]]:
        file = self._file
        get = file._get_array if file._get_dimensions(variable) else file._get_scalar
        return np.asarray(get(variable), dtype=np.float64)

    def source(self) -> Described:
        """Return the attributes of dimensions, image and whole file."""
        whole = self._file._mincfile
        if hasattr(whole, "variables"):
            found = {name: attributes(variable._attributes) for name, variable in whole.variables.items()}
            return {"dimensions": self.names, "attributes": attributes(whole._attributes), "variables": found}
        found = {}
        whole["minc-2.0"].visititems(lambda name, item: found.__setitem__(name, attributes(item.attrs)))
        return {
            "dimensions": self.names, "attributes": attributes(whole["minc-2.0"].attrs), "variables": found
        }  # fmt: skip


def _netcdf(path: str) -> Foreign:
    from nibabel.externals.netcdf import netcdf_file
    from nibabel.minc1 import Minc1File

    file = netcdf_file(path, "r", mmap=False)
    time = file.variables.get("time")
    if getattr(time, "spacing", b"") == b"irregular":
        values = np.array(time.data) if time.shape else np.array([])
        time.spacing, time.irregular = b"regular__", values
    return Minc1File(file)


def _hdf5(path: str) -> Foreign:
    import h5py
    from nibabel import minc2

    class Dimension(minc2.Hdf5Bunch):  # type: ignore[misc]
        """A dimension whose time may be irregular: this process reads no other file."""

        def __init__(self, variable: Foreign) -> None:
            super().__init__(variable)
            irregular = getattr(self, "spacing", b"") in (b"irregular", "irregular")
            if irregular and variable.name.endswith("/time"):
                self.spacing = b"regular__"
                self.irregular = np.array(variable[...]) if variable.shape else np.array([])

    minc2.Hdf5Bunch = Dimension
    return minc2.Minc2File(h5py.File(path, "r"))
