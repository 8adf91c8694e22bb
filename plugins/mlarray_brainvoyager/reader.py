"""Opens a file of BrainVoyager."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlarray_brainvoyager.headers import Volume, behind_voxels, msk, v16, vmr, vtc
from mlarray_brainvoyager.maps import vmp
from mlarray_brainvoyager.signature import is_map
from mlarray_core import Additions, Meta, geometry
from mlarray_core.errors import UnsupportedError
from mlarray_core.headers import plain
from mlarray_core.meta import is_spatial
from mlarray_io.sdk import RawReader, check_size, open_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlarray_io import Context
    from mlarray_io.sdk import Bytes

PARSERS: dict[str, Callable[[Bytes], Volume]] = {
    ".vmr": vmr, ".v16": v16, ".msk": msk, ".vtc": vtc, ".vmp": vmp,
}  # fmt: skip
"""By suffix: but for maps, the files have no mark."""
UNTOLD = (
    "BrainVoyager's files don't say where their axes lead in the world: the world is unset;"
    " Z, Y and X of its own are the axes, slowest first"
)


def open_brainvoyager(path: Path, head: bytes, context: Context) -> RawReader:
    """Open a volume, as its suffix says what it is; a packed one is read forwards.

    Parameters
    ----------
    path
        The file.
    head
        Its first bytes, unpacked.
    context
        Limits to keep, and where warnings go.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than the file holds.
    UnsupportedError
        It is of a version that isn't read, or its suffix says nothing.
    LimitError
        It is larger than the host allows.
    """
    suffix = ".vmp" if is_map(head) else Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in PARSERS:
        raise UnsupportedError(
            "which of BrainVoyager's files it is, its suffix must say", path=path, hint=", ".join(PARSERS)
        )
    file = open_bytes(path)
    try:
        volume = PARSERS[suffix](file)
        check_size(volume.raw, file, context)
        if suffix == ".vmr":
            volume = behind_voxels(file, volume)
        context.warn(UNTOLD)
        units = ["mm" if is_spatial(label) else "" for label in volume.labels]
        for axis, known in volume.axes.items():
            units[axis] = known.unit
        told = units if volume.spacing is not None or volume.axes else None
        if volume.spacing is None and told is not None:
            told = ["" if unit == "mm" else unit for unit in told]
        spatial = geometry.spatial_meta(
            None, axis_labels=volume.labels, axis_units=told, spacing=volume.spacing
        )
        meta = Meta(source=plain(volume.fields), spatial=spatial, is_seg=suffix == ".msk" or None)
        Additions(axes=volume.axes).store(meta)
        return RawReader(file, volume.raw, meta, plane=3 if suffix == ".vtc" else 2)
    except BaseException:
        file.close()
        raise
