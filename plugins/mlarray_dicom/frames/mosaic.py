"""Siemens mosaics and UIH grids: one stored frame whose tiles are the slices of a volume."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_dicom.attributes import claimed, normal, vector
from mlarray_dicom.elements import loose_number, sequence
from mlarray_dicom.frames import csa
from mlarray_dicom.frames.private import private_numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.frames.frame import Frame
    from mlarray_dicom.instance import Instance

_CREATOR = "SIEMENS CSA HEADER"
PARALLEL = 0.9
"""Cosine from which on two directions count as the same one, rounded as the header has them."""


def tiles_of(instance: Instance, base: Frame) -> list[Frame] | None:
    """Return the slices of a mosaic in the order of its tiles, None for a file that is none.

    Raises
    ------
    UnsupportedError
        It is one, but doesn't say what is needed to place its slices.
    CorruptError
        The tiles don't fit the frame.
    """
    slices = slices_of_grid(instance)
    if slices:
        return _grid(instance, base, slices)
    if "MOSAIC" not in instance.texts("ImageType"):
        return None
    header = csa_header(instance.dataset)
    count = _count(header) or _private_count(instance)
    if count < 1:
        raise UnsupportedError("is a mosaic that doesn't say how many slices it has", path=instance.path)
    if base.position is None or base.orientation is None or base.spacing is None:
        raise UnsupportedError("is a mosaic that doesn't say where it lies", path=instance.path)
    return _place(instance, base, count, _direction(instance, header, base))


def slices_of_grid(instance: Instance) -> int:
    """Return how many slices a UIH grid holds, 0 for any other file."""
    if not instance.text("Manufacturer").upper().startswith("UIH"):
        return 0
    found = private_numbers(instance.dataset, 0x0065, 0x1050)
    return int(found[0]) if found and found[0] > 1 else 0


def csa_header(dataset: Dataset) -> dict[str, list[str]]:
    """Return Siemens' image header, empty when there is none that can be read."""
    data = _csa_data(dataset)
    try:
        return {} if data is None else csa.parse(data)
    except ValueError:
        return {}


def csa_numbers(dataset: Dataset, name: str) -> tuple[float, ...] | None:
    """Return the numbers that Siemens' image header gives a name, None when it gives it none."""
    data = _csa_data(dataset)
    try:
        texts = [] if data is None else csa.texts_of(data, name)
        numbers = tuple(float(text) for text in texts)
    except ValueError:
        return None
    return numbers if numbers and all(map(math.isfinite, numbers)) else None


def _csa_data(dataset: Dataset) -> bytes | None:
    for block in (0x10, 0x11):
        creator = private_value(dataset, 0x0029, block)
        data = private_value(dataset, 0x0029, block << 8 | 0x10)
        if isinstance(data, bytes) and str(creator).strip() == _CREATOR:
            return data
    return None


def _count(header: dict[str, list[str]]) -> int:
    try:
        return int(float(header.get("NumberOfImagesInMosaic", ["0"])[0]))
    except (ValueError, IndexError, OverflowError):
        return 0


def _private_count(instance: Instance) -> int:
    """Return (0019,xx0A), Number of Images in Mosaic of SIEMENS MR HEADER, 0 when it isn't there."""
    value = private_value(instance.dataset, 0x0019, 0x100A)
    if isinstance(value, bytes):
        return int.from_bytes(value, "little")
    found = private_numbers(instance.dataset, 0x0019, 0x100A)
    return int(found[0]) if found else 0


def _direction(instance: Instance, header: dict[str, list[str]], base: Frame) -> float:
    """Return 1 when slices follow the normal of the plane, -1 when they go against it."""
    texts = header.get("SliceNormalVector", [])
    try:
        direction = [float(text) for text in texts[:3]]
    except ValueError:
        direction = []
    if len(direction) != 3 or base.orientation is None:
        raise UnsupportedError(
            "is a mosaic that doesn't say which way its slices go (SliceNormalVector of the CSA header)",
            path=instance.path,
        )
    along = sum(a * b for a, b in zip(direction, normal(base.orientation), strict=True))
    if abs(along) < PARALLEL:
        raise CorruptError("SliceNormalVector is no normal of the image plane", path=instance.path)
    return math.copysign(1.0, along)


def _place(instance: Instance, base: Frame, count: int, sign: float) -> list[Frame]:
    """Return one frame for each tile, row by row.

    Image Position (Patient) is that of the mosaic as if it were one slice about the same centre, so the first
    tile begins (mosaic - tile) / 2 pixels further in (dcm2niix and nibabel agree).
    """
    rows, columns = _size(instance)
    across = math.ceil(math.sqrt(count))
    height, width = _tile(instance, across, across)
    step = claimed(base.thickness, instance.path)
    if step is None:
        raise UnsupportedError(
            "is a mosaic that doesn't say how far apart its slices are", path=instance.path
        )
    assert base.position is not None and base.orientation is not None and base.spacing is not None  # noqa: PT018
    right = (columns - width) / 2 * base.spacing[1]
    down = (rows - height) / 2 * base.spacing[0]
    steps = [sign * step * part for part in normal(base.orientation)]
    first = [
        base.position[i] + right * base.orientation[i] + down * base.orientation[i + 3] for i in range(3)
    ]
    frames = []
    for index in range(count):
        x, y, z = (first[i] + index * steps[i] for i in range(3))
        tile = (index // across * height, index % across * width, height, width)
        frames.append(replace(base, position=(x, y, z), tile=tile))
    return frames


def _grid(instance: Instance, base: Frame, count: int) -> list[Frame]:
    """Return the slices of a UIH grid: the items of MRVFrameSequence place them (dcm2niix, "UIH")."""
    items = sequence(private_value(instance.dataset, 0x0065, 0x1051))
    if len(items) != count:
        raise UnsupportedError(
            f"is a grid of {count} slices that doesn't say where they lie (MRVFrameSequence)",
            path=instance.path,
        )
    across = math.ceil(math.sqrt(count))
    height, width = _tile(instance, math.ceil(count / across), across)
    frames = []
    for index, item in enumerate(items):
        position = vector(item, instance.path)
        if position is None:
            raise UnsupportedError(f"doesn't say where slice {index} of its grid lies", path=instance.path)
        tile = (index // across * height, index % across * width, height, width)
        frames.append(replace(base, position=position, tile=tile))
    return frames


def _size(instance: Instance) -> tuple[int, int]:
    """Return rows and columns of the stored frame."""
    rows, columns = (loose_number(instance.dataset, keyword) or 0 for keyword in ("Rows", "Columns"))
    return int(rows), int(columns)


def _tile(instance: Instance, down: int, across: int) -> tuple[int, int]:
    """Return rows and columns of a tile, that many of which fill the frame."""
    rows, columns = _size(instance)
    if rows % down or columns % across or not rows:
        raise CorruptError(f"{down} x {across} tiles don't fit {rows} x {columns} pixels", path=instance.path)
    return rows // down, columns // across
