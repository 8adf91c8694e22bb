"""The header of an MGH file: 284 bytes before the voxels, and what follows them (FreeSurfer, mri.h)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError
from mlarray_core.headers import plain, restore
from mlarray_mgh.signature import MGH_TYPES, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DATA = 284
"""Where voxels begin (FreeSurfer, mri.h)."""

LARGEST_FOOTER = 64 << 20
"""Bytes after the voxels: scan parameters, and tags with colour tables and the like."""

HEADER = struct.Struct(">7i h 15f")
FIELDS = (
    "version", "width", "height", "depth", "nframes", "type", "dof", "goodRASFlag", "delta", "Mdc", "Pxyz_c",
)  # fmt: skip
_PARAMETERS = struct.Struct(">5f")
_DEFAULT = ([1.0, 1.0, 1.0], [-1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0])
"""Placement without a good one: coronal slices, LIA (FreeSurfer, mghRead)."""


@dataclass(frozen=True)
class Mgh:
    """A header.

    Parameters
    ----------
    fields
        Values by name (mri.h), lists for delta, Mdc and Pxyz_c.
    footer
        The bytes after the voxels.
    """

    fields: dict[str, Any]
    footer: bytes = b""

    def sizes(self) -> tuple[int, int, int, int]:
        """Return width, height, depth and number of frames."""
        return tuple(self.fields[name] for name in FIELDS[1:5])

    def affine(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the affine from x, y, z to RAS."""
        names = ("delta", "Mdc", "Pxyz_c")
        good = self.fields["goodRASFlag"] > 0
        delta, cosines, centre = (self.fields[name] for name in names) if good else _DEFAULT
        affine = np.eye(4)
        affine[:3, :3] = np.array(cosines).reshape(3, 3).T * delta
        affine[:3, 3] = centre - affine[:3, :3] @ (np.array(self.sizes()[:3]) / 2)
        return affine

    def repetition(self) -> float:
        """Return the repetition time in ms, 0 when it isn't said."""
        return float(_PARAMETERS.unpack_from(self.footer)[0]) if len(self.footer) >= _PARAMETERS.size else 0.0

    def with_repetition(self, milliseconds: float) -> Mgh:
        """Return the same header with another repetition time."""
        footer = self.footer.ljust(_PARAMETERS.size, b"\0")
        return Mgh(self.fields, struct.pack(">f", milliseconds) + footer[4:])


def parse(block: bytes, path: Path) -> Mgh:
    """Return the header in the first bytes of a file.

    Raises
    ------
    CorruptError
        It makes no sense.
    """
    if len(block) < HEADER.size:
        raise CorruptError("is too short for a header", path=path)
    values = HEADER.unpack_from(block)
    fields = dict(
        zip(FIELDS, (*values[:8], [*values[8:11]], [*values[11:20]], [*values[20:23]]), strict=True)
    )
    if fields["version"] & 0xFF != VERSION:
        raise CorruptError(f"expected version 1, got {fields['version']}", path=path, field="version")
    if fields["type"] not in MGH_TYPES:
        raise CorruptError(f"there is no type {fields['type']}", path=path, field="type")
    if any(fields[name] < 1 for name in FIELDS[1:5]):
        raise CorruptError(f"expected sizes over 0, got {values[1:5]}", path=path, field="width ... nframes")
    return Mgh(fields)


def to_source(header: Mgh) -> dict[str, Any]:
    """Return a header as `meta.source` holds it."""
    return {"mgh": plain(header.fields), "footer": plain(header.footer)}


def from_source(source: Mapping[str, Any]) -> Mgh | None:
    """Return the header that `meta.source` holds, None when it is of another format."""
    if "mgh" not in source:
        return None
    return Mgh(restore(source["mgh"]), restore(source.get("footer", {"base64": ""})))


def deidentified(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header without what follows the parameters: tags hold command lines and names of files."""
    if "mgh" not in source:
        return {}
    footer = restore(source.get("footer", {"base64": ""}))
    return {"mgh": source["mgh"], "footer": plain(bytes(footer)[: _PARAMETERS.size])}
