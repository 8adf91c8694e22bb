"""Opening a file and finding objects in it, without ever leaving it or its folder."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import stat
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from mlarray_core.errors import CorruptError, MLArrayError, NotFoundError, UnsafeError, UnsupportedError
from mlarray_hdf5.matlab import complex_of, is_logical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlarray_io import Context

LONGEST_ATTRIBUTE = 1 << 20
"""Most bytes of an attribute that are read."""
MOST_ATTRIBUTES = 4 << 20
"""Most bytes of all attributes of an object: attributes may share what they hold."""
MOST_VALUES = 250_000
"""Most values of all attributes of an object: a `.mla` file holds a million."""
MOST_TEXTS = 10_000
"""Most values of different length of an attribute: each may name the same long text."""
LARGEST_CHUNK = 2 << 30
MOST_OBJECTS = 20_000

FAILURES = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    SystemError,
)
"""What h5py raises for damaged files."""


def open_file(path: Path) -> h5py.File:
    """Open a file for reading.

    Raises
    ------
    CorruptError
        HDF5's library finds it damaged.
    """
    try:
        return h5py.File(path, "r", locking=False)
    except FAILURES as error:
        raise damaged(error, path) from error


def damaged(error: Exception, path: Path | str) -> CorruptError:
    """Return the error for whatever HDF5's library made of a damaged file."""
    text = " ".join(str(error).split())[:160]
    return CorruptError(f"is damaged, or no HDF5 file ({text})", path=path, hint="Was it copied whole?")


def find(file: h5py.File, key: str) -> Any:
    """Return the object at a path, link by link: only links within the file are followed.

    Raises
    ------
    NotFoundError
        There is no such object.
    UnsafeError
        A link leads into another file.
    """
    at: Any = file
    for name in filter(None, key.split("/")):
        link = at.get(name, getlink=True) if isinstance(at, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise UnsafeError(f"{key} is a link to another file, {link.filename!r}", path=file.filename)
        if not isinstance(link, h5py.HardLink):
            raise NotFoundError(f"holds no dataset {key}", path=file.filename)
        at = at[name]
    return at


def walk(file: h5py.File) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, link and object (None for links that aren't followed), each object once."""
    waiting: list[tuple[str, Any]] = [("", file)]
    seen, count = {_address(file)}, 0
    while waiting:
        folder, group = waiting.pop()
        for name in group:
            count += 1
            if count > MOST_OBJECTS:
                return
            path = f"{folder}/{name}"
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield path, link, None
                continue
            found = group[name]
            if _address(found) in seen:
                continue
            seen.add(_address(found))
            yield path, link, found
            if isinstance(found, h5py.Group) and path.count("/") < 32:
                waiting.append((path, found))


def _address(found: h5py.HLObject) -> object:
    return h5py.h5o.get_info(found.id).addr


def check_storage(dataset: h5py.Dataset, depth: int = 0) -> int:
    """Return the size of a dataset's files, and refuse it when its voxels lie where they aren't read.

    Raises
    ------
    UnsafeError
        Raw files hold the voxels, or a virtual dataset's source isn't a file of the same folder.
    UnsupportedError
        A chunk is over 2 GB.
    """
    path = dataset.file.filename
    if dataset.external:
        raise UnsafeError(f"{dataset.name} keeps its voxels in other files, by name", path=path)
    if (
        dataset.chunks
        and int(np.prod(dataset.chunks, dtype=np.float64)) * dataset.dtype.itemsize > LARGEST_CHUNK
    ):
        raise UnsupportedError(
            f"{dataset.name} has chunks of {dataset.chunks}, which are too large", path=path
        )
    size = os.path.getsize(path)
    if not dataset.is_virtual:
        return size
    if depth > 3:
        raise UnsafeError(f"{dataset.name} is virtual many times over", path=path)
    for source in dataset.virtual_sources():
        size += _check_source(dataset, source.file_name, source.dset_name, depth)
    return size


def _check_source(dataset: h5py.Dataset, file_name: str, name: str, depth: int) -> int:
    """Check one source of a virtual dataset, which HDF5's library will open by itself; return its size."""
    own = dataset.file.filename
    if file_name in (".", own):
        return check_storage(find(dataset.file, name), depth + 1)
    folder = os.path.realpath(os.path.dirname(os.path.abspath(own)))
    path = os.path.realpath(os.path.join(folder, file_name))
    if os.path.isabs(file_name) or "%" in file_name or not path.startswith(folder + os.sep):
        raise UnsafeError(f"{dataset.name} takes voxels from {file_name!r}, outside of its folder", path=own)
    if not os.path.exists(path) or not stat.S_ISREG(os.stat(path).st_mode):
        raise NotFoundError(f"{dataset.name} takes voxels from {file_name!r}, which is missing", path=own)
    with h5py.File(path, "r", locking=False) as other:
        return check_storage(find(other, name), depth + 1)


def check_filters(dataset: h5py.Dataset) -> None:
    """Refuse a dataset whose chunks went through a filter that isn't installed, by its number and name.

    Raises
    ------
    UnsupportedError
        A filter is missing; those of hdf5plugin are used where that is installed.
    """
    created = dataset.id.get_create_plist()
    filters = [created.get_filter(index) for index in range(created.get_nfilters())]
    if all(h5py.h5z.filter_avail(code) for code, *_ in filters):
        return
    with contextlib.suppress(ImportError):
        importlib.import_module("hdf5plugin")
    for code, _, _, name in filters:
        if not h5py.h5z.filter_avail(code):
            known = name.decode("latin-1").strip("\0 ") or "without a name"
            raise UnsupportedError(
                f"{dataset.name} needs the HDF5 filter {code} ({known})",
                path=dataset.file.filename,
                hint="pip install hdf5plugin brings the usual ones",
            )


def attributes_of(found: h5py.HLObject, context: Context | None = None) -> dict[str, object]:
    """Return the attributes of an object as plain values, without those that are too long.

    Parameters
    ----------
    found
        A file, group or dataset.
    context
        Is told of those that are left out; None where they aren't kept anyway.
    """
    values: dict[str, object] = {}
    left, values_left = MOST_ATTRIBUTES, MOST_VALUES
    for name in list(found.attrs)[:1000]:
        try:
            stored = found.attrs.get_id(name)
            size = stored.get_storage_size()
            count = math.prod(stored.shape or ())
            many = count > (MOST_TEXTS if stored.dtype.hasobject else values_left)
            if many or size > min(LONGEST_ATTRIBUTE, left):
                if context is not None:
                    context.loss(
                        f"attribute {name} of {found.name}", "attributes of an image are that long at most"
                    )
                continue
            left, values_left = left - size, values_left - count
            value = found.attrs[name]
        except FAILURES:
            continue
        try:
            values[str(name)] = _plain(value)
        except (TypeError, ValueError, MLArrayError):
            continue
    return values


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "biufSUO" or (value.dtype.hasobject and not _texts(value)):
            raise TypeError(value.dtype)
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    if isinstance(value, str | bool | int | float):
        return value
    raise TypeError(type(value))


def _texts(value: object) -> bool:
    return all(isinstance(item, str | bytes) for item in np.asarray(value).ravel())


def is_image(found: object) -> bool:
    """Whether an object is a dataset of numbers with axes."""
    if not isinstance(found, h5py.Dataset) or not found.shape or 0 in found.shape:
        return False
    kind = complex_of(found.dtype) or found.dtype
    sizes = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
    return kind.itemsize in sizes.get(kind.kind, ()) and h5py.check_ref_dtype(kind) is None


def voxel_type(dataset: h5py.Dataset, attributes: Mapping[str, object]) -> np.dtype[Any]:
    """Return the type of the voxels, native: MATLAB's truth values and complex numbers for what they are."""
    if is_logical(attributes):
        return np.dtype(bool)
    dtype: np.dtype[Any] = complex_of(dataset.dtype) or dataset.dtype.newbyteorder("=")
    return dtype
