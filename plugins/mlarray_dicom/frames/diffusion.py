"""b-values and gradient directions, of the standard and of makers that keep them in private elements."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from mlarray_dicom.attributes import normal, number, numbers, orientation

if TYPE_CHECKING:
    from mlarray_dicom.instance import Instance


def diffusion_of(instance: Instance) -> Any:
    """Return b-value (s/mm²) and gradient direction, of the standard or of Siemens, Philips, GE and UIH."""
    get = instance.dataset.get
    b = number(instance.get("DiffusionBValue"))
    direction = numbers(instance.get("DiffusionGradientOrientation"))
    maker = instance.text("Manufacturer").upper()
    if b is None and "SIEMENS" in maker:
        b, direction = number(_raw(get((0x0019, 0x100C)))), numbers(_raw(get((0x0019, 0x100E))))
    elif b is None and "PHILIPS" in maker:
        b = number(_raw(get((0x2001, 0x1003))))
        parts = [number(_raw(get((0x2005, element)))) for element in (0x10B0, 0x10B1, 0x10B2)]
        direction = None if None in parts else tuple(part or 0.0 for part in parts)
    elif b is None and maker.startswith("GE"):
        b, direction = _ge(instance)
    elif b is None and maker.startswith("UIH"):
        b, direction = _uih(instance)
    return None if b is None else (b, direction)


def _ge(instance: Instance) -> tuple[float | None, tuple[float, ...] | None]:
    """Return b-value and direction of GE; large b-values carry a flag of 1e9 (dcm2niix, "readb GE")."""
    get = instance.dataset.get
    values = numbers(_raw(get((0x0043, 0x1039))))
    b = values[0] if values else None
    if b is not None and b >= 1e9:
        b -= 1e9
    parts = [number(_raw(get((0x0019, element)))) for element in (0x10BB, 0x10BC, 0x10BD)]
    return b, None if None in parts else tuple(part or 0.0 for part in parts)


def _uih(instance: Instance) -> tuple[float | None, tuple[float, ...] | None]:
    """Return b-value and direction of UIH, which counts along row, column and normal of the image."""
    get = instance.dataset.get
    b, inside = number(_raw(get((0x0065, 0x1009)))), numbers(_raw(get((0x0065, 0x1037))))
    axes = orientation(instance, instance.dataset)
    if inside is None or len(inside) != 3 or axes is None:
        return b, None
    columns = (axes[:3], axes[3:], normal(axes))
    return b, tuple(sum(inside[k] * columns[k][i] for k in range(3)) for i in range(3))


def _raw(element: Any) -> Any:
    """Return the value of a private element, read as numbers even when its VR got lost."""
    value = getattr(element, "value", None)
    if not isinstance(value, bytes):
        return value
    if len(value) in (4, 8, 24) and value.strip(b" 0123456789.+-eE\\\0"):
        code = {4: "<f", 8: "<d", 24: "<3d"}[len(value)]
        found = struct.unpack(code, value)
        return found if len(found) > 1 else found[0]
    return value.decode("latin-1").strip(" \0").split("\\")
