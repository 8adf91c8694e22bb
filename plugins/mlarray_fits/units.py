"""Units of a file (HDUs): opening it, and which of them hold an image. Runs in the other process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from astropy.io import fits

from mlarray_core.errors import UnsupportedError
from mlarray_io.sdk import damage_named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

Unit = Any
"""An object of astropy's, which has no types: a unit (HDU), a list of them, a header, a value of one."""

MOST_UNITS = 10_000


def explained(path: Path | str) -> AbstractContextManager[None]:
    """Say which file is damaged when astropy raises within: its codecs have kinds of their own."""
    return damage_named(path, "is damaged, or no FITS file", "astropy", "mlarray_fits", "numpy")


def open_units(path: Path, *, packed: bool = False) -> Unit:
    """Open a file; astropy reads a unit's header when it is asked for.

    Parameters
    ----------
    path
        The file.
    packed
        Have compressed images as the tables that hold them.
    """
    return fits.open(
        path,
        mode="readonly",
        memmap=packed_file(path),
        lazy_load_hdus=True,
        do_not_scale_image_data=True,
        disable_image_compression=packed,
    )


def packed_file(path: Path) -> bool:
    """Say whether astropy can map the file, which it can't when it is gzipped."""
    with path.open("rb") as file:
        return file.read(2) != b"\x1f\x8b"


def each_unit(units: Unit) -> Iterator[tuple[int, Unit]]:
    """Yield the units with their numbers.

    Behind a damaged unit of a gzipped file astropy begins anew with the first one, without an end: units are
    over where their places don't rise.

    Raises
    ------
    UnsupportedError
        There are very many.
    """
    last = -1
    for number, unit in enumerate(units):
        place = int(getattr(unit, "_header_offset", last + 1))
        if place <= last:
            return
        last = place
        if number >= MOST_UNITS:
            raise UnsupportedError(f"holds more than {MOST_UNITS:,} units")
        yield number, unit


def is_compressed(unit: Unit) -> bool:
    """Say whether a unit is an image in compressed tiles (FITS 4.0, 10.1)."""
    return isinstance(unit, fits.CompImageHDU)


def reason_against(unit: Unit) -> str | None:
    """Return why a unit is no image; None when it is one, and an empty text for one without any data."""
    if isinstance(unit, fits.GroupsHDU):
        return "its random groups are no image (FITS 4.0, 6)"
    if not isinstance(unit, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
        return f"it is no image ({unit.header.get('XTENSION', 'unknown')})"
    shape = unit.shape
    if not shape:
        constant = unit.header.get("PIXVALUE")
        return "" if constant is None else f"it stores no pixels: all are {constant} (PIXVALUE)"
    return "" if 0 in shape else None
