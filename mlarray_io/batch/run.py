"""One run of a batch: plan, convert, note in the journal, sum up."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlarray_core.errors import UnsupportedError
from mlarray_io.batch.journal import Journal
from mlarray_io.batch.leftovers import Leftovers
from mlarray_io.batch.perform import clear
from mlarray_io.batch.plan import Shard, Skip, belongs, plan
from mlarray_io.batch.table import Table
from mlarray_io.batch.tally import Tally
from mlarray_io.engine.settings import is_of_labels
from mlarray_io.search.criteria import Criteria, LeftOut
from mlarray_io.search.sources import Search

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.batch.jobs import Job, Report
    from mlarray_io.batch.settings import BatchSettings
    from mlarray_io.search.criteria import Known


class Listener(Protocol):
    """Is called as a run goes on."""

    def planned(self, jobs: Sequence[Job]) -> None:
        """Take the jobs of the run, once, before the first one starts."""

    def skipped(self, skip: Skip) -> None:
        """Take each source that is done already."""

    def left_out(self, one: LeftOut) -> None:
        """Take each file that is converted neither by itself nor as a part of something."""

    def reported(self, job: Job, report: Report) -> None:
        """Take what came of each source; what was left out of it has gone to `left_out` before."""


class Pool(Protocol):
    """Performs jobs: processes here, or a cluster."""

    def run(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Report]]:
        """Yield the report of every job as it is ready."""


@dataclass(frozen=True)
class BatchRequest:
    """What a run is asked for.

    Attributes
    ----------
    sources
        Files, folders, patterns and lists (``@file``).
    settings
        What to do with each of them.
    criteria
        What to look for.
    shard
        ``(i, n)``: only the i-th of n parts.
    dry
        The pool only looks ahead, and nothing is written.
    journal
        The folder that the journal lies in, instead of the target: for one at a URL.
    """

    sources: tuple[str, ...]
    settings: BatchSettings
    criteria: Criteria = field(default_factory=Criteria)
    shard: Shard | None = None
    dry: bool = False
    journal: Path | None = None


class Run:
    """Converts everything that the sources hold and that isn't done yet.

    Parameters
    ----------
    request
        What to do.
    pool
        Who does it.
    listener
        Called as the run goes on.
    """

    def __init__(self, request: BatchRequest, pool: Pool, listener: Listener) -> None:
        self._request, self._settings = request, request.settings
        self._pool, self._listener = pool, listener
        self._tally = Tally()
        privacy = request.settings.conversion.privacy
        self._journal = Journal(request.journal or Path(request.settings.target.text), request.shard, privacy)
        self._named: set[str] = set()
        self._foreseen = False
        self._left_out: list[LeftOut] = []
        self._idle: list[str] = []

    def run(self) -> Tally:
        """Do it, and return the sum.

        Raises
        ------
        LockedError
            Another run converts into the same folder.
        UnsupportedError
            There is no image.
        CorruptError
            The journal isn't one of ours, or names places outside of the target.
        """
        if not self._settings.single:
            self._journal.load().check_secret()
        jobs = list(self._plan())
        if not (jobs or self._tally.skipped.images or self._request.shard):
            source = self._request.sources[0]
            raise UnsupportedError("no image was found", path=source, hint=self._why_none())
        for text in self._idle:
            warnings.warn(text, stacklevel=2)
        self._listener.planned(jobs)
        if self._request.dry:
            self._forecast(jobs)
        elif self._settings.single:
            self._perform(jobs, None)
        else:
            self._convert(jobs)
        if not (self._any or self._request.shard):
            hint = "All that is there is named as left out, with the reason"
            raise UnsupportedError("no image was found", path=self._request.sources[0], hint=hint)
        return self._tally

    @property
    def _any(self) -> bool:
        """Whether there is an image at all, good or bad."""
        tally = self._tally
        counts = (tally.converted, tally.skipped, tally.failed)
        return self._foreseen or any(count.images for count in counts)

    def _plan(self) -> Iterator[Job]:
        """Yield what is to do, and pass on what is done or left out."""
        criteria = self._request.criteria
        if not self._settings.single:
            criteria = replace(criteria, avoid=self._settings.target.text, known=self._known)
        search = Search(criteria)
        idle = set(self._settings.conversion.label_patterns)
        for found in plan(self._request.sources, search, self._journal, self._settings):
            if not isinstance(found, LeftOut):
                idle -= {one for one in idle if is_of_labels(found.source, one)}
            if not self._is_ours(found):
                continue
            if isinstance(found, LeftOut):
                self._leave_out(found)
            elif isinstance(found, Skip):
                self._named.add(found.source)
                self._tally.skip(found)
                self._listener.skipped(found)
            else:
                self._named.add(found.name)
                yield found
        self._idle = [*criteria.idle(), *(f"label_pattern {one!r} fits nothing" for one in sorted(idle))]

    def _is_ours(self, found: Job | Skip | LeftOut) -> bool:
        shard = self._request.shard
        if shard is None:
            return True
        return belongs(found.name if isinstance(found, LeftOut) else found.place, shard)

    def _leave_out(self, one: LeftOut) -> None:
        """Name a file that is left out, once: a search and a format may both have seen it."""
        if one.name in self._named:
            return
        self._named.add(one.name)
        self._tally.leave_out(one)
        self._left_out.append(one)
        self._listener.left_out(one)

    def _why_none(self) -> str:
        if self._idle:
            return "; ".join(self._idle)
        if self._request.criteria.include or self._request.criteria.exclude:
            return "Look at --include and --exclude"
        return "'mlarray formats FILE' says who would read a file"

    def _known(self, path: str) -> Known | None:
        entry = self._journal.entry(path)
        return None if entry is None else (entry.size, entry.mtime_ns)

    def _forecast(self, jobs: Sequence[Job]) -> None:
        """Pass on what would come of each source, in the order of the plan."""
        early: dict[Job, Report] = {}
        following = iter(jobs)
        awaited = next(following, None)
        for job, report in self._pool.run(iter(jobs)):
            early[job] = report
            while awaited is not None and awaited in early:
                self._report(awaited, early.pop(awaited))
                awaited = next(following, None)

    def _convert(self, jobs: Sequence[Job]) -> None:
        """Convert into a folder, with a journal."""
        abandoned = list(self._journal.leftovers())
        if not (jobs or abandoned):
            return
        with self._journal.open():
            clear(abandoned, self._settings)
            for one in self._left_out:
                self._journal.leave_out(one.name, one.reason, lost=one.lost)
            try:
                self._perform(jobs, Table(self._journal.path, self._journal.privacy))
            finally:
                # what was begun at a URL may be there, and only the journal says that it is this batch's
                unknown = self._settings.target.local is None and self._journal.begun
                if self._request.shard is None and not (self._tally.converted.images or unknown):
                    self._journal.undo()

    def _perform(self, jobs: Sequence[Job], table: Table | None) -> None:
        settings = self._settings
        alone = self._request.shard is None and not settings.single and settings.target.local is not None
        leftovers = Leftovers(settings, alone=alone)
        options = settings.fingerprint()

        def begun() -> Iterator[Job]:
            for job in jobs:
                self._journal.begin(job, options)
                leftovers.begun(job)
                yield job

        done = self._pool.run(begun())
        try:
            for job, report in done:
                self._journal.end(job, report, options, verified=settings.verify)
                leftovers.ended(job, report)
                if table is not None:
                    table.add(report)
                self._report(job, report)
        finally:
            close = getattr(done, "close", None)
            if close is not None:
                close()
            leftovers.remove()
            if table is not None and os.path.isdir(self._journal.folder):
                table.write()

    def _report(self, job: Job, report: Report) -> None:
        for one in report.left_out:
            self._leave_out(one)
        self._foreseen = self._foreseen or bool(report.planned)
        self._tally.add(job, report)
        self._listener.reported(job, report)
