"""OME-Zarr's metadata of multiscale images, versions 0.1 to 0.5 (ngff.openmicroscopy.org)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_zarr.nodes import Node

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

UNITS = {
    "angstrom": "Å", "nanometer": "nm", "micrometer": "um", "millimeter": "mm", "centimeter": "cm",
    "meter": "m", "kilometer": "km", "picometer": "pm", "inch": "in", "second": "s", "millisecond": "ms",
    "microsecond": "us", "nanosecond": "ns", "minute": "min", "hour": "h", "day": "d",
}  # fmt: skip
"""Symbols of the units that OME-Zarr spells out (0.4, "axes" metadata)."""
NAMES = {symbol: name for name, symbol in UNITS.items()} | {"µm": "micrometer", "micron": "micrometer"}

_KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


@dataclass(frozen=True)
class Axis:
    """One axis: its name, its type (space, time, channel or any other) and its unit, empty for none."""

    name: str
    kind: str
    unit: str = ""

    @property
    def label(self) -> str:
        """The axis as the schema calls it."""
        if self.kind == "space":
            return f"spatial_{self.name}" if self.name in ("x", "y", "z") else "spatial"
        known = {"time": "temporal", "channel": "channel"}
        return known.get(self.kind) or (self.name if not self.name.startswith("spatial") else "non_spatial")


@dataclass(frozen=True)
class Level:
    """One resolution: where its array is, and scale and translation for each axis."""

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class Multiscale:
    """One image in several resolutions, the finest first."""

    axes: tuple[Axis, ...]
    levels: tuple[Level, ...]
    name: str = ""


def ome_of(node: Node) -> Mapping[str, Any]:
    """Return the part of a group's attributes that is OME-Zarr's: a key of its own since 0.5."""
    ome = node.attributes.get("ome")
    return ome if isinstance(ome, dict) and node.version == 3 else node.attributes


def multiscales_of(node: Node) -> list[Multiscale]:
    """Return the multiscale images of a group.

    Raises
    ------
    CorruptError
        What describes them makes no sense.
    UnsupportedError
        It uses what only later versions know.
    """
    listed = ome_of(node).get("multiscales")
    if listed is None:
        return []
    try:
        if not isinstance(listed, list):
            raise TypeError("multiscales is no list")
        return [_multiscale(one) for one in listed]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        text = f"{type(error).__name__}: {error}"[:120]
        raise CorruptError(f"the multiscales of {node.path or 'the root'} make no sense ({text})") from error


def _multiscale(content: Mapping[str, Any]) -> Multiscale:
    if "coordinateSystems" in content:
        raise UnsupportedError("uses coordinate systems of an OME-Zarr later than 0.5")
    axes = _axes(content.get("axes"))
    shared = content.get("coordinateTransformations")
    levels = [_level(entry, shared, len(axes)) for entry in content["datasets"]]
    if not levels:
        raise ValueError("no datasets")
    name = content.get("name")
    return Multiscale(axes, tuple(levels), name if isinstance(name, str) else "")


def _axes(listed: Any) -> tuple[Axis, ...]:
    """Read the axes: absent in 0.1 and 0.2, names in 0.3, names with types and units since 0.4."""
    axes = []
    for entry in "tczyx" if listed is None else listed:
        content = {"name": entry} if isinstance(entry, str) else entry
        name, unit = str(content["name"]), content.get("unit")
        kind = content.get("type") or _KINDS.get(name.lower(), "")
        symbol = UNITS.get(unit, unit) if isinstance(unit, str) else ""
        axes.append(Axis(name, str(kind), symbol))
    return tuple(axes)


def _level(entry: Mapping[str, Any], shared: Any, ndim: int) -> Level:
    scale, translation = np.ones(ndim), np.zeros(ndim)
    for steps in (entry.get("coordinateTransformations"), shared):
        for step in steps or ():
            kind = step["type"]
            if kind not in ("identity", "scale", "translation") or "path" in step:
                raise UnsupportedError(f"has a coordinate transformation of type {kind!r}")
            if kind == "scale":
                values = _numbers(step["scale"], ndim)
                scale, translation = scale * values, translation * values
            elif kind == "translation":
                translation = translation + _numbers(step["translation"], ndim)
    return Level(str(entry["path"]), tuple(scale.tolist()), tuple(translation.tolist()))


def _numbers(values: Any, ndim: int) -> Matrix:
    if len(values) != ndim or not all(type(v) in (int, float) and math.isfinite(v) for v in values):
        raise ValueError(f"{str(values)[:60]} is not one number for each axis")
    return np.asarray(values, np.float64)


def world_rows(names: Sequence[str]) -> list[int]:
    """Return for each spatial axis, in array order, the world coordinate that it leads along."""
    order = sorted(names) if set(names) <= {"x", "y", "z"} else list(reversed(names))
    return [order.index(name) for name in names]


def affine_of(axes: Sequence[Axis], level: Level) -> Matrix | None:
    """Return the affine of a level's spatial axes, None when there are none."""
    at = [index for index, axis in enumerate(axes) if axis.kind == "space"]
    if not at:
        return None
    affine = np.eye(len(at) + 1)
    affine[:-1, :-1] = 0
    for column, (index, row) in enumerate(zip(at, world_rows([axes[i].name for i in at]), strict=True)):
        affine[row, column] = level.scale[index]
        affine[row, -1] = level.translation[index]
    return affine


def step_between(axes: Sequence[Axis], fine: Level, coarse: Level) -> Matrix:
    """Return the matrix from spatial indices of one level to those of a finer one.

    Parameters
    ----------
    axes
        All axes of the image.
    fine
        The finer level, with scale and translation of each axis.
    coarse
        The coarser level.
    """
    at = [index for index, axis in enumerate(axes) if axis.kind == "space"]
    matrix = np.eye(len(at) + 1)
    for row, index in enumerate(at):
        matrix[row, row] = coarse.scale[index] / fine.scale[index]
        matrix[row, -1] = (coarse.translation[index] - fine.translation[index]) / fine.scale[index]
    return matrix
