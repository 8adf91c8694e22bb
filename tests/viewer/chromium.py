"""Chromium without a screen, driven by its DevTools protocol over pipes: no driver and no library is needed.

Protocol: chromedevtools.github.io/devtools-protocol; messages are JSON, each ended by a zero byte
(``--remote-debugging-pipe``).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--force-device-scale-factor=1", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 60
"""Seconds after which something that is waited for has failed."""


def executable():
    """Return the program, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page."""

    def __init__(self, write, read):
        self._write, self._read, self._number = write, read, 0
        self._buffer, self.events = b"", []
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        """Return the result of a command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == self._number:
                assert "error" not in got, (method, got["error"])
                return got["result"]
            self.events.append(got)

    def _next(self):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], PATIENCE)
            assert ready, "the browser doesn't answer"
            got = os.read(self._read, 1 << 20)
            assert got, "the browser has ended"
            self._buffer += got
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def size(self, width, height, *, dark=False):
        """Set the size of the page, and what the system says of light and dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url):
        """Go to an address."""
        self.events.clear()
        self.call("Page.navigate", url=url)

    def run(self, script):
        """Return the value of an expression of JavaScript; promises are awaited."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script):
        """Wait until an expression is true, and return it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.run(f"(() => {{ try {{ return {script} }} catch {{ return null }} }})()")
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not true in time: {script}\n{self.complaints()}")

    def mouse(self, kind, x, y, **more):
        """Send an event of the mouse, such as ``mouseMoved``."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def move(self, x, y):
        """Move the pointer."""
        self.mouse("mouseMoved", x, y)

    def click(self, x, y, button="left"):
        """Press and release a button of the mouse."""
        self.mouse("mousePressed", x, y, button=button, clickCount=1)
        self.mouse("mouseReleased", x, y, button=button, clickCount=1)

    def press(self, key, code=None):
        """Press and release a key."""
        more = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code or key, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code or key)

    def picture(self):
        """Return what is to be seen as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _named(self, *methods):
        self.run("1")  # what has happened so far comes before the answer
        return [event["params"] for event in self.events if event.get("method") in methods]

    def received(self):
        """Return how many bytes came over the wire since the page was opened, and how many answers."""
        ended = self._named("Network.loadingFinished")
        return sum(int(one["encodedDataLength"]) for one in ended), len(ended)

    def addresses(self):
        """Return what was asked for since the page was opened."""
        return [one["request"]["url"] for one in self._named("Network.requestWillBeSent")]

    def complaints(self):
        """Return errors on the page's console, those of the content policy included."""
        shown = [one["args"] for one in self._named("Runtime.consoleAPICalled") if one["type"] == "error"]
        thrown = self._named("Runtime.exceptionThrown")
        logged = [
            one["entry"]["text"] for one in self._named("Log.entryAdded") if one["entry"]["level"] == "error"
        ]
        return [*shown, *thrown, *logged]


@contextmanager
def browser():
    """Yield a browser with a profile of its own, which is gone afterwards."""
    ours_read, theirs_write = os.pipe()
    theirs_read, ours_write = os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (theirs_read, theirs_write)]
    os.close(theirs_read)
    os.close(theirs_write)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, open(os.devnull, "r+b") as null:
        quiet = [(os.POSIX_SPAWN_DUP2, null.fileno(), number) for number in range(3)]
        pipes = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(theirs, (3, 4), strict=True)]
        command = [executable(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = os.posix_spawn(command[0], command, os.environ, file_actions=[*quiet, *pipes])
        for end in theirs:
            os.close(end)
        try:
            yield Browser(ours_write, ours_read)
        finally:
            os.close(ours_write)  # the browser ends with its pipe
            os.close(ours_read)
            _ended(process)


def _ended(process):
    """Wait for the end of a process of ours; end it when it doesn't come."""
    end = time.monotonic() + 10
    while os.waitpid(process, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return
        time.sleep(0.05)
