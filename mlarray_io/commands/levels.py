"""The command ``levels``: the coarser versions that a `.mla` file holds."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlarray_core.array.image import open_any
from mlarray_core.array.writing.sessions import settle
from mlarray_core.container.held_file import held
from mlarray_core.container.open import open_contents
from mlarray_core.levels import store as stored
from mlarray_core.processors import available_threads
from mlarray_core.publish import atomic
from mlarray_core.url_text import shown
from mlarray_core.urls import refuse_url
from mlarray_io.printing.text import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_core.levels.reduction import Method


def build(file: str, count: str, method: Method | None = None) -> None:
    """Make the levels of a file anew; the file appears with all of them or stays as it was.

    Parameters
    ----------
    file
        A `.mla` file.
    count
        ``auto``, or how many.
    method
        How values are made; None for what the metadata and the voxels say.
    """
    stored.count_of(count)
    chosen = _method(file) if method is None else method
    with _anew(file) as path:
        stored.build(path, count, chosen, available_threads())


def _method(file: str) -> Method:
    """Return how levels are made where nobody says it, so that the voxels are asked only here."""
    from mlarray_io.mla import MlaReader
    from mlarray_io.sdk.context import Context
    from mlarray_io.sdk.labels.maps import holds_labels

    context = Context()
    with MlaReader(open_any(file)) as reader:
        labels = holds_labels(reader, context)
    for note in context.report.warnings:
        say(f"note: {note.partition('. Say')[0]}. Say it with --method", err=True)
    return "mode" if labels else "mean"


def drop(file: str) -> None:
    """Remove the levels of a file; who has it open keeps the file as it was."""
    with _anew(file):
        pass


@contextmanager
def _anew(file: str) -> Iterator[Path]:
    """Yield a copy of a file without levels, which takes its place when the body ends."""
    refuse_url(file)
    settle(file, take_over=True)
    with held(Path(os.path.realpath(file))):
        image = open_any(file)
        with atomic(file, overwrite=True) as path:
            image.save(path, levels="none")
            yield path


def listing(file: str, *, verify: bool = False) -> dict[str, Any]:
    """Return what there is to say about the levels of a file.

    Raises
    ------
    CorruptError
        With `verify`, a level or the image is damaged.
    """
    contents = open_contents(file, "full" if verify else "touch")
    found = stored.find(contents)
    rows = [{"level": 0, "shape": list(contents.frame.shape), "bytes": contents.frame.length, "method": None}]
    for number, level in enumerate(found, 1):
        frame = stored.open_level(contents, level).frame
        rows.append(
            {"level": number, "shape": list(frame.shape), "bytes": level.size, "method": level.method}
        )
    return {"file": shown(file), "levels": rows, "verified": verify}


def show(found: dict[str, Any]) -> None:
    """Print the levels, one a line, each with its part of the image's size."""
    whole = found["levels"][0]["bytes"]
    for row in found["levels"]:
        shape = " x ".join(map(str, row["shape"]))
        part = (
            ""
            if row["method"] is None
            else f", {row['method']}, {100 * row['bytes'] / whole:.1f} % of the image"
        )
        say(f"{row['level']}: {shape}, {row['bytes']:,} bytes{part}")
    if len(found["levels"]) == 1:
        say("no coarser levels; make them with: mlarray levels FILE --build")
    if found["verified"]:
        say("all checksums agree")
