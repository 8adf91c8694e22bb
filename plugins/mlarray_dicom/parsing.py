"""What pydicom raises on damaged files, and how it is kept quiet on odd ones."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from pydicom.errors import BytesLengthException, InvalidDicomError

from mlarray_io.sdk import ignored_warnings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PARSING = (
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    MemoryError,
    AssertionError,
    struct.error,
    zlib.error,
    BytesLengthException,
    InvalidDicomError,
)
"""What pydicom raises on damaged files."""


def quiet() -> AbstractContextManager[None]:
    """Return a context that keeps remarks on odd values from the user: what matters is checked here."""
    return ignored_warnings("pydicom", "highdicom", "mlarray_dicom", "pylibjpeg", "openjpeg", "PIL")
