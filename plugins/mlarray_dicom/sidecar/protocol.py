"""What Siemens' protocol says: lines ``key = value`` in the series header, between marks (ASCCONV)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlarray_dicom.frames import csa
from mlarray_dicom.frames.mosaic import csa_numbers
from mlarray_dicom.frames.private import private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mlarray_dicom.sidecar.attributes import Fields
    from mlarray_dicom.sidecar.lookup import Lookup

_BEGIN, _END = "### ASCCONV BEGIN", "### ASCCONV END"
_LONGEST = 4 << 20
_NUMBERS = {
    "BaseResolution": ("sKSpace.lBaseResolution", 1.0),
    "TxRefAmp": ("sTXSPEC.asNucleusInfo[0].flReferenceAmplitude", 1.0),
    "PhaseResolution": ("sKSpace.dPhaseResolution", 1.0),
    "PhaseOversampling": ("sKSpace.dPhaseOversamplingForDialog", 1.0),
    "DelayTime": ("lDelayTimeInTR", 1e6),
    "VendorReportedEchoSpacing": ("sFastImaging.lEchoSpacing", 1e6),
    "RefLinesPE": ("sPat.lRefLinesPE", 1.0),
}
"""Fields that are numbers over 0, with what they are divided by."""
_TEXTS = {
    "ReceiveCoilName": ("sCoilElementID.tCoilID",),
    "ReceiveCoilActiveElements": ("sCoilSelectMeas.sCoilStringForConversion",),
    "PulseSequenceDetails": ("tSequenceFileName",),
    "WipMemBlock": ("sWipMemBlock.tFree",),
    "ConsistencyInfo": (
        "sProtConsistencyInfo.tMeasuredBaselineString",
        "sProtConsistencyInfo.tBaselineString",
        "sProtConsistencyInfo.ulConvFromVersion",
    ),
}
"""Fields that are texts; of several keys the first that is there."""
_CHOICES: dict[str, tuple[str, dict[int, object]]] = {
    "PartialFourier": ("sKSpace.ucPhasePartialFourier", {1: 0.5, 2: 0.625, 4: 0.75, 8: 0.875}),
    "CoilCombinationMethod": ("ucCoilCombineMode", {1: "Sum of Squares", 2: "Adaptive Combine"}),
    "DiffusionScheme": ("sDiffusion.dsScheme", {1: "Bipolar", 2: "Monopolar"}),
}
_OF_SEQUENCE = {"ScanningSequence": 0x105A, "SequenceVariant": 0x105B, "ScanOptions": 0x105C}
"""Where XA has the standard's attributes of single-frame objects."""
_SHIMS = (
    "lOffsetX", "lOffsetY", "lOffsetZ", "alShimCurrent[0]", "alShimCurrent[1]", "alShimCurrent[2]",
    "alShimCurrent[3]", "alShimCurrent[4]",
)  # fmt: skip


def protocol_of(header: Lookup) -> dict[str, str]:
    """Return the lines of the protocol, empty where there is none.

    Parameters
    ----------
    header
        Of the first file. XA keeps the protocol in its functional groups (0021,1019).
    """
    text = _series_header(header.dataset) or header.private_text(0x0021, 0x1019)
    start = text.find(_BEGIN)
    if start < 0:
        return {}
    body = text[start : text.find(_END, start) if _END in text[start:] else None]
    lines = (line.partition("=") for line in body.splitlines()[1:])
    return {key.strip(): value.partition("#")[0].strip().strip('"') for key, sign, value in lines if sign}


def _series_header(dataset: Dataset) -> str:
    """Return the last protocol of the CSA series header (0029,xx20)."""
    for block in (0x10, 0x11):
        data = private_value(dataset, 0x0029, block << 8 | 0x20)
        if not isinstance(data, bytes) or len(data) > _LONGEST:
            continue
        try:
            found = csa.parse(data).get("MrPhoenixProtocol")
        except ValueError:
            found = None
        if found and _BEGIN in found[0]:
            return found[0]
        text = data.decode("latin-1")
        if _BEGIN in text:
            return text[text.rfind(_BEGIN) :]
    return ""


def described(header: Lookup) -> Fields:
    """Return the fields that the protocol and Siemens' private elements say of an MR image.

    Parameters
    ----------
    header
        Of the first file.
    """
    protocol = protocol_of(header)
    fields: Fields = {}
    for name, (key, divisor) in _NUMBERS.items():
        value = _number(protocol, key)
        if value > 0:
            fields[name] = _whole(value / divisor)
    for name, keys in _TEXTS.items():
        text = next((found for key in keys if (found := _found(protocol, key))), "")
        if text:
            fields[name] = text
    for name, (key, choices) in _CHOICES.items():
        value = int(_number(protocol, key))
        if value in choices:
            fields[name] = choices[value]
    fields.update(_acceleration(protocol))
    places = ("sGRADSPEC.asGPAData[0].", "sGRADSPEC.")
    shims = [next((one for at in places if (one := _number(protocol, at + name))), 0.0) for name in _SHIMS]
    if shims[0]:
        fields["ShimSetting"] = [_whole(value) for value in shims]
    if _number(protocol, "sPrepPulses.ucMTC") == 1:
        fields["MTState"] = True
    if not header.text("ProtocolName") and protocol.get("tProtocolName"):
        fields["ProtocolName"] = protocol["tProtocolName"]
    fields.update(_private(header, fields))
    return fields


def _acceleration(protocol: dict[str, str]) -> Fields:
    in_plane, out_of_plane = _number(protocol, "sPat.lAccelFactPE"), _number(protocol, "sPat.lAccelFact3D")
    fields: Fields = {}
    if in_plane > 0:
        mode = {1: "SENSE", 2: "GRAPPA"}.get(int(_number(protocol, "sPat.ucPATMode")))
        fields["ParallelReductionFactorInPlane"] = _whole(in_plane)
        if mode is not None:
            fields["MatrixCoilMode"] = mode
    if out_of_plane > 0:
        fields["ParallelReductionFactorOutOfPlane"] = _whole(out_of_plane)
    return fields


def _private(header: Lookup, known: Fields) -> Fields:
    found: Fields = {}
    dwell = (
        header.private_numbers(0x0019, 0x1018)
        or header.private_numbers(0x0021, 0x1142)
        or csa_numbers(header.dataset, "RealDwellTime")
    )
    if dwell and dwell[0] > 0:
        found["DwellTime"] = round(dwell[0] * 1e-9, 12)
    coil = header.private_text(0x0051, 0x100F)
    if coil and coil != known.get("ReceiveCoilActiveElements"):
        found["CoilString"] = coil
    if active := header.private_text(0x0021, 0x114F):
        found["ReceiveCoilActiveElements"] = active
    for name, element in _OF_SEQUENCE.items():
        if not header.text(name) and (text := header.private_text(0x0021, element)):
            found[name] = text
    return found


def bandwidth_of(header: Lookup) -> float | None:
    """Return the bandwidth of a pixel along phase encoding, in Hz: (0019,1028), of XA (0021,1153).

    Parameters
    ----------
    header
        Of the first file.
    """
    found = (
        header.private_numbers(0x0019, 0x1028)
        or csa_numbers(header.dataset, "BandwidthPerPixelPhaseEncode")
        or header.private_numbers(0x0021, 0x1153)
    )
    return found[0] if found and found[0] > 0 else None


def _found(protocol: dict[str, str], key: str) -> str:
    """Return the first value of a key, that of a structure within others too."""
    end = f".{key}"
    return protocol.get(key) or next((text for name, text in protocol.items() if name.endswith(end)), "")


def _number(protocol: dict[str, str], key: str) -> float:
    text = protocol.get(key, "0")
    try:
        found = float(int(text, 16)) if text.lower().startswith("0x") else float(text)
    except (ValueError, OverflowError):
        return 0.0
    return found if math.isfinite(found) else 0.0


def _whole(value: float) -> int | float:
    return int(value) if float(value).is_integer() else round(value, 9)
