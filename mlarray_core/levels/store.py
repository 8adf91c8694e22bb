"""Coarser levels of an image in its file: building, finding, opening and dropping them."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import warnings
import zipfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mlarray_core import geometry
from mlarray_core.chunks import codec
from mlarray_core.container import frame as frames
from mlarray_core.container.frame_writer import closed
from mlarray_core.container.image_writer import ImageWriter, plan_image
from mlarray_core.container.level_index import INDEX, StoredLevel, index_of, name_of
from mlarray_core.container.open import open_contents
from mlarray_core.container.seal import KEY, State
from mlarray_core.container.storage import FrameStorage
from mlarray_core.container.trailer import vlmeta_content
from mlarray_core.disk import naming, spool_beside
from mlarray_core.errors import ArgumentError
from mlarray_core.layout.request import LayoutRequest
from mlarray_core.levels import pyramid
from mlarray_core.levels.overlay import Fit
from mlarray_core.levels.reduction import METHODS, Method, reduce
from mlarray_core.levels.values import taken_for_labels
from mlarray_core.meta import Meta
from mlarray_core.metadata import msgpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlarray_core.chunks.grid import Grid
    from mlarray_core.container.contents import Contents
    from mlarray_core.container.frame import Frame
    from mlarray_core.levels.pyramid import Level

Array = np.ndarray[Any, Any]
_DATE = (1980, 1, 1, 0, 0, 0)
REQUEST = LayoutRequest(cparams={"codec": 5, "clevel": 1})
"""ZSTD, of little effort: makes less of every kind of image than LZ4HC in less time. Only this package reads
levels, and hardly all of them."""
_AT_ONCE = 64 << 20
"""Bytes of voxels of the level before that are held at once, and after which their pages are forgotten."""


def count_of(levels: str | int | None) -> int | None:
    """Return how many levels are asked for: 0 for none, None for as many as it takes.

    Raises
    ------
    ArgumentError
        `levels` is neither ``"auto"``, ``"none"``, None nor a number.
    """
    if levels in (None, "none"):
        return 0
    if levels == "auto":
        return None
    if str(levels).isdigit():
        return int(levels)
    raise ArgumentError(f"levels must be 'auto', 'none' or a number, not {levels!r}")


def build(
    path: Path,
    levels: str | int | None,
    method: Method | None = None,
    threads: int = 1,
    meta: Meta | None = None,
) -> int:
    """Put levels behind the frame of a file that nobody else uses yet, and note them in its seal.

    Parameters
    ----------
    path
        Of a whole, sealed file; levels that it has are replaced.
    levels
        ``"auto"`` until the coarsest fits 256 x 256 or 64 x 64 x 64, or how many.
    method
        How values are made; None for the mode of label maps, and of integers of few values that don't say
        what they are, and the mean of everything else.
    threads
        How many.
    meta
        Of the image, where they are known; read from the file otherwise.

    Returns
    -------
    int
        How many levels there are now.
    """
    count = count_of(levels)
    with naming(path):
        drop(path)
    if count == 0:
        return 0
    contents = open_contents(str(path), "none")
    meta = contents.meta() if meta is None else meta
    wanted = [] if 0 in contents.grid.shape else _planned(contents.grid, meta, count)
    if not wanted:
        return 0
    chosen = _method(method, meta, contents)
    with spool_beside(path) as spool:
        files = _spooled(spool, contents, meta, wanted, chosen, threads)
        attach(path, contents, files, chosen, [level.factors for level in wanted])
    return len(wanted)


def attach(
    path: Path, contents: Contents, files: list[Path], method: str, factors: list[tuple[int, ...]]
) -> None:
    """Put frames behind that of a file without levels.

    Parameters
    ----------
    path, contents
        The file.
    files
        The frames, finest first.
    method
        How their values were made.
    factors
        For each of them, voxels of the full image along each axis that one voxel stands for.
    """
    with naming(path):
        frame = _note(path, contents, len(files))
        with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
            for number, file in enumerate(files, 1):
                _append(archive, number, file)
            archive.writestr(zipfile.ZipInfo(INDEX, _DATE), index_of(frame, method, factors))
        _sync(path)


def _note(path: Path, contents: Contents, count: int) -> Frame:
    """Write into the seal how many levels follow, so that who cuts them off doesn't do it unnoticed."""
    frame, table = contents.frame, contents.table
    if contents.state is not State.SEALED or table is None:
        raise ArgumentError(
            "only a sealed file can hold levels", hint="Seal it with: mlarray verify --reseal"
        )
    vlmeta = {name: vlmeta_content(contents.read, frame, name) for name in frame.vlmeta}
    vlmeta[KEY] = msgpack.pack_bytes(table._replace(levels=count).pack())
    index = contents.read(frame.offsets_at, frame.trailer_at - frame.offsets_at)
    header, end = closed(frame.header, index, frame.cbytes, vlmeta)
    with path.open("r+b") as file:
        file.seek(frame.trailer_at)
        file.write(end)
        file.truncate()
        file.seek(0)
        file.write(header)
        file.seek(0)
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return frames.parse(lambda at, size: whole[at : at + size], len(whole))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _planned(grid: Grid, meta: Meta, count: int | None) -> list[Level]:
    spatial = geometry.spatial_axes(meta.spatial.axis_labels, len(grid.shape))
    spacing = spacing_of(meta)
    return pyramid.plan(grid.shape, spatial, spacing, count)


def spacing_of(meta: Meta) -> list[float] | None:
    """Return the voxel sizes along the spatial axes, whichever way they are stored; None when unknown."""
    if meta.spatial.affine is not None:
        return geometry.decompose(meta.spatial.affine)[0]
    return meta.spatial.spacing


def _method(method: Method | None, meta: Meta, contents: Contents) -> Method:
    if method is None:
        return "mode" if _holds_labels(meta, contents) else "mean"
    if method not in METHODS:
        raise ArgumentError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if meta.is_seg.value is True and method == "mean":
        raise ArgumentError("the mean of labels is no label", hint="Take method 'mode' or 'max'")
    return method


def _holds_labels(meta: Meta, contents: Contents) -> bool:
    """Whether voxels are labels; a warning where only they themselves say so."""
    grid, storage = contents.grid, FrameStorage(contents)
    pieces = (storage.read(grid.box(number)) for number in range(grid.nchunks))
    labels, count = taken_for_labels(meta.is_seg.value, grid.dtype, pieces)
    if count:
        warnings.warn(
            f"the image holds {count} different integers and doesn't say what they are: its levels hold the "
            "most frequent value of each block, as those of labels do. Set meta.is_seg to True or False to "
            "say it",
            stacklevel=2,
        )
    return labels


def _spooled(
    spool: Path, contents: Contents, meta: Meta, wanted: list[Level], method: Method, threads: int
) -> list[Path]:
    """Build each level from the one before, each in a file of its own."""
    files: list[Path] = []
    before = contents
    for number, level in enumerate(wanted, 1):
        name = spool / name_of(number)
        with name.open("w+b") as file:
            _write_level(
                file, FrameStorage(before), level, meta_at(meta, level.shape, level), method, threads
            )
        before = open_contents(str(name), "none")
        files.append(name)
    return files


def _append(archive: zipfile.ZipFile, number: int, name: Path) -> None:
    entry = zipfile.ZipInfo(name_of(number), _DATE)
    large = name.stat().st_size >= 1 << 31
    with name.open("rb") as file, archive.open(entry, "w", force_zip64=large) as member:
        shutil.copyfileobj(file, member, 1 << 20)


def _write_level(
    file: BinaryIO, base: FrameStorage, level: Level, meta: Meta, method: Method, threads: int
) -> None:
    writer = ImageWriter(file, plan_image(meta, level.shape, base.dtype, REQUEST), meta)
    grid = writer.grid

    def encoded(number: int) -> bytes:
        box = tuple(
            slice(part.start * step, min(part.stop * step, size))
            for part, step, size in zip(grid.box(number), level.step, base.shape, strict=True)
        )
        return writer.encode(reduce(base.read(box), level.step, method))

    most = max(1, _AT_ONCE // (grid.chunksize * math.prod(level.step)))
    for number, chunk in enumerate(_in_turn(encoded, grid.nchunks, min(threads, most))):
        writer.append(number, chunk)
        if number % most == 0:
            base.release()
    writer.finish()


def _in_turn(make: Callable[[int], bytes], count: int, threads: int) -> Iterator[bytes]:
    """Yield ``make(0)``, ``make(1)`` ..., made on several threads a little ahead."""
    if threads <= 1:
        yield from map(make, range(count))
        return
    codec.share_lock()
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for number in range(count):
            waiting.append(pool.submit(make, number))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def meta_at(meta: Meta, shape: tuple[int, ...], place: Level | Fit) -> Meta:
    """Return what a level says of itself: where it lies and what its axes are.

    Parameters
    ----------
    meta
        Of the full image.
    shape
        Of the level.
    place
        How it lies over the image; at the centres of its blocks unless it says otherwise.
    """
    spatial = meta.spatial
    axes = geometry.spatial_axes(spatial.axis_labels, len(shape))
    factors = [place.factors[axis] for axis in axes]
    shifts = place.shifts if isinstance(place, Fit) else None
    labels = spatial.axis_labels or ["spatial"] * len(shape)
    known = spatial.affine is not None or spatial.origin is not None or spatial.direction is not None
    affine = pyramid.affine_at(geometry.affine_of(spatial, len(axes)), factors, shifts) if known else None
    spacing = None if known or spatial.spacing is None else np.multiply(spatial.spacing, factors)
    coarse = Meta(
        is_seg=meta.is_seg.value,
        spatial=geometry.spatial_meta(
            affine,
            axis_labels=labels,
            axis_units=spatial.axis_units,
            coord_system=spatial.coord_system,
            spacing=spacing,
        ),
    )
    coarse._set_by_library(has_array=True, shape=list(shape))
    return coarse


def find(contents: Contents) -> list[StoredLevel]:
    """Return the levels in a file; none when there are none, or none that belong to its image."""
    return contents.levels


def open_level(contents: Contents, level: StoredLevel) -> Contents:
    """Return the frame of one level, in the same file."""
    return contents.window(level.at, level.size)


def copy(source: Contents, path: Path) -> None:
    """Put the levels of one file behind the same image in another."""
    stored = find(source)
    if not stored:
        return
    with naming(path):
        frame = _note(path, open_contents(str(path), "none"), len(stored))
        with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
            for number, level in enumerate(stored, 1):
                entry = zipfile.ZipInfo(name_of(number), _DATE)
                with archive.open(entry, "w", force_zip64=level.size >= 1 << 31) as member:
                    for start in range(level.at, level.at + level.size, 1 << 20):
                        member.write(source.read(start, min(1 << 20, level.at + level.size - start)))
            index = index_of(frame, stored[0].method, [level.factors for level in stored])
            archive.writestr(zipfile.ZipInfo(INDEX, _DATE), index)


def drop(path: Path) -> bool:
    """Cut off whatever follows the frame of a file; return whether there was anything."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = frames.claimed_length(file.read(frames.MIN_HEADER))
    if length >= size:
        return False
    os.truncate(path, length)
    return True
