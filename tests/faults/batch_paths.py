"""Batches with their journal, begun anew and resumed, and one image by regions, as a cluster does it."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from mlarray import MLArray
from mlarray_core.errors import MLArrayError
from mlarray_io.api import write
from mlarray_io.batch.perform import perform
from mlarray_io.cluster import regions
from mlarray_io.engine.settings import Settings
from mlarray_io.requests import launch
from mlarray_io.requests.request import ConvertFlags, parse
from mlarray_io.sdk.boxes import tiles
from tests.faults import write_paths
from tests.faults.way import Way, digest, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlarray_io.batch.jobs import Job, Report
    from mlarray_io.batch.settings import BatchSettings

NAMES = ("a", "b", "c")
DEAD = 999_999_999
"""Number of a process that there is not."""


class FailedError(MLArrayError):
    """What a batch reports of its sources, raised."""


def sources(folder: Path) -> Path:
    """Return a folder with three images, beside the folder that is written to: made once."""
    made = folder.parent / "sources"
    for number, name in enumerate(NAMES):
        made.mkdir(exist_ok=True)
        path = made / f"{name}.nii.gz"
        if not path.exists():
            voxels = np.random.default_rng(number).integers(0, 900, (4, 9, 11)).astype("i2")
            write(MLArray(voxels, spacing=[1.0, 2.0, 3.0]), path)
    return made


class Here:
    """Performs jobs in this process, so that a kill ends a run and its worker at once."""

    def __init__(self, settings: BatchSettings) -> None:
        self._settings = settings

    def run(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Report]]:
        for job in jobs:
            yield job, perform(job, self._settings)


def convert(folder: Path, *, chosen: tuple[str, ...] = (), workers: bool = False, protocol: str = "") -> None:
    """Convert the sources into a folder; raise what was reported of one that failed."""
    journal = str(folder / "journal") if protocol else None
    flags = ConvertFlags(target_format="mla", include=chosen, jobs=1, threads=1, journal=journal)
    request = parse([str(sources(folder))], f"{protocol}{folder}/out/", flags)
    collected = launch.Collector()
    here = patch.object(launch, "_pool", lambda _, asked: Here(asked.settings))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if workers:
            launch.run_batch(request, collected)
        else:
            with here:
                launch.run_batch(request, collected)
    for failure in collected.batch.failed:
        if failure.kind == "PluginError":
            raise RuntimeError(failure.message)
        raise FailedError(failure.message, path=failure.path, hint=failure.hint)


def interrupted(folder: Path) -> None:
    """Leave a run behind that was killed in the second of three images, and another's temporary folder."""
    convert(folder, chosen=("a*",))
    journal = folder / "out" / ".mlarray" / "journal.jsonl"
    done = journal.read_bytes().splitlines()[0]
    with journal.open("ab") as file:
        file.write(done.replace(b"a.nii.gz", b"b.nii.gz").replace(b'"a"', b'"b"') + b'\n{"source": "half of')
    left = folder / "out" / f".b.mla.tmp-{DEAD}-0123abcd"
    left.mkdir()
    (left / "b.mla").write_bytes(b"half of an image")


def look(folder: Path) -> dict[str, object]:
    """Return the voxels of each image, None where there is none, the error where it can't be read."""
    found: dict[str, object] = {}
    for name in NAMES:
        path = folder / "out" / f"{name}.mla"
        try:
            found[name] = None
            if path.exists():
                with MLArray.open(path, verify="full") as image:
                    found[name] = {"voxels": digest(image.to_numpy()), "spacing": list(image.spacing)}
        except MLArrayError as error:
            found[name] = str(error)
    return found


def by_regions(folder: Path) -> None:
    """Convert one image by regions, as `convert_together` does, each encoded here instead of on a cluster."""

    def encoded(
        _: object, work: regions.Work, step: tuple[int, ...], context: object
    ) -> Iterator[regions.Part]:
        for box in tiles(work.grid.shape, step):
            yield regions.encode(work, box)
        regions.release()

    layout = {"chunk_size": "2,5,6", "block_size": "2,5,6"}
    settings = Settings(overwrite=True, layout=layout, threads=1)
    with patch.object(regions, "_encoded", encoded):
        regions.convert_together(
            sources(folder) / "b.nii.gz", folder / write_paths.NAME, settings, None, None
        )


WAYS = {
    "batch": Way(nothing, convert, look, parts=True),
    "batch, resumed": Way(interrupted, convert, look, parts=True),
    "batch, worker processes": Way(interrupted, partial(convert, workers=True), look, parts=True, stride=7),
    "regions": Way(nothing, by_regions, write_paths.look),
    "regions over": Way(write_paths.old, by_regions, write_paths.look),
}
