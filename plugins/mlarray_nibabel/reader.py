"""Opens what nibabel reads. nibabel itself runs in another process, see `describing`."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, Meta, geometry
from mlarray_core.errors import CorruptError, MetadataError, MLArrayError, NotFoundError
from mlarray_io import Box, ChildBytes, Context, RawData, Reader, call_child, check_size, read_box

if TYPE_CHECKING:
    from collections.abc import Iterator

RATIO = 1032
"""The most that deflate can shrink, for sizes that lie."""

_HEADERS = {"afni": (".brik.gz", ".brik", ".head"), "parrec": (".rec", ".par")}
"""Suffixes of voxels, and last the one of the header beside them."""

_PLACES = ("spatial_x", "spatial_y", "spatial_z")


class NibabelReader(Reader):
    """One open image. It is read whole, into a file without a name, when the first box is asked for."""

    def __init__(self, path: Path, format: str, raw: RawData, meta: Meta) -> None:
        self._path, self._format, self._raw, self.meta = path, format, raw, meta
        self.shape, self.dtype = raw.shape, raw.dtype
        self._file: ChildBytes | None = None

    def __getitem__(self, box: Box, /) -> np.ndarray[Any, Any]:
        if self._file is None:
            with _named(self._path, self._format) as path:
                self._file = call_child(
                    f"mlarray_nibabel.describing:{self._format}_voxels", path, self._raw.nbytes
                )
            check_size(self._raw, self._file, Context())
        return read_box(self._file, self._raw, box)

    def close(self) -> None:
        """Forget the voxels."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_image(path: Path, format: str, suffixes: tuple[str, ...], context: Context) -> NibabelReader:
    """Open an image.

    Raises
    ------
    CorruptError
        nibabel refuses it or its libraries crash on it; or its header describes more than its files hold.
    NotFoundError
        The other file of a pair is missing.
    LimitError
        It is larger than the host allows.
    """
    path = _header(path, format)
    with _named(path, format) as named:
        answer = call_child(f"mlarray_nibabel.describing:{format}", named)
    answer.close()
    found = answer.header
    raw = RawData(tuple(found["shape"]), np.dtype(found["dtype"]))
    if 0 in raw.shape or raw.nbytes > found["bytes"] * RATIO * 8:
        raise CorruptError(
            f"its header describes {raw.nbytes:,} bytes, which its files can't hold", path=path
        )
    context.allow(raw.nbytes, path)
    return NibabelReader(path, format, raw, _meta(found, path))


def _meta(found: dict[str, Any], path: Path) -> Meta:
    labels = _labels(found["axes"])
    units = [
        "mm" if label.startswith("spatial") else unit
        for label, unit in zip(labels, found["units"], strict=True)
    ]
    try:
        affine = np.array(found["affine"], dtype=np.float64)
        if not np.isfinite(affine).all():
            raise CorruptError("expected numbers, got NaN or infinity", path=path, field="affine")
        world = "LPS" if len(affine) == 4 else None
        affine = geometry.to_world(affine, "RAS", "LPS") if world else affine
        spatial = geometry.spatial_meta(affine, axis_labels=labels, axis_units=units, coord_system=world)
    except MetadataError as error:
        raise CorruptError(error.message, path=path, field="affine") from error
    meta = Meta(source=found["source"], spatial=spatial)
    axes = {}
    for axis, (start, step) in found["steps"].items():
        count, unit = found["shape"][int(axis)], found["units"][int(axis)]
        if step and np.isfinite([start, step]).all() and count > 1:
            values = [start + step * index for index in range(count)]
            axes[int(axis)] = {"name": "time", "unit": unit, "values": values}
    Additions(axes=axes).store(meta)
    return meta


def _labels(axes: list[str]) -> list[str]:
    """Return labels, the spatial ones by their places."""
    places = list(_PLACES[: axes.count("space")])
    return [places.pop() if axis == "space" else axis for axis in axes]


def _header(path: Path, format: str) -> Path:
    """Return the header of a pair, whichever of its files was given."""
    suffixes = _HEADERS.get(format)
    if suffixes is None:
        return path
    *others, wanted = suffixes
    low = path.name.lower()
    suffix = next((one for one in others if low.endswith(one)), None)
    if suffix is None:
        return path
    stem = path.name[: -len(suffix)]
    for name in (stem + wanted, stem + wanted.upper()):
        if path.with_name(name).is_file():
            return path.with_name(name)
    raise NotFoundError(
        "holds voxels whose header is in another file, which is missing",
        path=path,
        hint=f"Put {stem + wanted.upper()} beside it",
    )


@contextmanager
def _named(path: Path, format: str) -> Iterator[Path]:
    """Give a misnamed file the name by which nibabel knows its format, as a link in a folder of its own."""
    suffix = {"minc": ".mnc", "ecat": ".v"}.get(format, "")
    if path.name.endswith(suffix):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"image{suffix}"
        link.symlink_to(path.resolve())
        try:
            yield link
        except MLArrayError as error:
            error.path = str(path)
            raise
