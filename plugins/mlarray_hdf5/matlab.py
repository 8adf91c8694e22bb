"""Marks of MATLAB 7.3, whose files are HDF5: what a dataset is besides its numbers.

MATLAB documents the attributes nowhere; they are as files of MATLAB hold them, and as mat73 and scipy's
neighbours read them: MATLAB_class, MATLAB_empty (the dataset holds the dimensions), MATLAB_sparse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMERIC = frozenset(
    {"double", "single", "logical"} | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_KINDS = {"char": "text", "cell": "a cell array", "function_handle": "a function"}


def reason_against(found: object, attributes: Mapping[str, object]) -> str | None:
    """Return why a dataset or group that MATLAB wrote is no image, None when nothing marks it so."""
    kind = attributes.get("MATLAB_class")
    if "MATLAB_sparse" in attributes:
        return "it is a sparse matrix"
    if not isinstance(kind, str) or isinstance(found, h5py.Group):
        return None
    if kind not in _NUMERIC:
        return f"it is {_KINDS.get(kind, f'an object of class {kind}')}"
    return "it is empty" if attributes.get("MATLAB_empty") else None


def is_logical(attributes: Mapping[str, object]) -> bool:
    """Return whether numbers stand for truth values."""
    return attributes.get("MATLAB_class") == "logical"


def complex_of(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the complex type that MATLAB stores as a record of ``real`` and ``imag``; None for others."""
    if dtype.names != ("real", "imag"):
        return None
    parts = {dtype["real"].newbyteorder("="), dtype["imag"].newbyteorder("=")}
    if len(parts) > 1 or not parts <= {np.dtype("f4"), np.dtype("f8")}:
        return None
    return np.result_type(*parts, np.complex64)
