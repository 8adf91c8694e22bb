"""A web server that takes its time: ``python slow_server.py FOLDER MILLISECONDS`` prints its port.

It serves ranges of the files below a folder; ``/requests`` says how many there were since it was asked last.
"""

from __future__ import annotations

import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COUNT = "/requests"


class Slow(BaseHTTPRequestHandler):
    """Answers after a pause, and keeps connections."""

    protocol_version = "HTTP/1.1"
    folder, pause, asked = Path(), 0.0, 0

    def do_HEAD(self):
        """Answer without a body."""
        self.do_GET()

    def do_GET(self):
        """Answer with a file, or a range of it."""
        if self.path == COUNT:
            return self._answer(200, str(Slow.asked).encode(), count=False)
        Slow.asked += 1
        time.sleep(self.pause)
        path = self.folder / self.path.lstrip("/")
        if not path.is_file():
            return self._answer(404, b"")
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return self._answer(200, path.read_bytes())
        first = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
        last = min(size, int(asked[2]) + 1) if asked[1] and asked[2] else size
        with path.open("rb") as file:
            file.seek(first)
            body = file.read(last - first)
        return self._answer(206, body, f"bytes {first}-{last - 1}/{size}")

    def _answer(self, status: int, body: bytes, part: str = "", *, count: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", "Mon, 30 Nov 2026 10:00:00 GMT")  # obstore demands one
        if part:
            self.send_header("Content-Range", part)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        if not count:
            Slow.asked = 0

    def log_message(self, *_):
        """Say nothing."""


if __name__ == "__main__":
    Slow.folder, Slow.pause = Path(sys.argv[1]), float(sys.argv[2]) / 1000
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    print(server.server_port, flush=True)
    server.serve_forever()
