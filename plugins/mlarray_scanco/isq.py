"""The header of an ISQ: a block of 512 bytes, little-endian, and perhaps more (Scanco, "ISQ format")."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io.sdk import RawData
from mlarray_scanco.image import ScancoImage, checked_sizes

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_io.sdk import Bytes

BLOCK = 512
_FIELDS = (
    "data_type", "nr_of_bytes", "nr_of_blocks", "patient_index", "scanner_id", "creation_date_low",
    "creation_date_high", "dimx_p", "dimy_p", "dimz_p", "dimx_um", "dimy_um", "dimz_um",
    "slice_thickness_um", "slice_increment_um", "slice_1_pos_um", "min_data_value", "max_data_value",
    "mu_scaling", "nr_of_samples", "nr_of_projections", "scandist_um", "scanner_type", "sampletime_us",
    "index_measurement", "site", "reference_line_um", "recon_alg",
)  # fmt: skip
"""Names of the integers after the magic."""
_NAME = slice(128, 168)
_ENERGY = struct.Struct("<2i")
_SHORT = 3
"""The type of voxels that reconstructions have."""


def parse(file: Bytes, path: Path) -> ScancoImage:
    """Return what the header says.

    Parameters
    ----------
    file
        Open, from its beginning.
    path
        The file, for errors.

    Raises
    ------
    CorruptError
        It makes no sense.
    UnsupportedError
        Its voxels are of a type that isn't read, such as those of an overview.
    """
    block = file.read(0, BLOCK)
    if len(block) < BLOCK:
        raise CorruptError("its header is cut short", path=path, hint="Was it copied whole?")
    fields: dict[str, object] = dict(
        zip(_FIELDS, struct.unpack_from(f"<{len(_FIELDS)}i", block, 16), strict=True)
    )
    fields["name"] = block[_NAME].split(b"\0")[0].decode("latin-1").strip()
    fields["energy_V"], fields["intensity_uA"] = _ENERGY.unpack_from(block, _NAME.stop)
    (offset,) = struct.unpack_from("<i", block, BLOCK - 4)
    if fields["data_type"] != _SHORT:
        raise UnsupportedError(
            f"its voxels are of type {fields['data_type']}, where reconstructions have {_SHORT}",
            path=path,
            field="data_type",
        )
    sizes = checked_sizes([fields[f"dim{axis}_p"] for axis in "xyz"], path)
    lengths = [fields[f"dim{axis}_um"] for axis in "xyz"]
    if offset < 0 or not all(isinstance(length, int) and length > 0 for length in lengths):
        raise CorruptError(f"expected lengths in um, got {lengths}", path=path, field="dimx_um")
    spacing = [length / 1000 / size for length, size in zip(lengths, sizes, strict=True)]  # type: ignore[operator]
    raw = RawData(sizes[::-1], np.dtype("<i2"), (offset + 1) * BLOCK)
    return ScancoImage(raw, spacing, None, fields)
