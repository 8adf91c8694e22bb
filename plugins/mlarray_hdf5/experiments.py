"""Files of beamlines: which dataset one is about, and its axes, by NeXus and by Data Exchange.

NeXus, "Associating plottable data using attributes applied to the NXdata group"; Data Exchange (De Carlo et
al., J. Synchrotron Rad. 21, 2014), "/exchange".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py

from mlarray_core.errors import MLArrayError, UnsupportedError
from mlarray_hdf5.files import FAILURES, find

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 8
"""Most steps from the root to the data that are shown by default."""
_NAMES = 1000
"""Most members of a group that are looked through for data."""


def refuse_events(file: h5py.File) -> None:
    """Refuse what a PET scanner of GE records (RDF 9): lists of events, sinograms, normalisation.

    All have a description of the examination, by which STIR knows them too (`GEHDF5Wrapper`).

    Raises
    ------
    UnsupportedError
        It is one of them.
    """
    try:
        told = find(file, "/HeaderData/ExamData")
        names = set(told) if isinstance(told, h5py.Group) else set[str]()
    except (*FAILURES, MLArrayError):
        return
    if {"manufacturer", "scannerDesc"} <= names:
        raise UnsupportedError(
            "is PET data of a GE scanner before reconstruction (RDF), which holds no image",
            path=file.filename,
            hint="Reconstruct it first, with STIR or the scanner's programs",
        )


def main_dataset(file: h5py.File) -> object | None:
    """Return the dataset that a file is about, None where neither convention names one."""
    try:
        if isinstance(file.get("/exchange", getlink=True), h5py.HardLink) and "implements" in file:
            return _member(file, "/exchange", "data")
        for group in _shown(file):
            name = _text(group.attrs.get("signal"))
            if name and "/" not in name:
                return _member(file, str(group.name), name)
    except (*FAILURES, MLArrayError):
        return None
    return None


def _shown(file: h5py.File) -> Iterator[h5py.Group]:
    """Yield the group that the attributes ``default`` lead to, or that of the first entry which has one."""
    at: object = file
    for _ in range(_DEPTH):
        if not isinstance(at, h5py.Group):
            return
        if _text(at.attrs.get("NX_class")) == "NXdata":
            yield at
            return
        name = _text(at.attrs.get("default"))
        at = _member(file, str(at.name), name) if name else _only(at)


def _only(group: h5py.Group) -> object | None:
    """Return the one entry, or group of data, in a group that names none; None where there are several."""
    found = []
    for number, name in enumerate(group):
        if number == _NAMES:
            return None
        if isinstance(group.get(name, getlink=True), h5py.HardLink):
            member = group[name]
            kind = _text(member.attrs.get("NX_class")) if isinstance(member, h5py.Group) else ""
            found += [member] if kind in ("NXentry", "NXdata") else []
    return found[0] if len(found) == 1 else None


def _member(file: h5py.File, folder: str, name: str) -> object | None:
    """Return a member of a group; a link of this file is followed once, as NeXus names data elsewhere."""
    group: h5py.Group = find(file, folder)
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.HardLink):
        found: object = group[name]
        return found
    if not isinstance(link, h5py.SoftLink):
        return None
    linked: object = find(file, link.path if link.path.startswith("/") else f"{folder}/{link.path}")
    return linked


def axes_of(dataset: h5py.Dataset) -> list[str | None] | None:
    """Return the name of each axis as either convention has it, None where it tells none.

    Parameters
    ----------
    dataset
        The dataset; its group names its axes in NeXus, itself in Data Exchange.
    """
    try:
        told = dataset.attrs.get("axes")
        names = _text(told).split(":") if told is not None else []
        parent = dataset.parent
        own = str(dataset.name).rpartition("/")[2]
        if not names and parent is not None and _text(parent.attrs.get("signal")) == own:
            given = parent.attrs.get("axes", ())
            names = [_text(given)] if isinstance(given, (str, bytes)) else [_text(one) for one in given]
    except FAILURES:
        return None
    if len(names) != len(dataset.shape) or not any(names):
        return None
    return [None if name in ("", ".") else name for name in names]


def scale_named(dataset: h5py.Dataset, axis: int) -> h5py.Dataset | None:
    """Return the dataset beside one that holds the positions along an axis, by its name.

    Parameters
    ----------
    dataset
        The dataset.
    axis
        One of its axes.
    """
    name = (axes_of(dataset) or [None] * len(dataset.shape))[axis]
    if not name or "/" in name:
        return None
    try:
        if not isinstance(dataset.parent.get(name, getlink=True), h5py.HardLink):
            return None
        found = dataset.parent[name]
    except FAILURES:
        return None
    fits = isinstance(found, h5py.Dataset) and found.shape == (dataset.shape[axis],) and found != dataset
    return found if fits else None


def _text(value: object) -> str:
    """Return a text that an attribute holds, also as one of bytes or as a list of one."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    return _text(value[0]) if hasattr(value, "__len__") and len(value) == 1 else ""  # type: ignore[index]
