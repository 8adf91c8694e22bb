"""What images a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlarray_fits.pixels import pixels_of
from mlarray_fits.units import each_unit, explained, open_units, reason_against
from mlarray_io import Context, ImageRef

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_fits.units import Unit


def list_images(path: Path, context: Context) -> list[ImageRef]:
    """List every unit with an image by its number. Runs in the other process.

    Parameters
    ----------
    path
        The file.
    context
        Is told of the units that are no images.
    """
    found = []
    with explained(path), open_units(path) as units:
        for number, unit in each_unit(units):
            reason = reason_against(unit)
            if reason is None:
                found.append(_listed(number, unit))
            elif reason:
                context.skip(_title(number, unit), reason)
    return found


def _listed(number: int, unit: Unit) -> ImageRef:
    name = str(unit.name).strip()
    version = f"{name},{unit.ver}"
    title = name if name and name != "PRIMARY" else ""
    return ImageRef(
        key=str(number),
        title=f"{title} {unit.ver}" if title and unit.ver > 1 else title,
        facts={"shape": list(unit.shape), "dtype": pixels_of(unit).plain.name},
        aliases=(name, version) if name else (),
    )


def _title(number: int, unit: Unit) -> str:
    return f"unit {number} {unit.name}".strip()
