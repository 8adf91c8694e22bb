"""Runs in the other process: lists, opens and reads for `mlarray_io.sdk.files.served`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_io.sdk.files.child_process import function_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.format import Reader

_PIECE = 64 << 20
_open: list[Reader] = []
"""The one image that this process holds open, and its levels."""


def list_images(
    function: str, path: Path, context: Context, arguments: Sequence[object]
) -> Iterator[dict[str, Any]]:
    """Yield the images that a function lists, and what it reported.

    Parameters
    ----------
    function
        ``module:name``.
    path, context, arguments
        What it is given.
    """
    images = []
    for image in function_named(function)(path, context, *arguments):
        facts = asdict(image)
        del facts["payload"]
        images.append(facts)
    yield {"images": images, "report": _report(context)}


def open_reader(
    function: str, path: Path, context: Context, arguments: Sequence[object]
) -> Iterator[dict[str, Any]]:
    """Open an image by a function, keep it, and yield what there is to say of it and its levels.

    Parameters
    ----------
    function
        ``module:name``.
    path, context, arguments
        What it is given.
    """
    reader = function_named(function)(path, context, *arguments)
    _open[:] = [reader, *reader.levels]
    levels = [
        {
            "shape": [int(size) for size in one.shape],
            "dtype": one.dtype.str,
            "chunks": None if one.chunks is None else [int(size) for size in one.chunks],
            "stored": one.stored,
            "meta": one.meta.to_mapping(),
        }
        for one in _open
    ]
    yield {"levels": levels, "report": _report(context)}


def read_box(level: int, bounds: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any] | memoryview]:
    """Yield an empty dict and the voxels of a box.

    Parameters
    ----------
    level
        Whose voxels.
    bounds
        Start and stop along each axis.
    """
    voxels = _open[level][tuple(slice(start, stop) for start, stop in bounds)]
    yield {}
    plain = np.ascontiguousarray(voxels).reshape(-1).view(np.uint8)
    for at in range(0, len(plain), _PIECE):
        yield plain[at : at + _PIECE].data


def _report(context: Context) -> dict[str, Any]:
    report = context.report
    return {
        "losses": [[loss.what, loss.why] for loss in report.losses],
        "warnings": list(report.warnings),
        "skipped": [[one.what, one.why, one.lost] for one in report.skipped],
    }
