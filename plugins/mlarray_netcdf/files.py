"""Opening a file, after a look at all that could lead the library out of it. Runs in the other process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import h5py
import netCDF4
import numpy as np

from mlarray_core.errors import LimitError, NotFoundError, UnsafeError
from mlarray_io.sdk import damage_named
from mlarray_netcdf import CLASSIC
from mlarray_netcdf.classic import check_classic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

Library = Any
"""An object of netCDF4 or h5py, which have no types: a file, group, variable, dimension, attribute."""

MOST_OBJECTS = 20_000
LARGEST_CHUNK = 2 << 30
LONGEST_ATTRIBUTE = 1 << 16
"""Most values, or characters, of an attribute that is kept."""

_FAILURES = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    SystemError,
    NotImplementedError,
)
"""What netCDF4 and h5py raise for damaged files."""


def explained(path: Path | str) -> AbstractContextManager[None]:
    """Say which file is damaged when netCDF4 or h5py raises within."""
    quiet = "netCDF4", "mlarray_netcdf", "numpy"
    return damage_named(path, "is damaged, or no NetCDF file", *quiet, kinds=_FAILURES)


def open_file(path: Path) -> Library:
    """Open a file whose values come as they are stored.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    CorruptError
        It is damaged, or cut short.
    UnsafeError
        It leads to other files.
    """
    with path.open("rb") as start:
        head = start.read(4)
    if head in CLASSIC:
        check_classic(path)
    else:
        _check_hdf5(path)
    found = netCDF4.Dataset(os.path.abspath(path), "r")
    found.set_auto_maskandscale(False)
    found.set_auto_chartostring(False)
    return found


def _check_hdf5(path: Path) -> None:
    """Refuse links and voxels outside of the file: NetCDF's library would follow them by itself.

    NetCDF-4 files have neither (NetCDF Users Guide, "NetCDF-4/HDF5 File Format").

    Raises
    ------
    UnsafeError
        There is such a thing.
    LimitError
        There are more objects, or larger chunks, than a file should have.
    """
    with h5py.File(path, "r", locking=False) as file:
        waiting, seen, count = [file], set(), 0
        while waiting:
            group = waiting.pop()
            for name in group:
                count += 1
                if count > MOST_OBJECTS:
                    raise LimitError(f"holds more than {MOST_OBJECTS:,} groups and variables")
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise UnsafeError(
                        f"{group.name}/{name} is a link, which NetCDF-4 doesn't have",
                        hint="--from hdf5 reads what is in the file itself",
                    )
                found = group[name]
                address = h5py.h5o.get_info(found.id).addr
                if isinstance(found, h5py.Dataset):
                    _check_storage(found)
                elif isinstance(found, h5py.Group) and address not in seen:
                    seen.add(address)
                    waiting.append(found)


def _check_storage(dataset: Library) -> None:
    if dataset.external or dataset.is_virtual:
        raise UnsafeError(
            f"{dataset.name} keeps its values in other files, which NetCDF-4 doesn't",
            hint="--from hdf5 reads virtual datasets whose files lie in the same folder",
        )
    if dataset.chunks:
        size = float(np.prod(dataset.chunks, dtype=np.float64)) * dataset.dtype.itemsize
        if size > LARGEST_CHUNK:
            raise LimitError(f"{dataset.name} has chunks of {dataset.chunks}, which are too large")


def variables_of(file: Library) -> Iterator[tuple[str, Library]]:
    """Yield every variable of a file with its path, groups below groups."""
    waiting = [("", file)]
    while waiting:
        folder, group = waiting.pop(0)
        for name, variable in group.variables.items():
            yield f"{folder}/{name}" if folder else name, variable
        waiting += [(f"{folder}/{name}".lstrip("/"), below) for name, below in group.groups.items()]


def find(file: Library, key: str) -> Library:
    """Return the variable at a path.

    Raises
    ------
    NotFoundError
        There is none.
    """
    for path, variable in variables_of(file):
        if path == key:
            return variable
    raise NotFoundError(f"holds no variable {key}")


def visible(variable: Library, name: str) -> Library | None:
    """Return the variable called `name` that a variable can mean: of its group or of one above (CF 2.7)."""
    if "/" in name:
        return None
    group = variable.group()
    while group is not None:
        if name in group.variables:
            return group.variables[name]
        group = group.parent
    return None


def attributes_of(found: Library) -> dict[str, object]:
    """Return the attributes of a file, group or variable as plain values, without those that are too long."""
    values: dict[str, object] = {}
    for name in found.ncattrs():
        try:
            value = found.getncattr(name)
        except _FAILURES:
            continue
        if isinstance(value, np.ndarray | np.generic):
            if value.size > LONGEST_ATTRIBUTE or value.dtype.kind not in "biufSU":
                continue
            value = value.tolist()
        if isinstance(value, str | int | float | list) and (
            not isinstance(value, str | list) or len(value) <= LONGEST_ATTRIBUTE
        ):
            values[str(name)] = value
    return values
