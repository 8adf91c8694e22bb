"""A child process that answers lines, and is started again when it dies or hangs."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Child:
    """Runs ``python -m MODULE ARGUMENTS`` and asks it one line at a time."""

    def __init__(self, module: str, *arguments: str, timeout: float = 30) -> None:
        self.command = [sys.executable, "-m", module, *arguments]
        self.timeout = timeout
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, line: str) -> str:
        """Return the answer, or ``crash N`` or ``hang``."""
        process = self.process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass
        return self._answer(process)

    def more(self) -> str:
        """Return another line of the last answer."""
        assert self.process is not None
        return self._answer(self.process)

    def _start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        started = self._answer(self.process, 120)
        if started != "ready":
            raise RuntimeError(f"{self.command} said {started!r} at its start")
        return self.process

    def _answer(self, process: subprocess.Popen[bytes], timeout: float | None = None) -> str:
        """Read up to the end of a line."""
        assert process.stdout is not None
        answer = b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                if not waiting.select(timeout or self.timeout):
                    self.stop()
                    return "hang"
                piece = os.read(process.stdout.fileno(), 1 << 16)
                if not piece:
                    code = process.wait()
                    self.stop()
                    return f"crash {code}"
                answer += piece
        return answer.decode().strip()

    def stop(self) -> None:
        """End the child."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()
            process.communicate()
