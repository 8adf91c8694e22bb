"""Who gets an answer: a page on the same machine can send any request, and must learn nothing by it."""

from __future__ import annotations

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_io.viewer.access import Access, is_loopback
from tests.viewer.served import ask, served

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    MLArray(VOXELS).save(folder / "image.mla")
    (folder / "secret.txt").write_text("secret")
    with served(folder / "image.mla") as running:
        yield running


def test_the_page_and_its_parts_are_given_to_who_has_the_token(server):
    for path in ("", "main.js", "viewer.css", "images.json", "assets/niivue.umd.js", "image/0/header.json"):
        status, headers, content = ask(server, path)
        assert status == 200
        assert content
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_may_load_nothing_from_elsewhere(server):
    policy = ask(server, "")[1]["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "path", ["/", "/images.json", "/wrong/images.json", "//images.json", "/%2e%2e/images.json", ""]
)
def test_without_the_token_nothing_is_given(server, path):
    status, _, content = ask(server, path or "*", token=False)
    assert status == 403
    assert b"token" in content


def test_a_token_that_is_nearly_right_is_none(server):
    token = server.access.token
    for wrong in (token[:-1], token + "x", token.swapcase(), token[:-1] + ("a" if token[-1] != "a" else "b")):
        assert ask(server, f"/{wrong}/images.json", token=False)[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        None,
        "",
        "a@127.0.0.1",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(server, host):
    """DNS rebinding: the browser takes the page and this server for one origin, and sends its name."""
    assert ask(server, "images.json", headers={"Host": host})[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9000", "[::1]:9000", "10.0.0.7:8080"])
def test_names_that_nobody_else_can_have_are_taken(server, host):
    """A port may differ: it may have been forwarded."""
    assert ask(server, "images.json", headers={"Host": host})[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1", "null", "http://localhost:1"])
def test_a_page_of_another_origin_is_refused(server, origin):
    for method in ("GET", "HEAD", "OPTIONS"):
        status, headers, _ = ask(server, "images.json", method=method, headers={"Origin": origin})
        assert status == 403
        assert "Access-Control-Allow-Origin" not in headers


def test_the_page_itself_may_ask(server):
    own = f"http://127.0.0.1:{server.server_address[1]}"
    assert ask(server, "images.json", headers={"Origin": own})[0] == 200


def test_an_origin_that_was_allowed_may_read_and_no_other(tmp_path):
    MLArray(VOXELS).save(tmp_path / "image.mla")
    with served(tmp_path / "image.mla", origins=["https://viewer.example"]) as running:
        status, headers, _ = ask(running, "images.json", headers={"Origin": "https://viewer.example"})
        assert (status, headers["Access-Control-Allow-Origin"]) == (200, "https://viewer.example")
        status, headers, _ = ask(
            running, "images.json", method="OPTIONS", headers={"Origin": "https://viewer.example"}
        )
        assert (status, headers["Access-Control-Allow-Private-Network"]) == (204, "true")
        assert ask(running, "images.json", headers={"Origin": "https://other.example"})[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "assets/../../secret.txt",
        "assets/%2e%2e/%2e%2e/server.py",
        "secret.txt",
        "image.mla",
        "server.py",
        "image/1/header.json",
        "image/-1/header.json",
        "image/0",
        "image/0/header.json/more",
        "zarr/0.5/image.zarr/zarr.json",
        "/etc/passwd",
        "%00",
    ],
)
def test_what_was_not_given_is_not_there(server, path):
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize(
    "query",
    [
        "level=9",
        "level=-1",
        "level=x",
        "",
        "level=0&around=1,2",
        "level=0&around=nan,0,0",
        "level=0&around=1e400,0,0",
        "level=0&entry=0",
        "level=0&over=1,2,3",
        "level=0&around=0,0,0&most=x",
    ],
)
def test_questions_that_make_no_sense_are_answered_so(server, query):
    assert ask(server, f"image/0/voxels?{query}")[0] == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(server, method):
    assert ask(server, "images.json", method=method)[0] == 501


def test_no_two_runs_share_a_token():
    assert Access().token != Access().token
    assert len(Access().token) >= 32


def test_only_this_machine_is_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.1.2.3")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.0.1", "::", "example.org")))
