"""Worker processes on this machine. One that dies fails the source that it had, and is replaced.

Each is an interpreter of its own, started as `mlarray_io.sdk.files.python_process` says: the `spawn` and
`forkserver` of multiprocessing would have the current folder on their path.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import threading
from collections import deque
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Generic, TypeVar, cast

from mlarray_io.batch.worker import PATIENCE
from mlarray_io.sdk.files.python_process import python_command, python_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

J = TypeVar("J")
R = TypeVar("R")

AHEAD = 2
"""Jobs that a worker is given at once, so that it needn't wait for the next."""


@dataclass(eq=False)
class _Worker(Generic[J]):
    process: subprocess.Popen[bytes]
    jobs: deque[J] = field(default_factory=deque)

    @property
    def input(self) -> IO[bytes]:
        return cast("IO[bytes]", self.process.stdin)

    @property
    def output(self) -> IO[bytes]:
        return cast("IO[bytes]", self.process.stdout)

    def send(self, message: object) -> None:
        try:
            pickle.dump(message, self.input)
            self.input.flush()
        except OSError:
            return  # it is dead, which the end of its output says next


@dataclass(frozen=True)
class _Answer(Generic[R]):
    value: R


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
    untrusted
        Files and folders of data, from which no process may import anything.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[J], R],
        died: Callable[[J, int | None], R],
        untrusted: Sequence[str] = (),
    ) -> None:
        self._count, self._work, self._died = count, work, died
        self._untrusted = tuple(untrusted)

    def run(self, jobs: Iterator[J]) -> Iterator[tuple[J, R]]:
        """Yield the answer of every job as it is ready; closing the generator stops the workers."""
        waiting: deque[J] = deque()
        workers: list[_Worker[J]] = []
        answers: SimpleQueue[tuple[_Worker[J], _Answer[R] | None]] = SimpleQueue()
        try:
            while True:
                self._feed(workers, waiting, jobs, answers)
                if not any(worker.jobs for worker in workers):
                    return
                worker, answer = answers.get()
                if answer is not None:
                    yield worker.jobs.popleft(), answer.value
                elif worker in workers:
                    workers.remove(worker)
                    yield from self._bury(worker, waiting)
        finally:
            _stop(workers)

    def _feed(
        self,
        workers: list[_Worker[J]],
        waiting: deque[J],
        jobs: Iterator[J],
        answers: SimpleQueue[tuple[_Worker[J], _Answer[R] | None]],
    ) -> None:
        """Give every worker something to do, starting workers as there is need for them."""
        for depth in range(1, AHEAD + 1):
            for place in range(self._count):
                if place < len(workers) and len(workers[place].jobs) >= depth:
                    continue
                job = waiting.popleft() if waiting else next(jobs, None)
                if job is None:
                    return
                if place >= len(workers):
                    workers.append(self._start(answers))
                    place = len(workers) - 1
                workers[place].jobs.append(job)
                workers[place].send(job)

    def _start(self, answers: SimpleQueue[tuple[_Worker[J], _Answer[R] | None]]) -> _Worker[J]:
        process = subprocess.Popen(
            python_command("mlarray_io.batch.worker", (), self._untrusted),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=python_environment(),
            process_group=0 if os.name == "posix" else None,  # Ctrl-C is for the parent, which stops them
        )
        worker: _Worker[J] = _Worker(process)
        worker.send((self._work, dict(os.environ)))
        threading.Thread(target=_collect, args=(worker, answers), daemon=True).start()
        return worker

    def _bury(self, worker: _Worker[J], waiting: deque[J]) -> Iterator[tuple[J, R]]:
        """Yield the answer for what a dead worker was doing, and give back what else it had."""
        _close(worker.input)
        code = worker.process.wait()
        if worker.jobs:
            job = worker.jobs.popleft()
            waiting.extendleft(reversed(worker.jobs))
            yield job, self._died(job, code)


def _collect(worker: _Worker[J], answers: SimpleQueue[tuple[_Worker[J], _Answer[R] | None]]) -> None:
    """Queue what a worker answers, and None when it is gone."""
    try:
        while True:
            answers.put((worker, _Answer(pickle.load(worker.output))))
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        _close(worker.output)
        answers.put((worker, None))


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        return  # what was to be flushed has no reader


def _stop(workers: list[_Worker[J]]) -> None:
    """Let idle workers go, and have busy ones clean up at once."""
    for worker in workers:
        if worker.jobs:
            worker.process.terminate()
        _close(worker.input)
    for worker in workers:
        try:
            worker.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
