"""The process that children are forked from: it loads libraries, forks, and says how each child ended.

It reads no file. A line of JSON comes by its socket, with the ends of two pipes where a child is wanted, and
a line of JSON goes back. When the other side is gone, so are the children.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any

from mlarray_io.sdk.files.child_loop import answer_all

IDLE = 120
"""Seconds without a child after which it ends."""
_NEEDED = ("mlarray_io.sdk.files.serving", "mlarray_io.sdk.files.child", "ctypes", "mlarray_core.geometry")
_MERCY = 0.5
"""Seconds that a child whose pipes are closed has to end by itself, so that its own signal is known."""


def main(number: str) -> None:
    """Serve the socket with the file descriptor `number`."""
    os.chdir("/")  # a relative path in some library's variable leads to no folder of the user's
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=int(number))
    children: set[int] = set()
    while True:
        ready = select.select([connection], [], [], IDLE)[0]
        if not ready and not children:
            return
        if not ready:
            continue
        question, files = _question(connection)
        if question is None:
            break
        if "end" in question:
            answer = {"code": _ended(question["end"])}
            children.discard(question["end"])
        else:
            for name in (*_NEEDED, *question["libraries"]):
                with suppress(Exception):  # the child says what is wrong with it
                    importlib.import_module(name)
            gc.freeze()
            child = os.fork()
            if not child:
                connection.close()
                _run(*files)
            for file in files:
                os.close(file)
            children.add(child)
            answer = {"pid": child}
        connection.sendall(json.dumps(answer).encode() + b"\n")
    for child in children:
        os.kill(child, signal.SIGKILL)


def _question(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    line, files = b"", []
    while not line.endswith(b"\n"):
        piece, received, _, _ = socket.recv_fds(connection, 4096, 2)
        if not piece:
            return None, []
        line += piece
        files += received
    return json.loads(line), files


def _run(questions: int, answers: int) -> None:
    code = 1
    try:
        answer_all(questions, answers)
        code = 0
    finally:
        os._exit(code)


def _ended(child: int) -> int:
    """Wait for a child, which has crashed or isn't needed any more, and return its exit code."""
    until = time.monotonic() + _MERCY
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)  # whoever started it waits for its end, and nothing is left to clean up
