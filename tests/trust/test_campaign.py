"""The campaign of damage: a short run of it, and that it notices what it is there for."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trust import campaign
from tests.trust.children import Children
from tests.trust.guide import Guide
from tests.trust.seeds import Seed

ROOT = Path(__file__).parents[2]
linux = pytest.mark.skipif(sys.platform != "linux", reason="the campaign needs Linux")


@linux
def test_a_short_campaign_finds_nothing() -> None:
    command = [sys.executable, "-m", "tests.trust.campaign", "mat", "ecat", "--mutants", "20", "--seed", "5"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert [line.split()[:2] for line in found.stdout.splitlines()[1:] if line[0] != " "] == [
        ["mat", "20"], ["ecat", "20"],
    ]  # fmt: skip


class Answers:
    """Stands for the child that converts: says what it is told to, and does it."""

    def __init__(self, said: str, leave: str = "") -> None:
        self.said, self.leave, self.timeout = said, leave, 10.0

    def ask(self, line: str) -> str:
        import json

        asked = json.loads(line)
        if self.leave:
            Path(asked["target"]).with_name(self.leave).write_bytes(b"")
        return self.said


@linux
@pytest.mark.parametrize(
    ("said", "leave", "counted"),
    [
        ("crash -11", "", "crash"),
        ("hang", "", "hang"),
        ('{"what": "refused", "mb": 5000}', "", "memory"),
        ('{"what": "refused", "mb": 5}', ".out.mla.tmp-1", "files"),
        ('{"what": "refused", "mb": 5}', "", "refused"),
        ('{"what": "foreign", "text": "KeyError"}', "", "foreign"),
        ('{"what": "unstable", "text": ""}', "", "unstable"),
        ('{"what": "read", "warned": false}', "", "silent"),
        ('{"what": "read", "warned": true}', "", "unknown"),
    ],
)
def test_what_is_counted(tmp_path, monkeypatch, said, leave, counted) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / "a.mat").write_bytes(b"0123456789" * 9)
    tried = campaign.Campaign("mat", tmp_path, 1, None)
    tried.ours = Answers(said, leave)  # type: ignore[assignment]
    tried.theirs = Answers('{"what": "differs", "text": ""}')  # type: ignore[assignment]
    tried._one(0, Seed(tmp_path / "seed", tmp_path / "seed" / "a.mat"), tmp_path / "whole.mla")
    assert tried.count == {counted: 1}
    assert bool(tried.wrong) == (counted in campaign.WRONG)


def test_lines_are_new_once() -> None:
    from mlarray_mat.layout import imaginary

    guide = Guide("mat")
    found = []
    for _ in range(2):
        with guide, pytest.raises(AttributeError):
            imaginary(None, b"", 0, 0)  # type: ignore[arg-type]
        found.append(guide.new)
    assert found[0] > 0
    assert found[1] == 0


@linux
def test_memory_of_processes_below_is_seen() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])  # nobody has asked how: it is still listed
    watching = Children()
    watching.start()
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    eat = "import sys; kept = bytearray(b'x') * (200 << 20); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, eat], stdin=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while watching.peak < 200 and time.monotonic() < until:
            time.sleep(0.01)
        assert process.stdin is not None
        process.stdin.close()  # the process below ends by this, not by the clock
    ended.wait()
    assert watching.peak >= 200


@linux
def test_fuzzing_finds_nothing() -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: pip install atheris")
    command = [sys.executable, "-m", "tests.trust.fuzz", "mat", "--runs", "100"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Done 100 runs" in found.stderr
