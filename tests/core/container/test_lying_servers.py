"""Web servers that don't do what they say: an image is right, or an error, and nothing else is opened."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import MLArrayError

pytest.importorskip("aiohttp", reason="web servers need aiohttp")

VOXELS = np.random.default_rng(3).integers(0, 4000, (96, 96, 96)).astype("u2")


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Two files of the same size and layout, with other voxels."""
    folder = tmp_path_factory.mktemp("files")
    for number, voxels in enumerate((VOXELS, VOXELS[::-1])):
        mlarray.MLArray(np.ascontiguousarray(voxels)).save(folder / f"{number}.mla")
    return [(folder / f"{number}.mla").read_bytes() for number in (0, 1)]


class Lying(BaseHTTPRequestHandler):
    """Answers ranges of `content`, as `way` says; notes what it was sent in `seen`."""

    way = "honest"
    content, other, elsewhere = b"", b"", ""
    seen: list[dict[str, str]]

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        type(self).seen.append(dict(self.headers))
        if self.way.startswith("redirect"):
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
            self.end_headers()
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        content = self.other if self.way == "changed" and len(self.seen) > 2 else self.content
        start, end = (int(found[1]), min(int(found[2]) + 1, len(content))) if found else (0, len(content))
        body, whole = content[start:end], end - start
        if self.way == "elsewhere" and found:
            body = content[start + 4096 : end + 4096]
        elif self.way == "short" and found:
            body = body[: whole // 2]
        elif self.way == "long" and found:
            body = content[start : end + 4096]
        self.send_response(206 if found else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(whole if self.way == "cut" else len(body)))
        if found:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            with suppress(OSError):
                self.wfile.write(body[: whole // 2] if self.way == "cut" else body)
            self.close_connection = self.way == "cut"

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(contents):
    """Start servers; return the URL of an image, and what the server is sent."""
    servers = []

    def start(way, elsewhere=""):
        given = {"way": way, "content": contents[0], "other": contents[1], "elsewhere": elsewhere, "seen": []}
        handler = type("Handler", (Lying,), given)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/a.mla", handler

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_honest_server_is_read(serve):
    url, handler = serve("honest")
    with mlarray.MLArray.open(url) as image:
        np.testing.assert_array_equal(image[...], VOXELS)
    assert len(handler.seen) > 2  # so that a change behind the second request is behind the header


@pytest.mark.parametrize("way", ["elsewhere", "short", "cut", "changed"])
def test_what_is_not_what_was_asked_for_is_an_error(serve, way):
    """Other places, fewer bytes, a connection that ends early, a file that changes between two ranges."""
    url, _ = serve(way)
    with pytest.raises(MLArrayError, match=r"a\.mla"):
        mlarray.MLArray.open(url)[...]


def test_what_is_more_than_was_asked_for_is_cut_off(serve):
    url, _ = serve("long")
    with mlarray.MLArray.open(url) as image:
        np.testing.assert_array_equal(image[...], VOXELS)


def test_no_other_scheme_is_opened(serve, tmp_path, contents):
    """A web server can't have a file of this machine read."""
    (tmp_path / "mine.mla").write_bytes(contents[0])
    url, _ = serve("redirect", (tmp_path / "mine.mla").as_uri())
    with pytest.raises(MLArrayError, match=r"a\.mla"):
        mlarray.MLArray.open(url)


def test_another_host_gets_no_login(serve):
    """Downloads are often redirected to another host; what the user gave for the first stays with it."""
    there, other = serve("honest")
    url, first = serve("redirect", there)
    with mlarray.MLArray.open(url.replace("//", "//user:word@")) as image:
        np.testing.assert_array_equal(image[:4, :4, :4], VOXELS[:4, :4, :4])
    assert any("Authorization" in headers for headers in first.seen)
    assert not any("Authorization" in headers for headers in other.seen)
