"""Opens an MRtrix image."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Additions, AxisValues, Meta, Rescale
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_core.rescale import rescale_or_none
from mlarray_io.sdk import RawData, RawReader, check_size, data_path, open_bytes, tell_rest
from mlarray_mrtrix import gradients
from mlarray_mrtrix.bits import packed, unpacked
from mlarray_mrtrix.geometry import SPACE, added_axes, spatial_of, voxel_sizes
from mlarray_mrtrix.header import FILE, MrtrixHeader, read_header
from mlarray_mrtrix.layout import dtype_of, layout_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_core import MetaSpatial
    from mlarray_io import Box, Context, Reader
    from mlarray_io.sdk import Bytes
    from mlarray_mrtrix.layout import Layout
    from mlarray_mrtrix.options import MrtrixOptions


class MrtrixReader(RawReader):
    """One open image. A gzipped one is read forwards, whole planes at a time.

    Parameters
    ----------
    file
        Where the voxels are.
    raw
        How they lie there.
    meta
        The metadata.
    rescale
        Offset and scale, as `RawReader` takes them.
    backwards
        The axes of the array whose indices run against the file: volumes, which have no direction to turn.
    """

    def __init__(
        self, file: Bytes, raw: RawData, meta: Meta, rescale: Rescale | None, backwards: tuple[int, ...] = ()
    ) -> None:
        super().__init__(file, raw, meta, rescale=rescale)
        self._backwards = backwards

    def _stored(self, box: Box) -> np.ndarray[Any, Any]:
        stored = list(box)
        for axis in self._backwards:
            size = self.shape[axis]
            stored[axis] = slice(size - box[axis].stop, size - box[axis].start)
        if self._raw.dtype.kind == "b":
            voxels = unpacked(self._file, self._raw, tuple(stored))
        else:
            voxels = super()._stored(tuple(stored))
        return np.ascontiguousarray(np.flip(voxels, self._backwards)) if self._backwards else voxels


def open_mrtrix(path: Path, options: MrtrixOptions, context: Context) -> Reader:
    """Open the image whose file or header is `path`.

    Parameters
    ----------
    path
        The file.
    options
        The format's settings.
    context
        Limits to keep, and where losses, skipped images and warnings are reported.

    Raises
    ------
    CorruptError
        The header makes no sense, or describes more than its file holds.
    NotFoundError
        The data file is missing.
    UnsafeError
        The data file is outside the header's folder.
    UnsupportedError
        The type isn't known, or the voxels are in several files.
    LimitError
        It is larger than the host allows.
    """
    file = open_bytes(path)
    try:
        header = read_header(file)
        layout, dtype = layout_of(header, path), dtype_of(header, path)
        name, offset = data_file(header, path)
        if name is not None:
            file.close()
            file = open_bytes(data_path(path, name, options.allow_external), "none")
        raw = RawData((*[1] * added_axes(layout), *layout.shape), dtype, offset)
        stored = packed(raw) if dtype.kind == "b" else raw
        check_size(stored, file, context)
        tell_rest(file, stored, context, "its header describes")
        context.allow(raw.nbytes, path)
        rescale = scaling_of(header, dtype, path, raw=context.raw)
        spatial = spatial_of(header, layout, path, context, wanted=options.geometry != "none")
        meta = Meta(source=header.source, spatial=spatial)
        _additions(header, layout, spatial, rescale, path).store(meta)
        return MrtrixReader(file, raw, meta, rescale, backwards_of(layout))
    except BaseException:
        file.close()
        raise


def data_file(header: MrtrixHeader, path: Path) -> tuple[str | None, int]:
    """Return the name of the data file, None where voxels follow the header, and where they begin.

    Raises
    ------
    CorruptError
        The header doesn't say it.
    UnsupportedError
        It names several files by a pattern.
    """
    text = header.last(FILE, path)
    found = re.fullmatch(r"(\S+)(?:\s+(\d{1,18}))?", text)
    if found is None:
        raise CorruptError(f"expected a file and an offset, got {text[:60]!r}", path=path, field=FILE)
    name, offset = found[1], int(found[2] or 0)
    if name == ".":
        if offset == 0:
            raise CorruptError("says of voxels in the same file not where", path=path, field=FILE)
        return None, offset
    if re.search(r"\[[\d,:]*\]", name):
        raise UnsupportedError(
            "its voxels are in several numbered files",
            path=path,
            field=FILE,
            hint="Join them first: mrconvert IN.mih OUT.mif",
        )
    return name, offset


def scaling_of(
    header: MrtrixHeader, dtype: np.dtype[Any], path: Path, *, raw: bool = False
) -> Rescale | None:
    """Return offset and scale of stored values, None when they change nothing.

    Parameters
    ----------
    header
        The header.
    dtype
        Of the stored values.
    path
        The file, for errors.
    raw
        Whether stored values are asked for.

    Raises
    ------
    CorruptError
        They aren't two numbers.
    """
    lines = header.lines("scaling")
    if not lines:
        return None
    numbers = header.numbers("scaling", lines[-1], path)
    if len(numbers) != 2:
        raise CorruptError(f"expected offset and scale, got {numbers[:8]}", path=path, field="scaling")
    offset, scale = numbers
    if not all(map(math.isfinite, numbers)) or scale == 0:
        raise CorruptError(f"expected offset and scale, got {numbers}", path=path, field="scaling")
    return rescale_or_none(scale, offset, dtype, raw=raw)


def backwards_of(layout: Layout) -> tuple[int, ...]:
    """Return the axes of the array, none of space, that are stored backwards."""
    return tuple(place for place, axis in enumerate(layout.order) if axis >= SPACE and layout.backwards[axis])


def _additions(
    header: MrtrixHeader, layout: Layout, spatial: MetaSpatial, rescale: Rescale | None, path: Path
) -> Additions:
    additions = Additions(rescale=rescale)
    if len(layout.sizes) <= SPACE:
        single = gradients.scheme_of(header, 1, path)
        additions.bids = {} if single is None else gradients.to_bids(single, spatial)
        return additions
    place = layout.order.index(SPACE)
    scheme = gradients.scheme_of(header, layout.sizes[SPACE], path)
    if scheme is not None:
        additions.bids = gradients.to_bids(scheme, spatial)
        additions.axes[place] = AxisValues(gradients.NAME, gradients.UNIT, additions.bids["bval"])
        return additions
    labels, units = spatial.axis_labels or [], spatial.axis_units or [""] * len(layout.sizes)
    step = voxel_sizes(header, len(layout.sizes), path)[SPACE]
    if labels[place] == "temporal" and math.isfinite(step) and step > 0 and layout.sizes[SPACE] > 1:
        times = [index * step for index in range(layout.sizes[SPACE])]
        additions.axes[place] = AxisValues("time", units[place], times)
    return additions
