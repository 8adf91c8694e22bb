"""How the processes start that read strangers' files.

Python and a library need a third of a second to start. So one process, the template, is started as
`python_process` says, loads the libraries, and is forked for each file: that takes some milliseconds, and no
file meets what another one left behind. The template reads no file itself. Where nothing can be forked, each
process is started anew.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from mlarray_io.sdk.files.python_process import python_command, python_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORKS = hasattr(os, "fork") and hasattr(socket, "send_fds") and sys.platform != "win32"
PATIENCE = 120
"""Seconds that the template may take to start, load libraries and fork."""
PIPE = 1 << 20
"""Bytes that a pipe holds where the system lets one say so: fewer turns between two processes."""
_ONE_THREAD = {
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
}  # fmt: skip
"""Variables of libraries. Processes are forked before threads run, and their memory has a limit."""


@dataclass(frozen=True)
class StartedChild:
    """A process, and the pipes to and from it, unbuffered.

    Parameters
    ----------
    questions, answers
        Where to write to it, and where to read what it says.
    owner
        The process that started it; others, forked from that one, leave it alone.
    kill
        Ends it at once.
    reap
        Waits for its end, which it is helped to, and returns its exit code, negative for a signal.
    """

    questions: IO[bytes]
    answers: IO[bytes]
    owner: int
    kill: Callable[[], None]
    reap: Callable[[], int | None]

    def end(self) -> int | None:
        """Close the pipes, after which the process ends; return its exit code."""
        for stream in (self.questions, self.answers):
            with suppress(OSError):
                stream.close()
        return self.reap() if self.owner == os.getpid() else None


def start_child(path: str, libraries: Sequence[str]) -> StartedChild:
    """Start a process that runs `child_loop`.

    Parameters
    ----------
    path
        The file that it will read; nothing is imported from its folder.
    libraries
        Modules to load beforehand.
    """
    environment = {**python_environment(), **dict.fromkeys(_ONE_THREAD, "1")}
    if not FORKS:
        return _alone(python_command("mlarray_io.sdk.files.child_loop", [], [path]), environment)
    command = python_command("mlarray_io.sdk.files.child_template", [], [path])
    try:
        return _template(command, environment).fork(libraries)
    except (EOFError, ConnectionError, BrokenPipeError):  # it has ended, as it does when nobody asks for long
        _templates.pop(tuple(command), None)
        return _template(command, environment).fork(libraries)


def _alone(command: list[str], environment: dict[str, str]) -> StartedChild:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def reap() -> int:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(0.2)
        process.kill()
        return process.wait()

    return StartedChild(process.stdin, process.stdout, os.getpid(), process.kill, reap)


class _Template:
    """The process that others are forked from.

    Parameters
    ----------
    command, environment
        How it is started.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            process = subprocess.Popen(
                [*command, str(number)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[number],
                env=environment,
                process_group=0,  # Ctrl-C is for the parent, which ends it
            )
        ours.settimeout(PATIENCE)
        self._socket, self._lock = ours, threading.Lock()
        self.stop = weakref.finalize(self, _stop, ours, process)

    def fork(self, libraries: Sequence[str]) -> StartedChild:
        """Fork one process."""
        from_us, questions = os.pipe()
        answers, from_it = os.pipe()
        try:
            for end in (questions, answers):
                _widen(end)
            said = self._ask({"libraries": list(libraries)}, [from_us, from_it])
        except BaseException:
            os.close(questions)
            os.close(answers)
            raise
        finally:
            os.close(from_us)
            os.close(from_it)
        number = int(said["pid"])

        def kill() -> None:
            with suppress(OSError):
                os.kill(number, 9)  # it keeps its number until the template is told to wait for it

        def reap() -> int | None:
            with suppress(OSError, EOFError):
                return int(self._ask({"end": number}, [])["code"])
            return None

        return StartedChild(open(questions, "wb", 0), open(answers, "rb", 0), os.getpid(), kill, reap)

    def _ask(self, question: dict[str, object], files: list[int]) -> dict[str, Any]:
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(question).encode() + b"\n"], files)
            answer = b""
            while not answer.endswith(b"\n"):
                piece = self._socket.recv(4096)
                if not piece:
                    raise EOFError
                answer += piece
        return dict(json.loads(answer))


_templates: dict[tuple[str, ...], _Template] = {}
_inherited: list[_Template] = []
_lock = threading.Lock()
_KEPT = 4
"""Templates that are kept: one for each search path, which changes with the current folder at most."""


def _template(command: list[str], environment: dict[str, str]) -> _Template:
    with _lock:
        found = _templates.pop(tuple(command), None) or _Template(command, environment)
        _templates[tuple(command)] = found
        while len(_templates) > _KEPT:  # processes that it has forked keep it until they end
            _templates.pop(next(iter(_templates)))
        return found


def _stop(connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
    """Let a template go: it ends, with what it has forked, when nobody is connected to it."""
    connection.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _forget() -> None:
    """In a process forked from this one: leave the templates to the parent, and start others."""
    global _lock
    _lock = threading.Lock()
    for template in _templates.values():
        template.stop.detach()
        template._socket.close()
        _inherited.append(template)
    _templates.clear()


def _widen(pipe: int) -> None:
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
