"""A worker process: does one job after the other until its parent has no more, or is gone.

Jobs come by standard input and answers go by standard output, as pickles. Whatever a library prints goes to
standard error.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING

from mlarray_io.batch.imports import leave_out_commands, put_off_imports
from mlarray_io.batch.malloc import few_arenas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE = 5.0
"""Seconds to clean up when a run is interrupted or the parent is gone; after that the process just ends."""


def main() -> None:
    """Read a function and the parent's environment, then jobs for the function, and write its answers."""
    jobs_from, answers_to = _streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process
    signal.signal(signal.SIGTERM, _leave)
    work: Callable[[object], object]
    environment: Mapping[str, str]
    work, environment = pickle.load(jobs_from)
    os.environ.clear()
    os.environ.update(environment)
    few_arenas()
    leave_out_commands()
    put_off_imports()
    jobs: SimpleQueue[object] = SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_receive, args=(jobs_from, jobs, busy), daemon=True).start()
    while (job := jobs.get()) is not None:
        busy.set()
        answer = work(job)
        try:
            pickle.dump(answer, answers_to)
            answers_to.flush()
        except OSError:
            return  # the parent is gone
        busy.clear()


def _streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return what were standard input and output, and leave nothing and standard error in their place."""
    streams = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return streams


def _receive(stream: IO[bytes], jobs: SimpleQueue[object], busy: threading.Event) -> None:
    """Queue what the parent sends; when it sends no more in the middle of a job, it is gone or stops it."""
    try:
        while True:
            jobs.put(pickle.load(stream))
    except (EOFError, OSError):
        jobs.put(None)
    if busy.is_set():
        signal.raise_signal(signal.SIGTERM)
        time.sleep(PATIENCE)
        os._exit(1)


def _leave(*_: object) -> None:
    """End by unwinding, so that temporary files are removed; once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


if __name__ == "__main__":
    main()
