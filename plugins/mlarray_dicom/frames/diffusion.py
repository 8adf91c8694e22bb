"""b-values and gradient directions, of the standard and of makers that keep them elsewhere.

| maker | b-value | direction |
|---|---|---|
| the standard (PS3.3, C.8.13.5.9) | DiffusionBValue | DiffusionGradientOrientation, in the patient |
| Siemens | (0019,100C), else the CSA header's | (0019,100E), else the CSA header's, in the patient |
| Philips | (2001,1003) | (2005,10B0) to (2005,10B2), in the patient |
| GE | (0043,1039), first value | (0019,10BB) to (0019,10BD): frequency, phase, slice of the image |
| UIH | (0065,1009) | (0065,1037), along row, column and normal of the image |
| Canon, Toshiba | the standard's | the standard's, or Image Comments: phase, frequency, slice |

Each of b-value and direction is looked for on its own: GE since DV28 has the standard's b-value and its own
direction. Where the gradient frame of GE and Canon points is known from two programs that agree but for the
sign, which has no meaning: dcm2niix (`geCorrectBvecs`, `swizzleCanon`) and MRtrix3 (`Frame::get_DW_scheme`).
Canon's comments are spelt ``b=1000(0.6,0.0,0.8)``.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError
from mlarray_dicom.attributes import normal, orientation
from mlarray_dicom.elements import loose_number, loose_numbers
from mlarray_dicom.frames.frame import Diffusion
from mlarray_dicom.frames.mosaic import csa_numbers
from mlarray_dicom.frames.private import private_numbers

if TYPE_CHECKING:
    from mlarray_dicom.elements import Numbers
    from mlarray_dicom.instance import Instance

_GE_FLAG = 1e9
"""Added to large b-values of GE (dcm2niix, "issue 149")."""
_WHOLE = 0.97
"""Length from which on a gradient of GE is a unit vector; shorter ones scale b (dcm2niix, "issue 163")."""
_NONE = 0.03
"""Length up to which a gradient counts as none: rounded zeros."""
_COMMENT = re.compile(r"b=([0-9.]+)\s*\(\s*([-+0-9.eE]+)\s*,\s*([-+0-9.eE]+)\s*,\s*([-+0-9.eE]+)\s*\)")


def diffusion_of(instance: Instance) -> Diffusion | None:
    """Return b-value and gradient direction of a single-frame object, None when it has no b-value."""
    maker = instance.text("Manufacturer").upper()
    b = loose_number(instance.dataset, "DiffusionBValue")
    direction = unit(loose_numbers(instance.dataset, "DiffusionGradientOrientation"))
    if b is not None and (b == 0 or direction is not None):
        return weighting(b, direction)
    for name, read in _MAKERS:
        if any(word == name or (word.startswith(name) and name != "GE") for word in maker.split()):
            other_b, other_direction = read(instance)
            b = other_b if b is None or (name == "GE" and other_b is not None) else b
            direction = direction or other_direction
            break
    return None if b is None else weighting(b, direction)


def weighting(b: float, direction: Numbers | None) -> Diffusion:
    """Return a weighting; b = 0 has no direction, whatever its file says (Philips gives one)."""
    return Diffusion(b, None if b == 0 else direction)


def unit(vector: Numbers | None) -> Numbers | None:
    """Return three numbers as a direction; None where they are none, such as the zeros of a trace."""
    if vector is None or len(vector) != 3 or math.hypot(*vector) <= _NONE:
        return None
    return vector


def _siemens(instance: Instance) -> tuple[float | None, Numbers | None]:
    b = private_numbers(instance.dataset, 0x0019, 0x100C)
    if b:
        return b[0], unit(private_numbers(instance.dataset, 0x0019, 0x100E))
    value = csa_numbers(instance.dataset, "B_value")
    return value[0] if value else None, unit(csa_numbers(instance.dataset, "DiffusionGradientDirection"))


def _philips(instance: Instance) -> tuple[float | None, Numbers | None]:
    b = private_numbers(instance.dataset, 0x2001, 0x1003)
    return b[0] if b else None, unit(_three(instance, 0x2005, (0x10B0, 0x10B1, 0x10B2)))


def _three(instance: Instance, group: int, elements: tuple[int, int, int]) -> Numbers | None:
    parts = [private_numbers(instance.dataset, group, element) for element in elements]
    return None if None in parts else tuple(part[0] for part in parts if part)


def _ge(instance: Instance) -> tuple[float | None, Numbers | None]:
    """Return GE's: a gradient shorter than 1 means a b-value smaller than the one that is named."""
    values = private_numbers(instance.dataset, 0x0043, 0x1039)
    b = values[0] if values else loose_number(instance.dataset, "DiffusionBValue")
    if b is not None and b >= _GE_FLAG:
        b -= _GE_FLAG
    gradient = unit(_three(instance, 0x0019, (0x10BB, 0x10BC, 0x10BD)))
    if gradient is None or b is None:
        return b, None
    length = math.hypot(*gradient)
    if length < _WHOLE:
        b = max(5.0, 5.0 * int((b * length**2 + 2.5) / 5))
    return b, _from_gradient_frame(instance, tuple(part / length for part in gradient))


def _canon(instance: Instance) -> tuple[float | None, Numbers | None]:
    """Return what Canon writes into Image Comments: phase and frequency change places with GE's order."""
    b = loose_number(instance.dataset, "DiffusionBValue")
    found = _COMMENT.search(instance.text("ImageComments"))
    if found is None:
        return b, None
    try:
        named, phase, frequency, along = (float(text) for text in found.groups())
    except ValueError:
        return b, None
    direction = unit((frequency, phase, along))
    if b is None:
        b = named
    return b, None if direction is None else _from_gradient_frame(instance, direction)


def _from_gradient_frame(instance: Instance, gradient: Numbers) -> Numbers | None:
    """Turn a gradient along frequency, phase and slice into the patient; None when that can't be known."""
    axes = _axes(instance)
    encoding = instance.text("InPlanePhaseEncodingDirection").upper()
    if axes is None or not encoding.startswith(("ROW", "COL")):
        return None
    frequency, phase, along = gradient
    inside = (-frequency, -phase, along) if encoding.startswith("COL") else (-phase, frequency, along)
    return _in_patient(axes, inside)


def _uih(instance: Instance) -> tuple[float | None, Numbers | None]:
    """Return UIH's, whose gradients count along row, column and normal of the image."""
    b = private_numbers(instance.dataset, 0x0065, 0x1009)
    inside, axes = unit(private_numbers(instance.dataset, 0x0065, 0x1037)), _axes(instance)
    return b[0] if b else None, None if inside is None or axes is None else _in_patient(axes, inside)


def _axes(instance: Instance) -> tuple[Numbers, Numbers, Numbers] | None:
    """Return the directions of row, column and normal, None when the file doesn't say them."""
    try:
        cosines = orientation(instance.dataset, instance.path)
    except CorruptError:
        return None  # placing the frame says so
    return None if cosines is None else (cosines[:3], cosines[3:], normal(cosines))


def _in_patient(axes: tuple[Numbers, Numbers, Numbers], inside: Numbers) -> Numbers:
    return tuple(sum(inside[k] * axes[k][i] for k in range(3)) for i in range(3))


_MAKERS = (
    ("SIEMENS", _siemens),
    ("PHILIPS", _philips),
    ("GE", _ge),
    ("UIH", _uih),
    ("CANON", _canon),
    ("TOSHIBA", _canon),
)
