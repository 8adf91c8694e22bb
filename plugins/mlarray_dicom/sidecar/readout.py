"""Fields of the readout: sizes along phase encoding, echo spacing, total readout time, acceleration.

| maker | effective echo spacing |
|---|---|
| Siemens | 1 / (bandwidth of a pixel along phase encoding x reconstructed lines) |
| GE | (0043,102C) in microseconds, corrected for ASSET as dcm2niix does (effectiveEchoSpacingGE) |
| Philips | none; estimated ones by water-fat shift are called so |

The total readout time is FSL's: from the middle of the first line to that of the last one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlarray_dicom.sidecar.protocol import bandwidth_of

if TYPE_CHECKING:
    from mlarray_dicom.sidecar.attributes import Fields
    from mlarray_dicom.sidecar.lookup import Lookup

_FOV, _MODIFIER = "MRFOVGeometrySequence", "MRModifierSequence"
_STEPS = "MRAcquisitionPhaseEncodingStepsInPlane"
_FAT_SHIFT = 3.4
"""Parts per million between water and fat, as dcm2niix has it."""


def readout(header: Lookup, plane: tuple[int, int], known: Fields) -> Fields:
    """Return the fields of the readout.

    Parameters
    ----------
    header
        Of the first file.
    plane
        Rows and columns of the image.
    known
        Fields that are known already: what the protocol says comes first.
    """
    fields: Fields = {}
    direction = encoding(header)
    if direction:
        fields["InPlanePhaseEncodingDirectionDICOM"] = direction
    acquired = _acquired_lines(header)
    if acquired:
        fields["AcquisitionMatrixPE"] = acquired
    lines = _reconstructed_lines(plane, direction, acquired)
    if lines:
        fields["ReconMatrixPE"] = lines
    fields.update(_acceleration(header, known))
    bandwidth = bandwidth_of(header)
    if bandwidth is not None:
        fields["BandwidthPerPixelPhaseEncode"] = bandwidth
    factor = max(_number_of(fields, known, "ParallelReductionFactorInPlane") or 1.0, 1.0)
    spacing = 1 / (bandwidth * lines) if bandwidth and lines else _of_ge(header, acquired, factor)
    if spacing and lines > 1:
        fields["EffectiveEchoSpacing"] = spacing
        fields["TotalReadoutTime"] = spacing * (lines - 1)
    if bandwidth and lines:
        over = 1 + (_number_of(fields, known, "PhaseOversampling") or 0.0)
        fields["DerivedVendorReportedEchoSpacing"] = factor / (bandwidth * lines * over)
    if header.maker == "Philips" and "EffectiveEchoSpacing" not in fields:
        fields.update(_of_philips(header, known, lines))
    return fields


def encoding(header: Lookup) -> str:
    """Return which way phase encoding leads: ROW, COL, or nothing."""
    keyword = "InPlanePhaseEncodingDirection"
    text = header.text(keyword, (_FOV, keyword)).upper()
    return {"ROW": "ROW", "COL": "COL", "COLUMN": "COL"}.get(text, "")


def _acquired_lines(header: Lookup) -> int:
    """Return the lines of the acquisition matrix: its third or fourth number (PS3.3, C.8.3.1.1.10)."""
    found = header.numbers("AcquisitionMatrix") or ()
    steps = header.number(_STEPS, (_FOV, _STEPS)) or 0
    return int(next((one for one in found[2:] if one > 0), steps))


def _reconstructed_lines(plane: tuple[int, int], direction: str, acquired: int) -> int:
    rows, columns = plane
    if rows == columns:
        return rows
    return {"COL": rows, "ROW": columns}.get(direction, acquired)


def _number_of(fields: Fields, known: Fields, name: str) -> float | None:
    found = fields.get(name, known.get(name))
    return float(found) if isinstance(found, int | float) else None


def _acceleration(header: Lookup, known: Fields) -> Fields:
    """Return the factors of parallel imaging, and how many slices are excited at once."""
    found: Fields = {}
    parts = header.private_text(0x0051, 0x1011).split() if header.maker == "Siemens" else []
    asset = header.private_numbers(0x0043, 0x1083) if header.maker == "GE" else None
    for keyword, letter, at in (
        ("ParallelReductionFactorInPlane", "p", 0),
        ("ParallelReductionFactorOutOfPlane", "", 1),
    ):
        value = next((float(one[1:]) for one in parts if one[:1] == letter and one[1:].isdigit()), None)
        if value is None:
            value = header.number(keyword, (_MODIFIER, keyword))
        if value is None and asset and len(asset) > at and asset[at] > 0:
            value = round(1 / asset[at], 6)
        if value and keyword not in known:
            found[keyword] = int(value) if value.is_integer() else value
    slices = next((int(part[1:]) for part in parts if part[:1] == "s" and part[1:].isdigit()), 0)
    if slices > 1:
        found["MultibandAccelerationFactor"] = slices
    return found


def _of_ge(header: Lookup, acquired: int, factor: float) -> float | None:
    """Return GE's effective echo spacing, in s (dcm2niix, issue 635)."""
    spacing = header.private_numbers(0x0043, 0x102C) if header.maker == "GE" else None
    if not spacing or spacing[0] <= 0 or acquired < 2:
        return None
    options = header.text("ScanOptions").split("\\")
    multiple = 4.0 if any(option.endswith("PFF") or option == "PFP" for option in options) else 2.0
    lines = math.ceil(acquired / factor / multiple) * multiple
    return (lines - 1) * spacing[0] * 1e-6 / (acquired - 1)


def _of_philips(header: Lookup, known: Fields, lines: int) -> Fields:
    """Return what Philips' water-fat shift says (2001,1022), and the readout that is estimated by it."""
    shift = header.private_numbers(0x2001, 0x1022)
    frequency = _number_of({}, known, "ImagingFrequency") or 0.0
    factor = header.number("EchoTrainLength") or _first(header.private_numbers(0x2001, 0x1013))
    if not shift or shift[0] <= 0:
        return {}
    found: Fields = {"WaterFatShift": shift[0]}
    if frequency > 0 and factor and factor > 0 and lines > 1:
        total = shift[0] / (frequency * _FAT_SHIFT * (factor + 1)) * factor
        found["EstimatedTotalReadoutTime"] = total
        found["EstimatedEffectiveEchoSpacing"] = total / (lines - 1)
    return found


def _first(values: tuple[float, ...] | None) -> float | None:
    return values[0] if values else None
