"""OME-Zarr's metadata of multiscale images, versions 0.1 to 0.6 (ngff.openmicroscopy.org)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import units
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_zarr.orientation import orientation_of, oriented_affine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlarray_zarr.nodes import Node

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

_KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


@dataclass(frozen=True)
class Axis:
    """One axis: name, type (space, time, channel or any other), unit and orientation, empty for none."""

    name: str
    kind: str
    unit: str = ""
    orientation: str = ""

    @property
    def label(self) -> str:
        """The axis as the schema calls it."""
        if self.kind == "space":
            return f"spatial_{self.name}" if self.name in ("x", "y", "z") else "spatial"
        known = {"time": "temporal", "channel": "channel"}
        return known.get(self.kind) or (self.name if not self.name.startswith("spatial") else "non_spatial")


@dataclass(frozen=True)
class Level:
    """One resolution: where its array is, scale and translation of each axis, and whether they are stated."""

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    stated: bool = True


@dataclass(frozen=True)
class Multiscale:
    """One image in several resolutions, the finest first."""

    axes: tuple[Axis, ...]
    levels: tuple[Level, ...]
    name: str = ""


def ome_of(node: Node) -> Mapping[str, object]:
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
    entries = content["datasets"]
    axes = _axes(_system_of(content, entries) if "coordinateSystems" in content else content.get("axes"))
    # since 0.6 those of the whole image lead into further systems; before, they follow those of a level
    shared = None if "coordinateSystems" in content else content.get("coordinateTransformations")
    levels = [_level(entry, shared, len(axes)) for entry in entries]
    if not levels:
        raise ValueError("no datasets")
    name = content.get("name")
    return Multiscale(axes, tuple(levels), name if isinstance(name, str) else "")


def _system_of(content: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Any:
    """Return the axes of the coordinate system that the levels lead into (0.6, RFC-5)."""
    targets = {
        _named(step.get("output")) for entry in entries for step in entry.get("coordinateTransformations", ())
    }
    systems = {str(system["name"]): system["axes"] for system in content["coordinateSystems"]}
    if len(targets) != 1 or not targets <= set(systems):
        raise UnsupportedError(
            "has levels that lead into several coordinate systems of OME-Zarr 0.6, or none"
        )
    return systems[targets.pop()]


def _named(output: object) -> str:
    return str(output.get("name") if isinstance(output, dict) else output)


def _axes(listed: Any) -> tuple[Axis, ...]:
    """Read the axes: absent in 0.1 and 0.2, names in 0.3, names with types and units since 0.4."""
    axes = []
    for entry in "tczyx" if listed is None else listed:
        content = {"name": entry} if isinstance(entry, str) else entry
        name, unit = str(content["name"]), content.get("unit")
        kind = content.get("type") or _KINDS.get(name.lower(), "")
        symbol = units.symbol_of(unit) if isinstance(unit, str) else ""
        axes.append(Axis(name, str(kind), symbol, orientation_of(content.get("orientation"))))
    return tuple(axes)


def _level(entry: Mapping[str, object], shared: object, ndim: int) -> Level:
    scale, translation = np.ones(ndim), np.zeros(ndim)
    stated = False
    for step in (*_flat(entry.get("coordinateTransformations")), *_flat(shared)):
        kind = step["type"]
        if kind not in ("identity", "scale", "translation") or "path" in step:
            raise UnsupportedError(f"has a coordinate transformation of type {kind!r}")
        if kind == "scale":
            values = _numbers(step["scale"], ndim)
            scale, translation = scale * values, translation * values
        elif kind == "translation":
            translation = translation + _numbers(step["translation"], ndim)
        stated = True
    return Level(str(entry["path"]), tuple(scale.tolist()), tuple(translation.tolist()), stated)


def _flat(steps: Any) -> Iterator[Mapping[str, Any]]:
    """Yield transformations one by one, those of a sequence (0.6) in its place."""
    for step in steps or ():
        if step["type"] == "sequence":
            yield from step["transformations"]
        else:
            yield step


def _numbers(values: Any, ndim: int) -> Matrix:
    if len(values) != ndim or not all(type(v) in (int, float) and math.isfinite(v) for v in values):
        raise ValueError(f"{str(values)[:60]} is not one number for each axis")
    return np.asarray(values, np.float64)


def world_rows(names: Sequence[str]) -> list[int]:
    """Return for each spatial axis, in array order, the world coordinate that it leads along."""
    order = sorted(names) if set(names) <= {"x", "y", "z"} else list(reversed(names))
    return [order.index(name) for name in names]


def affine_of(axes: Sequence[Axis], level: Level) -> Matrix | None:
    """Return the affine of a level's spatial axes, None when there are none or nothing is said of them.

    Rows are the coordinates of LPS where the axes are oriented (`orientation`), else x, y, z by name.
    """
    at = [index for index, axis in enumerate(axes) if axis.kind == "space"]
    # a size of 0 is none: programs of microscopes write it for want of knowledge
    if not at or not level.stated or not all(level.scale[index] for index in at):
        return None
    oriented = oriented_affine(axes, level)
    if oriented is not None:
        return oriented
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
