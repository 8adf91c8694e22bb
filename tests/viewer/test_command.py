"""The command: what it prints, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

from mlarray import MLArray
from mlarray_io.commands.main import main

SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored here, and that is inherited
from mlarray_io.commands.main import main
sys.exit(main())
"""


@pytest.fixture
def image(tmp_path):
    MLArray(np.zeros((2, 3, 4), np.uint8)).save(tmp_path / "image.mla")
    return str(tmp_path / "image.mla")


def started(*arguments):
    command = [sys.executable, "-c", SCRIPT, "view", "--no-browser", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_address_is_printed_and_answers_until_the_end(image, sent, code):
    process = started(image)
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert len(url.rstrip("/").rpartition("/")[2]) >= 32
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert b"<!doctype html>" in answer.read()
        assert process.stdout.readline() == "Ctrl-C ends it\n"
        process.send_signal(sent)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.communicate()


def test_other_addresses_are_warned_of(image):
    process = started(image, "--host", "0.0.0.0")
    try:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        assert process.stderr.readline().startswith(
            "Warning: who can reach 0.0.0.0 and learns the address can read"
        )
    finally:
        process.kill()
        process.communicate()


def test_a_port_that_is_taken_is_told(image, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["view", "--no-browser", "--port", str(port), image]) == 1
    assert f"can't listen at 127.0.0.1, port {port}" in capsys.readouterr().err


def test_what_can_not_be_shown_is_told(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("no image")
    assert main(["view", "--no-browser", str(tmp_path / "a.txt")]) == 1
    assert "a.txt" in capsys.readouterr().err
    assert main(["view", "--no-browser", str(tmp_path / "absent.mla")]) == 1
    assert "absent.mla" in capsys.readouterr().err
