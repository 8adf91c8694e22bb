"""What a run leaves beside its results: temporary files of workers that died, folders that stayed empty."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mlarray_io.batch.jobs import clear

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlarray_io.batch.jobs import Job, Order, Report


class Traces:
    """Follows the jobs of one run, to take away at its end what nobody else does.

    Parameters
    ----------
    order
        Of the batch.
    alone
        No other run writes into the folder, so that folders may be removed that others could be about to use.
    """

    def __init__(self, order: Order, *, alone: bool) -> None:
        self._order, self._alone = order, alone
        self._made: dict[str, bool] = {}
        self._under_way: set[Job] = set()
        self._empty: list[str] = []

    def begun(self, job: Job) -> None:
        """Note a job before its worker hears of it."""
        self._under_way.add(job)
        if self._alone:
            self._note(os.path.dirname(os.path.join(self._order.target.text, job.place)))

    def ended(self, job: Job, report: Report) -> None:
        """Note what came of a job; what a dead worker left is removed in the end, when none writes."""
        if not report.died:
            self._under_way.discard(job)
        if not report.images:
            self._empty.append(os.path.join(self._order.target.text, job.place))

    def remove(self) -> None:
        """Remove it; all workers have stopped."""
        clear((job.place for job in self._under_way), self._order)
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
