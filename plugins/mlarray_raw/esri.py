"""ESRI headers of BIL, BIP and BSQ: ``KEY value`` (ESRI, "BIL, BIP, and BSQ raster files")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_core import geometry
from mlarray_core.errors import CorruptError, MetadataError, UnsupportedError
from mlarray_core.headers import plain
from mlarray_io.sdk import RawData
from mlarray_raw.described import Described, ordered, real, sizes, whole
from mlarray_raw.envi import LAYOUTS
from mlarray_raw.projection import projection, system_of, unit_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial

_LABELS = {"c": "channel", "z": "spatial_y", "x": "spatial_x"}
_KINDS = {"UNSIGNEDINT": "u", "SIGNEDINT": "i", "FLOAT": "f"}
_BITS = (8, 16, 32, 64)


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
        Voxels are of a type that isn't read, or rows are filled up.
    UnsafeError
        The file of its reference system is a link out of its folder.
    """
    lines = [line.split(None, 1) for line in content.decode("latin-1").splitlines()]
    keys = {line[0].upper(): line[1].strip() for line in lines if len(line) == 2}
    keys.setdefault("NBANDS", "1")
    axes = LAYOUTS.get(keys.get("LAYOUT", "BIL").lower())
    if axes is None:
        raise CorruptError(
            f"expected BIL, BIP or BSQ, got {keys['LAYOUT'][:20]!r}", path=path, field="LAYOUT"
        )
    count = {"x": "NCOLS", "z": "NROWS", "c": "NBANDS"}
    shape = sizes(keys, tuple(count[axis] for axis in axes), path)
    dtype = np.dtype(_type(keys, path))
    _refuse_filled(keys, axes, shape, dtype.itemsize, path)
    labels = [_LABELS[axis] for axis in axes]
    band = axes.index("c")
    if shape[band] == 1:
        shape, labels = (*shape[:band], *shape[band + 1 :]), [*labels[:band], *labels[band + 1 :]]
    big = keys.get("BYTEORDER", "I").upper() in ("M", "MSBFIRST")
    notes = (
        [f"missing values are marked by {keys['NODATA'][:40]}, and stay as they are"]
        if "NODATA" in keys
        else []
    )
    if "PIXELTYPE" not in keys and dtype.itemsize > 1:
        notes.append("its header says no PIXELTYPE: values are taken for unsigned integers, ESRI's default")
    raw = RawData(shape, ordered(dtype, big=big), whole(keys, "SKIPBYTES", path, 0))
    system = projection(path)
    source = plain({**keys, "prj": system} if system else keys)
    return Described(raw, _spatial(keys, labels, system, path), source, notes=notes)


def _type(keys: dict[str, str], path: Path) -> str:
    bits, name = whole(keys, "NBITS", path, 8), keys.get("PIXELTYPE", "UNSIGNEDINT").upper()
    kind = _KINDS.get(name)
    if kind is None or bits not in _BITS or (kind == "f" and bits < 32):
        raise UnsupportedError(f"voxels of {bits} bits as {name[:20]} aren't read", path=path, field="NBITS")
    return f"{kind}{bits // 8}"


def _refuse_filled(keys: dict[str, str], axes: str, shape: tuple[int, ...], size: int, path: Path) -> None:
    """Refuse rows or bands that are longer in the file than their pixels are."""
    columns, bands = shape[axes.index("x")], shape[axes.index("c")]
    row = columns * size
    wanted = {
        "BANDROWBYTES": row,
        "TOTALROWBYTES": row if axes == LAYOUTS["bsq"] else row * bands,
        "BANDGAPBYTES": 0,
    }
    if axes == LAYOUTS["bip"]:
        wanted.pop("BANDROWBYTES")
    for name, expected in wanted.items():
        if whole(keys, name, path, expected) != expected:
            raise UnsupportedError(
                f"its rows are filled up: {expected} bytes of pixels in {keys[name][:20]}",
                path=path,
                field=name,
                hint="Convert it to GeoTIFF: gdal_translate -of GTiff IN OUT.tif",
            )


def _spatial(keys: dict[str, str], labels: list[str], system: str, path: Path) -> MetaSpatial:
    """Return where pixels lie in the map, whose upper left one's centre is told, and in which system."""
    if "ULXMAP" not in keys or "ULYMAP" not in keys:
        return geometry.spatial_meta(None, axis_labels=labels)
    left, top, width, height = (
        real(keys.get(name, missing), name, path)
        for name, missing in (("ULXMAP", ""), ("ULYMAP", ""), ("XDIM", "1"), ("YDIM", "1"))
    )
    affine = [[0.0, width, left], [-height, 0.0, top], [0.0, 0.0, 1.0]]
    unit = unit_of(system)
    units = [unit if label.startswith("spatial") else "" for label in labels] if unit else None
    try:
        return geometry.spatial_meta(
            affine, axis_labels=labels, axis_units=units, coord_system=system_of(system)
        )
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="XDIM") from error
