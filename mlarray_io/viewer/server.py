"""The server: requests that may ask are answered, each on a thread of its own."""

from __future__ import annotations

import gzip
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from mlarray_io.viewer.answers import MISSING, Answer

if TYPE_CHECKING:
    from mlarray_io.viewer.access import Access
    from mlarray_io.viewer.answers import Answers

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='",
        "img-src 'self' data: blob:",
        "connect-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""What the page may load (Content Security Policy Level 3): nothing from elsewhere. ``data:`` holds the font
of NiiVue, the checksum is that of the one style sheet that OpenSeadragon 6.1.1 puts into the page."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
WORTH = 1400
"""Bytes from which text is compressed."""


class Server(ThreadingHTTPServer):
    """A server of images.

    Parameters
    ----------
    host, port
        Where it listens; port 0 for any that is free.
    access
        Who may ask.
    answers
        What there is.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, access: Access, answers: Answers) -> None:
        self.access, self.answers = access, answers
        if ":" in host:
            import socket

            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """The address of the page."""
        host, port = self.server_address[:2]
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host))
        shown = f"[{name}]" if ":" in name else name
        return f"http://{shown}:{port}/{self.access.token}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mlarray", ""

    def do_GET(self) -> None:
        """Answer."""
        self._reply(self._answer())

    def do_HEAD(self) -> None:
        """Answer without the content."""
        self._reply(self._answer())

    def do_OPTIONS(self) -> None:
        """Say to another page's browser whether it may ask (Fetch standard, "CORS-preflight request")."""
        refused = self._refusal()
        self._reply(
            Answer(403, "text/plain", refused.encode()) if refused else Answer(204, "text/plain", b"")
        )

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: addresses hold the token."""

    def _refusal(self) -> str | None:
        hosts = self.headers.get_all("Host") or []
        host = hosts[0] if len(hosts) == 1 else None
        return self.server.access.refusal(self.path, host, self.headers.get("Origin"))

    def _answer(self) -> Answer:
        refused = self._refusal()
        if refused is not None:
            return Answer(403, "text/plain; charset=utf-8", f"{refused}\n".encode())
        _, _, below = self.path[1:].partition("/")
        if self.path == f"/{self.server.access.token}":
            return MISSING  # without a last slash the page's own addresses would lead elsewhere
        return self.server.answers.answer(below)

    def _reply(self, answer: Answer) -> None:
        content, encoding = answer.content, None
        takes = "gzip" in (self.headers.get("Accept-Encoding") or "")
        if takes and len(content) > WORTH and answer.kind.startswith(("text/", "application/json")):
            content, encoding = _compressed(content), "gzip"
        try:
            self._send(answer, content, encoding)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the page has moved on and doesn't want it any more

    def _send(self, answer: Answer, content: bytes, encoding: str | None) -> None:
        self.send_response(answer.status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        origin = self.headers.get("Origin")
        if origin is not None and origin in self.server.access.origins and answer.status != 403:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Headers", "Range")
            self.send_header("Access-Control-Allow-Private-Network", "true")
        self.send_header("Vary", "Origin, Accept-Encoding")
        self.send_header("Cache-Control", "private, max-age=3600" if answer.lasting else "no-store")
        if encoding is not None:
            self.send_header("Content-Encoding", encoding)
        if answer.status != 204:
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@lru_cache(maxsize=16)
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, 6)
