"""Batches that are asked for, begun: who performs them, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from mlarray_core.processors import available_threads
from mlarray_io.requests.interrupts import Terminated
from mlarray_io.requests.request import Request, journal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlarray_io.batch.jobs import ImageFailure, Job, PlannedImage, Report
    from mlarray_io.batch.plan import Skip
    from mlarray_io.batch.run import BatchRequest, Listener, Pool
    from mlarray_io.batch.tally import Tally
    from mlarray_io.engine.result import Conversion, Failure
    from mlarray_io.search.criteria import LeftOut


@dataclass
class Batch:
    """What converting several images did.

    Attributes
    ----------
    converted
        What was done, image by image.
    planned
        What would be done, of a dry run: images and where they would go.
    failed
        Images, or whole sources, that could not be converted.
    done_before
        Targets below the folder that an earlier run had made of the same sources.
    left_out
        Files that hold no image, or none that can be read, each with its reason.
    """

    converted: list[Conversion] = field(default_factory=list)
    planned: list[PlannedImage] = field(default_factory=list)
    failed: list[ImageFailure | Failure] = field(default_factory=list)
    done_before: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


class Collector:
    """Listens to a run and collects what came of it.

    Parameters
    ----------
    progress
        Called with how many sources are done and how many there are.
    """

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self.batch = Batch()
        self._progress, self._count, self._done = progress, 0, 0

    def planned(self, jobs: Sequence[Job]) -> None:
        """Count what is to be done."""
        self._count = len(jobs)

    def skipped(self, skip: Skip) -> None:
        """Take the targets of a source that is done already."""
        self.batch.done_before += [str(target) for target in skip.entry.targets[::2]]

    def left_out(self, one: LeftOut) -> None:
        """Take a file that is left out."""
        self.batch.left_out.append(one)

    def reported(self, job: Job, report: Report) -> None:
        """Take what came of a source."""
        self.batch.converted += [image.conversion for image in report.images]
        self.batch.planned += report.planned
        self.batch.failed += report.failures
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._count)


def run_batch(request: Request, listener: Listener) -> Tally:
    """Do a batch, or look ahead at what it would do, and return its sum.

    Raises
    ------
    KeyboardInterrupt, Terminated
        The user has interrupted it, or SIGTERM has; the message says how much is done.
    """
    from mlarray_io.batch.run import Run

    asked, counting = batch_request(request), _Counting(listener)
    try:
        return Run(asked, _pool(request, asked), counting).run()
    except (KeyboardInterrupt, Terminated) as end:
        said = f"{counting.done} of {counting.count} sources are done; run the same again to go on"
        raise type(end)(said if counting.count and not asked.settings.single else "") from None


class _Counting:
    """Passes on what a run says, and counts."""

    def __init__(self, listener: Listener) -> None:
        self.skipped, self.left_out = listener.skipped, listener.left_out
        self._listener, self.done, self.count = listener, 0, 0

    def planned(self, jobs: Sequence[Job]) -> None:
        self.count = len(jobs)
        self._listener.planned(jobs)

    def reported(self, job: Job, report: Report) -> None:
        self.done += 1
        self._listener.reported(job, report)


def batch_request(request: Request) -> BatchRequest:
    """Return what a run is asked for."""
    from mlarray_io.batch.plan import read_shard
    from mlarray_io.batch.run import BatchRequest
    from mlarray_io.batch.settings import BatchSettings
    from mlarray_io.search.criteria import Criteria

    flags, settings = request.flags, request.settings
    threads = settings.threads or max(1, available_threads() // _jobs(request))
    settings = replace(settings, threads=threads)
    return BatchRequest(
        request.sources,
        BatchSettings(request.target, settings, request.single, request.choice, flags.verify),
        Criteria(flags.include, flags.exclude, settings.source_format, merge=flags.every),
        None if flags.shard is None else read_shard(flags.shard),
        flags.dry_run,
        journal_of(request),
    )


def _jobs(request: Request) -> int:
    return request.flags.jobs or available_threads()


def _pool(request: Request, asked: BatchRequest) -> Pool:
    """Return who performs the jobs: processes here, which also forecast what would be done, or a cluster."""
    from mlarray_io.batch.jobs import death
    from mlarray_io.batch.perform import forecast, perform
    from mlarray_io.batch.workers import Workers
    from mlarray_io.search.sources import folders_of

    scheduler = request.flags.scheduler
    if scheduler is None or asked.dry:
        work = partial(forecast if asked.dry else perform, settings=asked.settings)
        untrusted = (*folders_of(request.sources), request.target.text)
        return Workers(_jobs(request), work, death, untrusted)
    from mlarray_io.cluster.client import Cluster, connect

    connect(scheduler).close()  # before anything is planned
    return Cluster(scheduler, asked.settings)
