"""One huge image, converted by many workers: they encode regions of whole chunks, one writer joins them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_hex
from threading import get_ident
from typing import TYPE_CHECKING, Any

from mlarray_io.batch.malloc import keep_memory
from mlarray_io.engine.conversion import convert
from mlarray_io.engine.registry import installed
from mlarray_io.engine.select import open_one
from mlarray_io.mla import MlaFormat
from mlarray_io.places.place import LocalPlace, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from mlarray_core.chunks.grid import Grid
    from mlarray_core.container.image_writer import ImageWriter
    from mlarray_core.statistics.census import Census
    from mlarray_io.engine.lossy import Tolerance
    from mlarray_io.engine.result import Conversion
    from mlarray_io.engine.settings import Settings
    from mlarray_io.engine.writing import Writer
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Box, Format, ImageRef, Reader
    from mlarray_io.sdk.source import Source

    Part = tuple[list[tuple[int, bytes | None]], Census | None]

AHEAD = 3
"""Regions that are under way for each thread of the cluster."""
_OPEN: dict[int, tuple[str, ExitStack, Reader]] = {}
"""Of each thread of a worker, the run whose source it has open."""


@dataclass(frozen=True)
class Work:
    """What is the same for all regions: the source, how it is read, and how chunks are encoded.

    `census` has counted nothing; None when none is asked for. `run` tells conversions apart.
    """

    run: str
    source: str
    format: str
    image: str
    settings: Settings
    grid: Grid
    cparams: dict[str, Any]
    tolerance: Tolerance | None
    census: Census | None


def encode(work: Work, box: Box) -> Part:
    """Return the chunks of a region, encoded, with their numbers; and what was counted of its voxels."""
    from mlarray_core.chunks import codec
    from mlarray_io.engine.chunking import chunks_of
    from mlarray_io.engine.lossy import rounded

    keep_memory()
    found: list[tuple[int, bytes | None]] = []
    census = deepcopy(work.census)
    voxels = _read(work, box).astype(work.grid.dtype, copy=False)
    for number, chunk in chunks_of(voxels, box, work.grid):
        exact = chunk if work.tolerance is None else rounded(chunk, work.tolerance)
        if census is not None:
            census.add(work.grid.box(number), exact)
        found.append((number, codec.encode(exact, work.grid, work.cparams)))
    return found, census


def _read(work: Work, box: Box) -> np.ndarray[Any, Any]:
    """Read a region. The source stays open for this thread's next: a stream can only be read forwards."""
    me = get_ident()
    if me not in _OPEN or _OPEN[me][0] != work.run:
        release(me)
        stack = ExitStack()
        settings = replace(work.settings, source_format=work.format)
        one = open_one(place_of(work.source), settings, work.image, target=installed().get("mla"))
        _OPEN[me] = work.run, stack, stack.enter_context(one).reader
    try:
        return _OPEN[me][2][box]
    except BaseException:
        release(me)
        raise


def release(*threads: int) -> None:
    """Close the sources that these threads have open; without any, those of all threads."""
    for thread in threads or tuple(_OPEN):
        kept = _OPEN.pop(thread, None)
        if kept is not None:
            kept[1].close()


def convert_together(
    source: Path, target: Path, settings: Settings, image: str | None, client: Any
) -> Conversion:
    """Convert one image to `.mla` on a cluster, to what one process would have written.

    Parameters
    ----------
    source, target, settings, image
        As for `mlarray_io.engine.conversion.convert`; workers see the source at the same path.
    client
        Of a Dask cluster.
    """

    def spread(
        path: Path,
        format: str,
        key: str,
        writer: ImageWriter,
        step: tuple[int, ...],
        tolerance: Tolerance | None,
        census: Census | None,
        context: Context,
    ) -> None:
        origin, blank = os.path.abspath(path), deepcopy(census)
        work = Work(
            token_hex(8), origin, format, key, settings, writer.grid, writer.cparams, tolerance, blank
        )
        for chunks, counted in _encoded(client, work, step, context):
            for number, chunk in chunks:
                writer.append(number, chunk)
            if census is not None and counted is not None:
                census.merge(counted)

    def writer(origin: Source, format: Format, chosen: ImageRef) -> Writer:
        return partial(MlaFormat().write, spread=partial(spread, origin.path, format.name, chosen.key))

    return convert(LocalPlace(source), LocalPlace(target), settings, image, writer=writer)


def _encoded(client: Any, work: Work, step: tuple[int, ...], context: Context) -> Iterator[Part]:
    """Yield what `encode` returns for all regions as they come, few of them under way at a time."""
    from distributed import as_completed

    from mlarray_io.sdk.boxes import tiles

    boxes = tiles(work.grid.shape, step) if 0 not in work.grid.shape else iter(())
    ready = as_completed(loop=client.loop)
    under_way: dict[Any, int] = {}
    try:
        while True:
            while len(under_way) < AHEAD * max(1, sum(client.nthreads().values())):
                box = next(boxes, None)
                if box is None:
                    break
                future = client.submit(encode, work, box, pure=False)
                under_way[future] = _nbytes(box, work.grid)
                ready.add(future)
            if not under_way:
                return
            future = next(ready)
            context.progress(under_way.pop(future))
            yield future.result()
    finally:
        client.cancel(list(under_way))
        client.run(release, on_error="ignore")


def _nbytes(box: Box, grid: Grid) -> int:
    count = grid.dtype.itemsize
    for part in box:
        count *= part.stop - part.start
    return int(count)
