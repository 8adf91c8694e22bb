"""Which way phase encoding runs in the plane, as makers say it beside the standard's axis (0018,1312).

| maker | towards higher indices |
|---|---|
| Siemens | PhaseEncodingDirectionPositive is 1, in the CSA header or (0021,111C) |
| UIH | (0065,1058) is 0 |
| GE | Rectilinear Phase Encode Reordering is REVERSE_LINEAR, else by the flags of (0043,102A) |
| Philips, Canon | isn't said: the axis is all that is known |

The meanings are those of dcm2niix, whose images have their rows in the other order: where it writes ``j-``,
an array whose rows lie as DICOM has them has ``j``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlarray_dicom.elements import text_of
from mlarray_dicom.frames.mosaic import csa_header
from mlarray_dicom.frames.private import private_numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.frames.enhanced import Groups

_FLIPPED = 4
"""Bit of GE's user data that says that the polarity is turned."""
_BOTTOM_UP = 2
"""GE's order of views that turns it again."""
_EPI = 0x800
_OLD, _NEW = 5.0, 25.002
"""Versions of GE's user data: the first that is known, and the first with 76 more bytes before the flags."""


def is_positive(dataset: Dataset, groups: Groups | None) -> bool | None:
    """Return whether phase encoding runs towards higher indices of the array; None where it isn't known.

    Parameters
    ----------
    dataset
        Header of the first file.
    groups
        Functional groups of its first frame, of an enhanced object.
    """
    maker = text_of(dataset, "Manufacturer").upper()
    if maker.startswith("SIEMENS"):
        return _siemens(dataset, groups)
    if maker.startswith("UIH"):
        value = private_numbers(dataset, 0x0065, 0x1058)
        return None if value is None or value[0] not in (0, 1) else value[0] == 0
    return _ge(dataset) if "GE" in maker.split() else None


def _siemens(dataset: Dataset, groups: Groups | None) -> bool | None:
    texts = csa_header(dataset).get("PhaseEncodingDirectionPositive")
    if texts:
        return {"0": False, "1": True}.get(texts[0])
    for one in (dataset, *_private_items(groups)):
        value = private_numbers(one, 0x0021, 0x111C)
        if value is not None and value[0] in (0, 1):
            return value[0] == 1
    return None


def _private_items(groups: Groups | None) -> list[Dataset]:
    """Return what Siemens adds to the functional groups of a frame, (0021,11FE) and (0021,10FE)."""
    if groups is None:
        return []
    return [item for element in (0x11FE, 0x10FE) for item in groups.private_items(0x0021, element)]


def _ge(dataset: Dataset) -> bool | None:
    said = text_of(dataset, "RectilinearPhaseEncodeReordering").upper()
    if said in ("LINEAR", "REVERSE_LINEAR"):
        return said == "REVERSE_LINEAR"
    block = private_value(dataset, 0x0043, 0x102A)
    return _of_user_data(block) if isinstance(block, bytes) else None


def _of_user_data(block: bytes) -> bool | None:
    """Read GE's user data, little-endian: an offset at 24, there the version, and flags behind it."""
    try:
        (start,) = struct.unpack_from("<H", block, 24)
        (version,) = struct.unpack_from("<f", block, start)
        newer = version >= _NEW
        flags = start + (0x4C if newer else 0)
        (kind,) = struct.unpack_from("<H", block, flags + 0x3A)
        (polarity,) = struct.unpack_from("<H", block, flags + 0x30)
        (views,) = struct.unpack_from("<H", block, flags + 0x394 - (0x8C if newer else 0))
    except struct.error:
        return None
    if not _OLD <= version <= 40 or not kind & _EPI:
        return None
    flipped = bool(polarity & _FLIPPED)
    return flipped if views == _BOTTOM_UP else not flipped
