"""The header of maps in the voxels of a VTC (BrainVoyager, "The Format of NR-VMP Files", version 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlarray_brainvoyager.cursor import Cursor
from mlarray_brainvoyager.headers import BOX, SPACE, Volume, positive_sizes
from mlarray_core import AxisValues
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io.sdk import RawData

if TYPE_CHECKING:
    from mlarray_io.sdk import Bytes

_MAPS = 10_000
"""Most maps, rows of a table, and parameters of a map."""
_CURVES = 1 << 24
"""Most values of the curves and parameters of all maps."""
_LAGS = 3
"""Type of a map of correlations with lags, which are the whole numbers."""


def vmp(file: Bytes) -> Volume:
    """Return the header of maps, whose voxels are the last of the file.

    Raises
    ------
    CorruptError
        It makes no sense, or doesn't end where the voxels must begin.
    UnsupportedError
        It is of another version.
    """
    cursor = Cursor(file)
    _, version, kind = cursor.values("i2h")
    if version != 6:
        raise UnsupportedError(
            f"its version is {version:.0f}, where 6 is read",
            path=file.path,
            hint="Save it again by BrainVoyager",
        )
    maps, points, parameters, *_ = map(int, cursor.values("7i"))
    if not 0 < maps <= _MAPS:
        raise CorruptError(f"tells of {maps} maps", path=file.path)
    fields: dict[str, object] = {"VersionNumber": version, "DocumentType": kind, "NrOfTimePoints": points}
    sizes = _sizes(file, cursor, fields)
    fields |= {name: cursor.text() for name in ("NameOfVTCFile", "NameOfProtocolFile", "NameOfVOIFile")}
    told = [_map(file, cursor) for _ in range(maps)]
    fields["Map"] = told
    _skip_curves(file, cursor, maps, points, parameters)
    raw = RawData((maps, *sizes), np.dtype("<f4"), cursor.at)
    if not file.forward and raw.offset + raw.nbytes != file.limit:  # of a packed file it isn't known
        raise CorruptError(
            f"its header describes {raw.offset + raw.nbytes:,} bytes, the file holds {file.limit:,}",
            path=file.path,
            hint="Was it copied whole?",
        )
    axes = {0: AxisValues("channel", "", [str(one["MapName"]) for one in told])}
    return Volume(raw, ["channel", *SPACE], fields, axes=axes)


def _sizes(file: Bytes, cursor: Cursor, fields: dict[str, object]) -> tuple[int, ...]:
    """Return the sizes of a map, Z first, and keep where it lies in the anatomy."""
    ends = [int(end) for end in cursor.values("6i")]
    step, *anatomy = map(int, cursor.values("4i"))
    spans = [end - begin for begin, end in zip(ends[::2], ends[1::2], strict=True)]
    if step < 1 or any(span % step for span in spans):
        raise CorruptError(f"expected steps of {step} between {ends}", path=file.path)
    fields |= {**dict(zip(BOX, ends, strict=True)), "Resolution": step, "VMR dimensions": anatomy}
    return positive_sizes(file, *(span // step for span in spans[::-1]))


def _map(file: Bytes, cursor: Cursor) -> dict[str, object]:
    """Return what is said of one map; colours are left out."""
    kind, low, high = cursor.values("i2f")
    found: dict[str, object] = {"TypeOfMap": kind, "MapThreshold": low, "UpperThreshold": high}
    found["MapName"] = cursor.text()
    cursor.values("13B")
    found["LUTFileName"] = cursor.text()
    cursor.values("f")
    if kind == _LAGS:
        names = ("NrOfLags", "DisplayMinLag", "DisplayMaxLag", "ShowCorrelationOrLag")
        found |= dict(zip(names, cursor.values("4i"), strict=True))
    found["ClusterSizeThreshold"], _, _ = cursor.values("iBi")
    found["DF1"], found["DF2"], _ = cursor.values("2iB")
    found["NrOfUsedVoxels"], rates = cursor.values("2i")
    if not 0 <= rates <= _MAPS:
        raise CorruptError(f"tells of a table of {rates:.0f} rows", path=file.path)
    cursor.skip(12 * int(rates))
    cursor.values("i")
    return found


def _skip_curves(file: Bytes, cursor: Cursor, maps: int, points: int, parameters: int) -> None:
    """Go past the time course of each map, and the names and values of their parameters."""
    if points < 0 or not 0 <= parameters <= _MAPS or maps * max(points, parameters) > _CURVES:
        raise CorruptError(f"tells of {points} times and {parameters} parameters", path=file.path)
    cursor.skip(4 * maps * points)
    for _ in range(parameters):
        cursor.text()
    cursor.skip(4 * maps * parameters)
