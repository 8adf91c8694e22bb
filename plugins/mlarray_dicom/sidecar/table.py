"""Where the table stood, as each maker's private elements say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlarray_dicom.sidecar.lookup import Lookup

_SIEMENS = ((0x0019, 0x1014), (0x0021, 0x1005), (0x0021, 0x1159))
_GE, _GE_OFFSET = (0x0043, 0x10B2), (0x0019, 0x107F)
_PHILIPS = (0x2005, 0x143C)
_FARTHEST = 1e5
"""A position in mm that no table has: Philips writes 1.7e38 where it says none."""


def table_position(header: Lookup) -> list[float] | None:
    """Return the position of the table in mm, along x, y and z as dcm2niix has them; None when it isn't said.

    Siemens says all three and Philips the last one, both against that z; GE the last one, less an offset.

    Parameters
    ----------
    header
        Of the first file.
    """
    found: list[float] = []
    place: tuple[float, ...]
    if header.maker == "Siemens":
        several = (header.private_numbers(*tag) for tag in _SIEMENS)
        place = next((one for one in several if one and len(one) == 3), ())
        found = [place[0], place[1], -place[2]] if place else []
    elif header.maker == "GE":
        place, offset = header.private_numbers(*_GE) or (), header.private_numbers(*_GE_OFFSET) or (0.0,)
        found = [0.0, 0.0, place[2] - offset[0]] if len(place) > 2 else []
    elif header.maker == "Philips":
        place = header.private_numbers(*_PHILIPS) or ()
        found = [0.0, 0.0, -place[0]] if place else []
    if not found or max(map(abs, found)) > _FARTHEST:
        return None
    return [int(one) if one == int(one) else round(one, 9) for one in found]
