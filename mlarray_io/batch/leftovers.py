"""What a run leaves beside its results: temporary files of workers that died, folders that stayed empty."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mlarray_io.batch.perform import clear

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlarray_io.batch.jobs import Job, Report
    from mlarray_io.batch.settings import BatchSettings


class Leftovers:
    """Follows the jobs of one run, to remove at its end what they left and nobody else removes.

    Parameters
    ----------
    settings
        Of the batch.
    alone
        No other run writes into the folder, so that folders may be removed that others could be about to use.
    """

    def __init__(self, settings: BatchSettings, *, alone: bool) -> None:
        self._settings, self._alone = settings, alone
        self._made: dict[str, bool] = {}
        self._under_way: set[Job] = set()
        self._empty: list[str] = []

    def begun(self, job: Job) -> None:
        """Note a job before its worker gets it."""
        self._under_way.add(job)
        if self._alone:
            self._note(os.path.dirname(os.path.join(self._settings.target.text, job.place)))

    def ended(self, job: Job, report: Report) -> None:
        """Note what came of a job; what a dead worker left is removed in the end, when none writes."""
        if not report.died:
            self._under_way.discard(job)
        if not report.images:
            self._empty.append(os.path.join(self._settings.target.text, job.place))

    def remove(self) -> None:
        """Remove it; all workers have stopped."""
        clear((job.place for job in self._under_way), self._settings)
        if self._alone:
            made = (folder for folder, missing in self._made.items() if missing)
            remove_empty([*self._empty, *sorted(made, key=len, reverse=True)])

    def _note(self, folder: str) -> None:
        """Note a folder, and those above it, that aren't there before the run."""
        while folder not in self._made:
            self._made[folder] = not os.path.isdir(folder)
            folder = os.path.dirname(folder)


def remove_empty(folders: Iterable[str | Path]) -> None:
    """Remove folders that are empty, and leave the others."""
    for folder in folders:
        with suppress(OSError):
            os.rmdir(folder)
