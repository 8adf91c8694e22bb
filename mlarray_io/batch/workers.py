"""Worker processes on this machine. One that dies fails the source that it had, and is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.process import BaseProcess

J = TypeVar("J")
R = TypeVar("R")

AHEAD = 2
"""Jobs that a worker is given at once, so that it needn't wait for the next."""
PATIENCE = 5.0
"""Seconds that a worker has to clean up when a run is interrupted."""


@dataclass
class _Worker(Generic[J]):
    process: BaseProcess
    connection: Connection
    jobs: deque[J] = field(default_factory=deque)


class Workers(Generic[J, R]):
    """Runs jobs in processes of their own, which are neither forks of this one nor outlive it.

    Parameters
    ----------
    count
        How many processes.
    work
        Does one job; pickled once for each process.
    died
        Makes the answer for a job whose process died, given its exit code, negative for a signal.
    """

    def __init__(self, count: int, work: Callable[[J], R], died: Callable[[J, int | None], R]) -> None:
        methods = multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if self._context.get_start_method() == "forkserver":
            self._context.set_forkserver_preload(["mlarray_io.batch.jobs", "mlarray_core.array.image"])
        self._count, self._work, self._died = count, work, died

    def run(self, jobs: Iterator[J]) -> Iterator[tuple[J, R]]:
        """Yield the answer of every job as it is ready; closing the generator stops the workers."""
        waiting: deque[J] = deque()
        workers: list[_Worker[J]] = []
        try:
            while True:
                self._feed(workers, waiting, jobs)
                busy = [worker for worker in workers if worker.jobs]
                if not busy:
                    return
                ready = wait([worker.connection for worker in busy])
                for worker in busy:
                    if worker.connection in ready:
                        yield self._answer(worker, workers, waiting)
        finally:
            _stop(workers)

    def _feed(self, workers: list[_Worker[J]], waiting: deque[J], jobs: Iterator[J]) -> None:
        """Give every worker something to do, starting workers as there is need for them."""
        for depth in range(1, AHEAD + 1):
            for place in range(self._count):
                if place < len(workers) and len(workers[place].jobs) >= depth:
                    continue
                job = waiting.popleft() if waiting else next(jobs, None)
                if job is None:
                    return
                if place >= len(workers):
                    workers.append(self._start())
                    place = len(workers) - 1
                self._give(workers[place], job)

    def _start(self) -> _Worker[J]:
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._work, dict(os.environ))
        process = self._context.Process(target=_work, args=arguments, daemon=True)  # type: ignore[attr-defined]
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _give(self, worker: _Worker[J], job: J) -> None:
        worker.jobs.append(job)
        try:
            worker.connection.send(job)
        except OSError:
            return  # it is dead, which its connection tells next

    def _answer(self, worker: _Worker[J], workers: list[_Worker[J]], waiting: deque[J]) -> tuple[J, R]:
        job = worker.jobs.popleft()
        try:
            return job, worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            worker.connection.close()
            waiting.extendleft(reversed(worker.jobs))
            workers.remove(worker)
            return job, self._died(job, worker.process.exitcode)


def _stop(workers: list[_Worker[Any]]) -> None:
    """Let idle workers go, and have busy ones clean up at once."""
    for worker in workers:
        worker.connection.close()
        if worker.jobs:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _work(connection: Connection, work: Callable[[Any], Any], environment: Mapping[str, str]) -> None:
    """Do one job after the other until nobody sends any more."""
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which tells us
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            job = connection.recv()
            connection.send(work(job))
        except (EOFError, OSError):
            return


def _leave(*_: Any) -> None:
    sys.exit(1)  # unwinds, so that temporary files are removed


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
