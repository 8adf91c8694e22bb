"""How the voxels of a series are read, once it is known that the file can hold them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, LimitError, UnsupportedError
from mlarray_io.sdk import RawData
from mlarray_tiff.read.planes import PagedVoxels, align
from mlarray_tiff.read.private_names import stored_pages
from mlarray_tiff.read.segments import UNCOMPRESSED, most_in, segment_counts, segment_shape, sizeless
from mlarray_tiff.read.voxels import Run, RunVoxels, WholeVoxels, in_a_row, is_left_out, is_plain

if TYPE_CHECKING:
    from pathlib import Path

    from tifffile import TiffPage, TiffPageSeries

    from mlarray_tiff.read.voxels import Voxels


def voxels_of(
    series: TiffPageSeries, path: Path, threads: int, allowed: int | None, *, fills: bool = False
) -> Voxels:
    """Return access to the voxels of a series.

    Parameters
    ----------
    series
        From tifffile.
    path
        The source.
    threads
        How many segments are decoded at once.
    allowed
        Bytes of voxels that the user said are all right, whatever the size of the file; None: no word.
    fills
        Whether compressed segments without a size are left out, instead of damage.

    Raises
    ------
    CorruptError
        The file can't hold them.
    UnsupportedError
        The samples are of no known type, or pages are left out of a series that has to be rearranged.
    """
    keyframe = series.keyframe
    run = _run_of(series)
    if run is not None:
        if run.raw.offset + run.raw.nbytes > keyframe.parent.filehandle.size:
            raise CorruptError("the file ends within its voxels", path=path, hint="Was it copied whole?")
        return RunVoxels(run)
    places = None if series.transform is not None else align(series.shape, keyframe.shaped, len(series))
    if places is None or keyframe.dtype != series.dtype:
        absent = sum(page is not None and 0 in page.dataoffsets for page in stored_pages(series))
        if absent and is_plain(keyframe):
            raise UnsupportedError(f"leaves out {absent} pages of an image in {series.kind} order", path=path)
        return WholeVoxels(series, series.shape)
    _check_segments(keyframe, path, allowed)
    if not fills and keyframe.compression != UNCOMPRESSED:
        _check_sizes(keyframe, path)
    return PagedVoxels(series, places, path, threads, fills=fills)


def _run_of(series: TiffPageSeries) -> Run | None:
    """Return the one run that all voxels of a series lie in, None when they don't."""
    if series.transform is not None or not series.dataoffset:
        return None
    if not all(page is not None and in_a_row(page) for page in stored_pages(series)):
        return None
    keyframe = series.keyframe
    dtype = series.dtype.newbyteorder(keyframe.parent.byteorder)
    return Run(keyframe.parent.filehandle.path, RawData(series.shape, dtype, int(series.dataoffset)))


def _check_sizes(keyframe: TiffPage, path: Path) -> None:
    """Refuse segments that have a place and no size, before anything is decoded.

    TIFF 6.0 doesn't know them. OpenSlide has met them in Aperio's slides, "apparently due to an encoder bug",
    and shows what the next coarser level has there.
    """
    count = sizeless(keyframe)
    if count:
        raise CorruptError(
            f"{count} of {len(keyframe.dataoffsets)} segments have a place and no size",
            path=path,
            hint="-o missing=fill reads the others",
        )


def _check_segments(keyframe: TiffPage, path: Path, allowed: int | None) -> None:
    """Refuse a page whose size asks for more segments, or more voxels, than the file can hold."""
    if keyframe.dtype is None:
        bits = f"{keyframe.bitspersample} bits per sample of format {keyframe.sampleformat}"
        raise UnsupportedError(f"{bits} fit no type", path=path)
    if is_plain(keyframe) and in_a_row(keyframe):
        size = math.prod(keyframe.shaped) * keyframe.dtype.itemsize
        if int(keyframe.dataoffsets[0]) + size > keyframe.parent.filehandle.size and not is_left_out(
            keyframe
        ):
            raise CorruptError("the file ends within its voxels", path=path, hint="Was it copied whole?")
        return
    wanted, listed = math.prod(segment_counts(keyframe)), len(keyframe.dataoffsets)
    if wanted > listed:
        raise CorruptError(f"its size asks for {wanted:,} segments, the file lists {listed:,}", path=path)
    stored = [int(count) for count in keyframe.databytecounts[:wanted] if count]
    held = min(sum(stored), keyframe.parent.filehandle.size)
    described = len(stored) * math.prod(segment_shape(keyframe)) * keyframe.dtype.itemsize
    if described > most_in(held) and described > (allowed or 0):
        raise LimitError(
            f"says that {held:,} bytes hold {described:,}",
            path=path,
            hint="Allow it with --max-bytes (max_bytes=) if the file is to be trusted",
        )
