"""Commands that are ended from outside: by SIGTERM they unwind as by Ctrl-C, and say what is done."""

from __future__ import annotations

import signal

TERMINATED = 143
"""128 and the number of the signal, as shells have it."""


class Terminated(SystemExit):
    """SIGTERM has arrived. The process unwinds, so that nothing half-written is left.

    Parameters
    ----------
    said
        How much is done, and how to go on; empty where there is nothing to go on with.
    """

    def __init__(self, said: str = "") -> None:
        super().__init__(TERMINATED)
        self.said = said


def terminable() -> None:
    """Have SIGTERM unwind this process, instead of ending it at once."""

    def leave(*_: object) -> None:
        raise Terminated

    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, leave)
