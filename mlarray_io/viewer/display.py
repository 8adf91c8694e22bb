"""Voxels as the page gets them: of few types, x first, labels by their place in a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlarray_io.pictures.colours import colour_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_core.meta import Label
    from mlarray_io.pictures.colours import Colour

    Array = np.ndarray[Any, Any]

NIFTI = {"uint8": 2, "int16": 4, "float32": 16, "uint16": 512, "rgb": 128}
"""The types that the page shows, by their numbers in NIfTI-1 (nifti1.h, ``datatype``)."""
_AS = {"bool": "uint8", "int8": "int16", "uint8": "uint8", "int16": "int16", "uint16": "uint16"}
"""Types that are sent without loss; all others become float32, for the picture alone."""
WIDEST = 1 << 22
"""Distance of the lowest and the highest label up to which a table of all between is made."""
MOST_LABELS = 32_000
"""Labels of one piece that get a place of their own; of more, some share one."""


def packed(
    voxels: Array, affine: Array, facts: dict[str, object], table: Sequence[Label] | None, *, colour: bool
) -> bytes:
    """Return one piece of an image: the length of a header, the header as JSON, the voxels, x fastest.

    Parameters
    ----------
    voxels
        Of shape z, y, x, and colours where there are any.
    affine
        From indices along x, y, z of the piece to the world of the page.
    facts
        What else the header says.
    table
        What labels mean; None when the voxels aren't labels.
    colour
        Whether the last axis is of colours.
    """
    head = dict(facts)
    if table is not None:
        shown, labels = indexed(voxels, table)
        head["labels"] = [[one.place, one.value, one.name, *one.colour] for one in labels]
        kind = shown.dtype.name
    elif colour:
        shown, kind = rgb(voxels), "rgb"
    else:
        shown = shown_values(voxels)
        kind = shown.dtype.name
    head |= {"dims": list(reversed(voxels.shape[:3])), "affine": affine.tolist(), "datatype": NIFTI[kind]}
    text = json.dumps(head, allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    little = np.ascontiguousarray(shown, shown.dtype.newbyteorder("<"))
    return len(text).to_bytes(8, "little") + text + little.tobytes()


def shown_values(voxels: Array) -> Array:
    """Return values in a type that the page shows: the magnitude of complex numbers, NaN as it is."""
    if voxels.dtype.kind == "c":
        voxels = np.abs(voxels)
    kind = _AS.get(voxels.dtype.name, "float32")
    with np.errstate(over="ignore"):
        return voxels.astype(kind, copy=False)


def rgb(voxels: Array) -> Array:
    """Return colours as red, green and blue of 8 bits."""
    eight = voxels if voxels.dtype.itemsize == 1 else voxels >> 8
    return eight[..., :3].astype(np.uint8)


class Shown(NamedTuple):
    """A label that is to be seen."""

    place: int
    """What stands for it in the voxels that are sent."""
    value: int
    """Of the image."""
    name: str
    """Empty when unknown."""
    colour: Colour
    """Red, green and blue."""


def indexed(voxels: Array, table: Sequence[Label]) -> tuple[Array, list[Shown]]:
    """Return the place of each voxel's label in a list, and the list.

    Parameters
    ----------
    voxels
        Integers.
    table
        What they mean, as far as that is known.

    Returns
    -------
    tuple
        Places from 1, 0 for the value 0; and the labels in that order.
    """
    whole = voxels if voxels.dtype.kind in "biu" else np.nan_to_num(voxels).astype(np.int64)
    low, high = int(whole.min()), int(whole.max())
    if high - low < WIDEST:  # a table of all values between is faster than sorting the voxels
        seen = np.zeros(high - low + 1, bool)
        offsets = whole.astype(np.int64) - low if low else whole.view(_unsigned(whole.dtype))
        seen[offsets] = True
        values = np.flatnonzero(seen) + low
        places = (np.cumsum(seen) - 1)[offsets]
    else:
        values, places = np.unique(whole, return_inverse=True)
    known = {label.value: label for label in table}
    numbers = np.zeros(len(values), np.int64)
    numbers[values != 0] = np.arange((values != 0).sum()) % MOST_LABELS + 1
    rows: list[Shown] = []
    for number, value in zip(numbers.tolist(), values.tolist(), strict=True):
        if value and number > len(rows):
            label = known.get(int(value))
            name = "" if label is None else label.name
            rows.append(Shown(number, int(value), name, colour_of(int(value), label)))
    kind = np.uint8 if numbers.max(initial=0) < 256 else np.int16
    return numbers.astype(kind)[places.reshape(voxels.shape)], rows


def _unsigned(dtype: np.dtype[Any]) -> str:
    return f"u{dtype.itemsize}"  # truth values can't be indices
