"""The headers of BrainVoyager's volumes (BrainVoyager, "File formats": VMR 4, V16, VTC 3, MSK).

Voxels are stored with BrainVoyager's Z the slowest of space, then Y, then X: those of VTC with time the
fastest of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlarray_brainvoyager.cursor import Cursor
from mlarray_core import AxisValues
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io.sdk import RawData

if TYPE_CHECKING:
    from mlarray_io.sdk import Bytes

_TRANSFORMS, _TRANSFORM_VALUES = 1000, 1000
"""Most past transformations of an anatomy, and most values of one."""
BOX = ("XStart", "XEnd", "YStart", "YEnd", "ZStart", "ZEnd")


@dataclass
class Volume:
    """What a header says.

    Parameters
    ----------
    raw
        How the voxels lie.
    labels
        Of the axes, slowest first.
    fields
        The header's.
    spacing
        Of the axes of space in mm; None where the header doesn't tell it.
    axes
        What lies along the others.
    """

    raw: RawData
    labels: list[str]
    fields: dict[str, object]
    spacing: list[float] | None = None
    axes: dict[int, AxisValues] = field(default_factory=dict)


SPACE = ["spatial_z", "spatial_y", "spatial_x"]


def vmr(file: Bytes) -> Volume:
    """Return the header of an anatomy; `behind_voxels` has the size of its voxels.

    Raises
    ------
    CorruptError
        It makes no sense.
    """
    cursor = Cursor(file)
    version, x, y, z = map(int, cursor.values("4H"))
    raw = RawData(positive_sizes(file, z, y, x), np.dtype("u1"), cursor.at)
    return Volume(raw, SPACE, {"File version": version})


def behind_voxels(file: Bytes, volume: Volume) -> Volume:
    """Return an anatomy with what stands behind its voxels; a packed file is unpacked up to there.

    Parameters
    ----------
    file
        The file.
    volume
        What stands before them. Its size is checked already.

    Raises
    ------
    CorruptError
        It makes no sense.
    """
    raw, fields = volume.raw, dict(volume.fields)
    version = int(str(fields["File version"]))
    cursor = Cursor(file, raw.offset + raw.nbytes)
    if cursor.ended():
        return volume
    if version >= 3:
        offsets = ("OffsetX", "OffsetY", "OffsetZ", "FramingCubeDim")
        fields |= zip(offsets, cursor.values("4h"), strict=True)
    fields |= zip(("PosInfosVerified", "CoordinateSystem"), cursor.values("2i"), strict=True)
    fields["Slice positions"] = list(cursor.values("12f"))
    fields |= zip(("NRows", "NCols"), cursor.values("2i"), strict=True)
    extents = ("FoVRows", "FoVCols", "SliceThickness", "GapThickness")
    fields |= zip(extents, cursor.values("4f"), strict=True)
    fields["Past transformations"] = _transformations(cursor, file)
    fields["LeftRightConvention"] = cursor.whole("B")
    if version >= 4:
        fields["ReferenceSpaceVMR"] = cursor.whole("B")
    sizes = [float(size) for size in cursor.values("3f")]
    fields["Voxel sizes"] = sizes
    told = all(math.isfinite(size) and size > 0 for size in sizes)
    return Volume(raw, SPACE, fields, sizes[::-1] if told else None)


def _transformations(cursor: Cursor, file: Bytes) -> list[dict[str, object]]:
    count = cursor.whole("i")
    if not 0 <= count <= _TRANSFORMS:
        raise CorruptError(f"tells of {count} past transformations", path=file.path)
    found: list[dict[str, object]] = []
    for _ in range(count):
        name, kind, source, number = cursor.text(), cursor.whole("i"), cursor.text(), cursor.whole("i")
        if not 0 <= number <= _TRANSFORM_VALUES:
            raise CorruptError(f"tells of {number} values of a transformation", path=file.path)
        values = list(cursor.values(f"{number}f"))
        found.append({"Name": name, "Type": kind, "SourceFileName": source, "Values": values})
    return found


def v16(file: Bytes) -> Volume:
    """Return the header of an anatomy of 16 bits."""
    cursor = Cursor(file)
    x, y, z = map(int, cursor.values("3H"))
    return Volume(RawData(positive_sizes(file, z, y, x), np.dtype("<u2"), cursor.at), SPACE, {})


def msk(file: Bytes) -> Volume:
    """Return the header of a mask."""
    cursor = Cursor(file)
    step = cursor.whole("h")
    fields, sizes = _box(file, cursor, "h", step)
    return Volume(RawData(sizes, np.dtype("u1"), cursor.at), SPACE, fields)


def vtc(file: Bytes) -> Volume:
    """Return the header of time courses.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsupportedError
        It is of an old version, or of a type that isn't read.
    """
    cursor = Cursor(file)
    version = cursor.whole("h")
    if version != 3:
        raise UnsupportedError(f"its version is {version}, where 3 is read", path=file.path)
    fields: dict[str, object] = {"File version": version, "Source FMR name": cursor.text()}
    protocols = cursor.whole("h")
    if not 0 <= protocols <= 100:
        raise CorruptError(f"tells of {protocols} protocols", path=file.path)
    fields["Protocol names"] = [cursor.text() for _ in range(protocols)]
    current, kind, count, step = map(int, cursor.values("4h"))
    if kind not in (1, 2):
        raise UnsupportedError(f"its voxels are of type {kind}", path=file.path)
    box, sizes = _box(file, cursor, "h", step)
    convention, reference = map(int, cursor.values("2B"))
    (repetition,) = cursor.values("f")
    fields |= {"Current protocol": current, **box, "LeftRightConvention": convention}
    fields |= {"ReferenceSpace": reference, "TR (ms)": repetition}
    dtype = np.dtype("<i2" if kind == 1 else "<f4")
    raw = RawData((*sizes, *positive_sizes(file, count)), dtype, cursor.at)
    axes = {}
    if math.isfinite(repetition) and repetition > 0 and count > 1:
        times = [repetition * index for index in range(count)]
        axes[3] = AxisValues("time", "ms", times)
    return Volume(raw, [*SPACE, "temporal"], fields, axes=axes)


def _box(file: Bytes, cursor: Cursor, letter: str, step: int) -> tuple[dict[str, object], tuple[int, ...]]:
    """Return where voxels lie in those of the anatomy, and their numbers, Z first."""
    ends = [int(end) for end in cursor.values(f"6{letter}")]
    if step < 1:
        raise CorruptError(f"expected a step of 1 or more, got {step}", path=file.path)
    sizes = [(end - begin) // step for begin, end in zip(ends[::2], ends[1::2], strict=True)]
    fields: dict[str, object] = {"Resolution relative to VMR": step, **dict(zip(BOX, ends, strict=True))}
    return fields, positive_sizes(file, *sizes[::-1])


def positive_sizes(file: Bytes, *sizes: int) -> tuple[int, ...]:
    """Return sizes of axes.

    Raises
    ------
    CorruptError
        One isn't over 0.
    """
    if any(size < 1 for size in sizes):
        raise CorruptError(f"expected sizes over 0, got {list(sizes)}", path=file.path)
    return sizes
