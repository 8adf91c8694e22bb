"""The workers of a Dask cluster that is there already."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import ArgumentError, MissingDependencyError
from mlarray_io.batch.jobs import Job, Report, death
from mlarray_io.batch.malloc import keep_memory
from mlarray_io.batch.perform import clear, perform
from mlarray_io.places.place import LocalPlace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_io.batch.settings import BatchSettings

AHEAD = 3
"""Jobs that are under way for each thread of the cluster, so that none waits for us."""
SECONDS = 10
"""How long a scheduler may take to answer."""


def connect(address: str) -> Any:
    """Return a client of the scheduler at `address`, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    MissingDependencyError
        dask.distributed isn't installed.
    ArgumentError
        Nobody answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        what = "a cluster needs dask.distributed, which isn't installed"
        raise MissingDependencyError(what, hint="Install it with: pip install 'mlarray[dask]'") from error
    try:
        return Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        hint = "Give it as the scheduler prints it, such as tcp://10.0.0.1:8786"
        raise ArgumentError(f"no scheduler answers at {address}", field="--scheduler", hint=hint) from error


class Cluster:
    """Performs jobs on a Dask cluster whose workers see the same files at the same paths.

    A job whose worker dies is done again by another one, as often as the scheduler allows (its setting
    ``distributed.scheduler.allowed-failures``, 3 by default); then it has failed.

    Parameters
    ----------
    address
        Of the scheduler.
    settings
        What is the same for all jobs.
    """

    def __init__(self, address: str, settings: BatchSettings) -> None:
        self._address = address
        self._settings = settings
        path = settings.target.local
        if path is not None:  # workers may be started in any folder
            self._settings = replace(settings, target=LocalPlace(path.absolute()))

    def run(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Report]]:
        """Yield the report of every job as it is ready; closing the generator gives the rest up."""
        from distributed import as_completed

        work = partial(_perform, settings=self._settings)
        with connect(self._address) as client:
            ready = as_completed(loop=client.loop)
            under_way: dict[Any, Job] = {}
            done: list[Job] = []
            try:
                while True:
                    self._feed(client, work, jobs, under_way, ready)
                    if not under_way:
                        return
                    future = next(ready)
                    job = under_way.pop(future)
                    done.append(job)
                    yield job, self._report(job, future)
            finally:
                client.cancel(list(under_way))
                clear((job.place for job in done), self._settings)  # what was done again after a worker died

    def _feed(
        self, client: Any, work: Any, jobs: Iterator[Job], under_way: dict[Any, Job], ready: Any
    ) -> None:
        threads = sum(client.nthreads().values())
        while len(under_way) < AHEAD * max(1, threads):
            job = next(jobs, None)
            if job is None:
                return
            future = client.submit(work, self._again(job), pure=False)
            under_way[future] = job
            ready.add(future)

    def _again(self, job: Job) -> Job:
        """Let a job that is done again replace what its first worker had published before it died."""
        target = self._settings.target_of(job, "", 1)
        free = not target.exists() and self._settings.root.joined(job.place).is_free()
        return replace(job, overwrite=job.overwrite or free)

    def _report(self, job: Job, future: Any) -> Report:
        error = future.exception()
        if error is None:
            report: Report = future.result()
            return report
        dead = death(job, None)
        died = replace(dead.failures[0], message=f"its workers died ({error})"[:300])
        return replace(dead, failures=(died,))


def _perform(job: Job, settings: BatchSettings) -> Report:
    keep_memory()
    return perform(job, settings)
