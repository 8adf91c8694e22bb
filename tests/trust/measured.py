"""What converting files costs, measured in a process of its own that starts small; children count too."""

from __future__ import annotations

import multiprocessing
import resource
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.mutants import memory_mb

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from pathlib import Path


class Cost(NamedTuple):
    """What came of a file: the error's name or ``read``, processor time, and MB of the largest process."""

    said: str
    seconds: float
    megabytes: int


def cost(path: Path) -> Cost:
    """Convert a file to `.mla` beside it, in another process."""
    context = multiprocessing.get_context("spawn")
    queue: Queue[Cost] = context.Queue()
    process = context.Process(target=_convert, args=(path, queue))
    process.start()
    found = queue.get(timeout=120)
    process.join()
    return found


def _convert(path: Path, queue: Queue[Cost]) -> None:
    import mlarray
    from mlarray_core.errors import MLArrayError
    from mlarray_io.sdk.files import child_start

    started = time.process_time()
    try:
        mlarray.convert(path, path.with_name("out.mla"), overwrite=True)
        said = "read"
    except MLArrayError as error:
        said = type(error).__name__
    seconds = time.process_time() - started
    for template in child_start._templates.values():
        template.stop()  # it is waited for, so that what it and its children took is known
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds += below.ru_utime + below.ru_stime
    # of this process getrusage would count what its parent had before exec
    queue.put(Cost(said, seconds, max(memory_mb("VmHWM"), below.ru_maxrss >> 10)))
