"""Which variables hold data, and which describe those: coordinates, bounds, grid mappings (CF 1.11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import netCDF4

from mlarray_netcdf.files import attributes_of, variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_netcdf.files import Library

_ONE = ("bounds", "climatology")
_SEVERAL = ("coordinates", "cell_measures", "formula_terms", "grid_mapping")


def described_by(attributes: Mapping[str, object]) -> set[str]:
    """Return the names of the variables that describe the one with these attributes."""
    names: set[str] = set()
    for name in _ONE:
        names.add(str(attributes.get(name, "")))
    for name in _SEVERAL:
        # "coordinates" lists names; the others may put a word with a colon before them (CF 5.6, 7.2)
        names |= {word for word in re.split(r"\s+", str(attributes.get(name, ""))) if not word.endswith(":")}
    return names - {""}


def describing(file: Library) -> set[str]:
    """Return the names of all variables that describe others, those of dimensions apart."""
    names: set[str] = set()
    for _, variable in variables_of(file):
        names |= described_by(attributes_of(variable))
    return names


def is_coordinate(variable: Library) -> bool:
    """Say whether a variable holds the positions along the dimension that it is called like (CF 5)."""
    return tuple(variable.dimensions) == (variable.name,)


def reason_against(variable: Library) -> str | None:
    """Return why a variable isn't offered as an image; None when it is, empty for what needs no word."""
    if variable.ndim == 0 or 0 in variable.shape:
        return ""
    if is_coordinate(variable):
        return ""
    kind = getattr(variable.dtype, "kind", "")
    if variable.dtype is str or kind in "SUO":
        return "" if variable.ndim < 3 else "its values are texts"
    if isinstance(variable.datatype, netCDF4.VLType):
        return "its values differ in length"
    if kind not in "iuf":
        return "its values are records"
    return None
