"""One run of a batch: plan, convert, note in the journal, sum up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlarray_core.errors import UnsupportedError
from mlarray_io.batch.jobs import clear
from mlarray_io.batch.journal import Journal
from mlarray_io.batch.leftovers import Traces
from mlarray_io.batch.plan import Shard, Skip, fingerprint, plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlarray_io.batch.jobs import Job, Order, Report
    from mlarray_io.search.folders import Discovery


class Audience(Protocol):
    """Whom a run tells how it goes."""

    def planned(self, jobs: Sequence[Job]) -> None:
        """Hear what is to do, before it is begun."""

    def skipped(self, skip: Skip) -> None:
        """Hear of a source that is done already."""

    def reported(self, job: Job, report: Report) -> None:
        """Hear what came of a source."""


class Pool(Protocol):
    """Whoever performs jobs: processes here, or a cluster."""

    def run(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Report]]:
        """Yield the report of every job as it is ready."""


@dataclass
class Count:
    """How much of a batch: images, bytes of the sources, of the targets, of the voxels."""

    images: int = 0
    source_bytes: int = 0
    target_bytes: int = 0
    voxel_bytes: int = 0


@dataclass
class Tally:
    """The sum of a run.

    Attributes
    ----------
    converted, skipped, failed
        Images; a source that failed before its images were known counts as one.
    ignored
        Files that no format claims.
    """

    converted: Count = field(default_factory=Count)
    skipped: Count = field(default_factory=Count)
    failed: Count = field(default_factory=Count)
    ignored: int = 0

    def skip(self, skip: Skip) -> None:
        """Add a source that was done already."""
        entry, sizes = skip.entry, skip.entry.targets[1::2]
        self.skipped.images += len(sizes)
        self.skipped.source_bytes += entry.size
        self.skipped.target_bytes += sum(max(int(size), 0) for size in sizes)
        self.skipped.voxel_bytes += entry.voxel_bytes

    def add(self, job: Job, report: Report) -> None:
        """Add what came of a source."""
        self.converted.images += len(report.images)
        self.failed.images += len(report.failures)
        side = self.converted if report.images else self.failed
        side.source_bytes += max(job.size, 0)
        self.converted.target_bytes += sum(image["bytes"] for image in report.images)
        self.converted.voxel_bytes += report.voxel_bytes


def run(
    sources: Sequence[str],
    order: Order,
    discovery: Discovery,
    pool: Pool,
    audience: Audience,
    shard: Shard | None = None,
    *,
    dry: bool = False,
    beside: Path | None = None,
) -> Tally:
    """Convert everything that the sources hold and that isn't done yet.

    Parameters
    ----------
    sources
        Files, folders, globs and lists (``@file``).
    order, discovery, shard
        What to do with each, what to look for, which part of all is ours.
    pool
        Who does it.
    audience
        Whom to tell.
    dry
        The pool only forecasts, and nothing is written.
    beside
        The folder that the journal lies in, instead of the target: for one at a URL.

    Raises
    ------
    LockedError
        Another run converts into the same folder.
    UnsupportedError
        There is no image.
    """
    journal = Journal(beside or Path(order.target.text), shard)
    if not order.single:
        journal.load()
        discovery.avoid = order.target.text
        discovery.known = _known(journal)
    tally = Tally()
    jobs = list(_todo(sources, order, discovery, journal, shard, tally, audience))
    tally.ignored = discovery.ignored
    if not (jobs or tally.skipped.images or shard):
        raise UnsupportedError("no image was found", path=sources[0], hint=_why_none(discovery))
    audience.planned(jobs)
    if dry:
        _forecast(jobs, pool, audience, tally)
        return tally
    leftovers = list(journal.leftovers())
    if not (jobs or leftovers):
        return tally
    traces = Traces(order, alone=shard is None and not order.single and order.target.local is not None)
    if order.single:
        _perform(jobs, journal, order, pool, audience, tally, traces)
        return tally
    with journal.open():
        clear(leftovers, order)
        try:
            _perform(jobs, journal, order, pool, audience, tally, traces)
        finally:
            if shard is None and not tally.converted.images:
                journal.undo()
    return tally


def _why_none(discovery: Discovery) -> str:
    if discovery.include or discovery.exclude:
        return "Look at --include and --exclude"
    return "'mlarray formats FILE' says who would read a file"


def _todo(
    sources: Sequence[str],
    order: Order,
    discovery: Discovery,
    journal: Journal,
    shard: Shard | None,
    tally: Tally,
    audience: Audience,
) -> Iterator[Job]:
    for found in plan(sources, discovery, journal, order, shard):
        if isinstance(found, Skip):
            tally.skip(found)
            audience.skipped(found)
        else:
            yield found


def _forecast(jobs: Sequence[Job], pool: Pool, audience: Audience, tally: Tally) -> None:
    """Tell what would come of each source, in the order of the plan."""
    early: dict[Job, Report] = {}
    told = iter(jobs)
    awaited = next(told, None)
    for job, report in pool.run(iter(jobs)):
        early[job] = report
        while awaited is not None and awaited in early:
            tally.failed.images += len(early[awaited].failures)
            audience.reported(awaited, early.pop(awaited))
            awaited = next(told, None)


def _perform(
    jobs: Sequence[Job],
    journal: Journal,
    order: Order,
    pool: Pool,
    audience: Audience,
    tally: Tally,
    traces: Traces,
) -> None:
    digest = fingerprint(order)

    def begun() -> Iterator[Job]:
        for job in jobs:
            journal.write({**_identity(job, digest), "state": "started", "place": job.place})
            traces.begun(job)
            yield job

    done = pool.run(begun())
    try:
        for job, report in done:
            journal.write(_line(job, report, digest, order))
            traces.ended(job, report)
            tally.add(job, report)
            audience.reported(job, report)
    finally:
        close = getattr(done, "close", None)
        if close is not None:
            close()
        traces.remove()


def _identity(job: Job, digest: str) -> dict[str, Any]:
    return {"source": job.name, "size": job.size, "mtime_ns": job.mtime_ns, "options": digest}


def _line(job: Job, report: Report, digest: str, order: Order) -> dict[str, Any]:
    kept = ("image", "target", "bytes", "size", "checksum")
    return {
        **_identity(job, digest),
        "state": report.state,
        "images": [{name: image[name] for name in kept if name in image} for image in report.images],
        "voxel_bytes": report.voxel_bytes,
        "seconds": round(report.seconds, 4),
        **({"failures": report.failures} if report.failures else {}),
        **({"verified": True} if order.verify and report.state == "done" else {}),
    }


def _known(journal: Journal) -> Any:
    def known(path: str) -> tuple[int, int] | None:
        entry = journal.entries.get(path)
        return None if entry is None else (entry.size, entry.mtime_ns)

    return known
