"""What GE's private elements say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_dicom.header.phase_encoding import is_positive

if TYPE_CHECKING:
    from mlarray_dicom.sidecar.attributes import Fields
    from mlarray_dicom.sidecar.lookup import Lookup

_TEXTS = {
    "InternalPulseSequenceName": (0x0019, 0x109E),
    "SequenceName": (0x0019, 0x109C),
    "PrescanReuseString": (0x0043, 0x1095),
}
_SHIMS = ((0x0043, 0x1002), (0x0043, 0x1003), (0x0043, 0x1004))


def described(header: Lookup) -> Fields:
    """Return the fields of GE's private elements.

    Parameters
    ----------
    header
        Of the first file.
    """
    fields: Fields = {}
    for name, tag in _TEXTS.items():
        text = header.private_text(*tag)
        if text:
            fields[name] = text
    duration = header.private_numbers(0x0019, 0x105A)
    if duration and duration[0] > 0:
        fields["AcquisitionDuration"] = round(duration[0] * 1e-6, 6)
    shims = [header.private_numbers(*tag) for tag in _SHIMS]
    if any(shim and shim[0] for shim in shims):
        fields["ShimSetting"] = [shim[0] if shim else 0.0 for shim in shims]
    positive = is_positive(header.dataset, header.groups)
    if positive is not None:
        fields["PhaseEncodingPolarityGE"] = "Unflipped" if positive else "Flipped"
    return fields
