"""ENVI headers: ``key = value``, values in braces over several lines (ENVI, "Header format")."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import Additions, AxisValues, geometry
from mlarray_core.errors import CorruptError, MetadataError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_core.meta import Channel
from mlarray_io.sdk import RawData
from mlarray_raw.described import Described, ordered, real, sizes, whole

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial

DTYPES = {
    1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 6: "c8", 9: "c16", 12: "u2", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
"""Types by code."""
LAYOUTS = {"bsq": "czx", "bil": "zcx", "bip": "zxc"}
"""Axes as they lie in the file, slowest first: c bands, z lines, x samples."""
_LABELS = {"c": "channel", "z": "spatial_y", "x": "spatial_x"}
_PAIR = re.compile(r"([^=\n]+?)\s*=\s*(\{[^}]*\}|[^\n]*)")
_UNAPPLIED = ("data gain values", "data offset values", "reflectance scale factor")


def parse(content: bytes, path: Path) -> Described:
    """Return what a header says.

    Parameters
    ----------
    content
        The header.
    path
        Its file.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsupportedError
        Its voxels are of a type that isn't read.
    """
    keys = {
        key.strip().lower(): value.strip() for key, value in _PAIR.findall(content.decode("utf-8", "replace"))
    }
    count = {"x": "samples", "z": "lines", "c": "bands"}
    kind = keys.get("interleave", "bsq").lower()
    if kind not in LAYOUTS:
        raise CorruptError(f"expected bsq, bil or bip, got {kind[:20]!r}", path=path, field="interleave")
    axes = LAYOUTS[kind]
    shape = sizes(keys, tuple(count[axis] for axis in axes), path)
    code = whole(keys, "data type", path)
    if code not in DTYPES:
        raise UnsupportedError(f"the data type {code} isn't known", path=path, field="data type")
    dtype = ordered(np.dtype(DTYPES[code]), big=whole(keys, "byte order", path, 0) == 1)
    labels = [_LABELS[axis] for axis in axes]
    band = axes.index("c")
    classes = "classification" in keys.get("file type", "").lower()
    if shape[band] == 1:
        shape, labels = (*shape[:band], *shape[band + 1 :]), [*labels[:band], *labels[band + 1 :]]
    additions = _bands(keys, None if "channel" not in labels else labels.index("channel"), shape, path)
    return Described(
        RawData(shape, dtype, whole(keys, "header offset", path, 0)),
        _spatial(keys, labels, path),
        plain(keys),
        compression="gzip" if keys.get("file compression") == "1" else "none",
        additions=additions,
        is_seg=True if classes else None,
        notes=_notes(keys),
    )


def words(text: str) -> list[str]:
    """Return the parts of a value in braces."""
    return [part.strip() for part in text.strip().strip("{}").split(",")]


def _notes(keys: dict[str, str]) -> list[str]:
    notes = [f"{name} is kept and not applied" for name in _UNAPPLIED if name in keys]
    if "data ignore value" in keys:
        notes.append(f"missing values are marked by {keys['data ignore value'][:40]}, and stay as they are")
    return notes


def _bands(keys: dict[str, str], axis: int | None, shape: tuple[int, ...], path: Path) -> Additions:
    """Return names and wavelengths of bands, where there is one for each."""
    additions = Additions()
    if axis is None:
        return additions
    names = words(keys.get("band names", ""))
    if len(names) == shape[axis] and any(names):
        additions.channels = [Channel(name=name) for name in names]
    waves = words(keys.get("wavelength", ""))
    if len(waves) == shape[axis]:
        values = [real(text, "wavelength", path) for text in waves]
        unit = keys.get("wavelength units", "")
        additions.axes[axis] = AxisValues("wavelength", "" if unit.lower() == "unknown" else unit, values)
    return additions


def _spatial(keys: dict[str, str], labels: list[str], path: Path) -> MetaSpatial:
    """Return where pixels lie in the map: a column for y and x, their centres."""
    info = words(keys.get("map info", ""))
    if len(info) < 7:
        return geometry.spatial_meta(None, axis_labels=labels)
    column, row, east, north, width, height = (real(text, "map info", path) for text in info[1:7])
    turned = next((part for part in info[7:] if part.lower().startswith("rotation")), "")
    angle = math.radians(real(turned.partition("=")[2], "map info", path)) if turned else 0.0
    along_x = np.array([math.cos(angle) * width, math.sin(angle) * width])
    along_y = np.array([math.sin(angle) * height, -math.cos(angle) * height])
    affine = np.eye(3)
    affine[:2, :2] = np.column_stack([along_y, along_x])
    # the reference pixel is counted from 1 at the outer corner of the first one
    affine[:2, 2] = [east, north] + along_x * (1.5 - column) + along_y * (1.5 - row)
    unit = next((part.partition("=")[2] for part in info[7:] if part.lower().startswith("units")), "")
    units = [_UNITS.get(unit.strip().lower(), "") if label.startswith("spatial") else "" for label in labels]
    try:
        return geometry.spatial_meta(
            affine, axis_labels=labels, axis_units=units if any(units) else None, coord_system=_system(info)
        )
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="map info") from error


_UNITS = {"meters": "m", "degrees": "degree", "feet": "ft", "km": "km"}


def _system(info: list[str]) -> str | None:
    """Return the number (EPSG) of a reference system of WGS 84, None for others, which stay in the header."""
    name, rest = info[0].lower(), [part.upper() for part in info[7:]]
    if "WGS-84" not in rest:
        return None
    if name.startswith("geographic"):
        return "EPSG:4326"
    if name == "utm" and rest[0].isdigit() and 1 <= int(rest[0]) <= 60:
        return f"EPSG:{(32700 if rest[1:2] == ['SOUTH'] else 32600) + int(rest[0])}"
    return None
