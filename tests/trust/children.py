"""The memory of the processes that this one has others start and end: they don't tell, so it is looked at."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

PAUSE = 0.03


class Children(threading.Thread):
    """Notes the largest size of any process below this one, in MB, in `peak`, which may be set back."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0

    def run(self) -> None:
        """Look, until this process ends."""
        while True:
            self._look("self")
            time.sleep(PAUSE)

    def _look(self, process: str) -> None:
        with suppress(OSError):
            for task in Path(f"/proc/{process}/task").iterdir():
                for child in (task / "children").read_text().split():
                    with suppress(OSError, StopIteration):  # it has ended, and has no size
                        lines = Path(f"/proc/{child}/status").read_text().splitlines()
                        size = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
                        self.peak = max(self.peak, size // 1024)
                    self._look(child)
