"""The commands of the pages run, in the order of each page, on small files of the names that it gives."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import warnings
import webbrowser
from pathlib import Path

import pytest

from mlarray_io.batch.workers import Workers
from mlarray_io.commands.cli import cli
from mlarray_io.commands.main import main
from mlarray_io.viewer.server import Server
from tests import page_samples
from tests.page_blocks import PAGES, ROOT, blocks, others, unlabelled

BLOCKS = {page: blocks(page) for page in PAGES}
RUN = [page for page, found in BLOCKS.items() if any(block.steps for block in found)]
LEFT_OUT = [(page, line, why) for page, found in BLOCKS.items() for b in found for line, why in b.left_out]
VARIABLES = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_CPUS_PER_TASK": "1", "FREESURFER_HOME": "freesurfer"}


def run_mlarray(words):
    """Run a command line of `mlarray` here, its inputs made."""
    words = [re.sub(r"\$(\w+)", lambda match: VARIABLES[match[1]], word) for word in words]
    context = cli.commands[words[0]].make_context(words[0], words[1:], resilient_parsing=True)
    for word in words[1:]:
        if word != context.params.get("target"):
            page_samples.make(word)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # a command prints them
        return main(words)


def run_shell(lines):
    """Run lines of a shell; what is installed here is what it finds."""
    for word in lines.replace("/", " ").split():
        if word in ("tests", "conformance"):
            page_samples.make(word)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    settings = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        env=settings, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    return done.returncode


def settled(text):
    """Return output without what no two runs have alike: times, and sizes of what is compressed."""
    text = re.sub(r" in [\d.]+ m?s\b", "", text)
    return re.sub(r"[\d.]+ (?=[KM]iB|times (?:smaller|larger))", "N ", text)


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_run(page, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Server, "serve_forever", lambda *_, **__: None)  # as if somebody ended it at once
    monkeypatch.setattr(Workers, "run", lambda pool, jobs: ((job, pool._work(job)) for job in jobs))
    monkeypatch.setattr(webbrowser, "open", lambda _: True)
    for block in BLOCKS[page]:
        for step in block.steps:
            code = run_shell(step) if isinstance(step, str) else run_mlarray(step)
            said = capfd.readouterr()
            assert code == 0, f"{step}\n{said.out}{said.err}"
        if block.output is not None:
            for line in block.output.splitlines():
                assert settled(line) in settled(said.out)


def test_every_command_line_is_run_or_left_out_with_a_reason():
    assert [(page.name, line) for page in PAGES for line in unlabelled(page)] == []
    assert len(RUN) >= 18
    for page, line, why in LEFT_OUT:
        assert len(why.split()) >= 3, f"{page.name}: {line}"
    commands = [line for _, line, why in LEFT_OUT if line.startswith("mlarray ") and "synopsis" not in why]
    run = [step for found in BLOCKS.values() for block in found for step in block.steps]
    assert len(commands) <= 14  # all of them need a network or a cluster
    assert sum(isinstance(step, list) for step in run) >= 60


def test_fences_name_one_word():
    """The site takes a fence with more behind its language for text."""
    for page in PAGES:
        fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert [fence for fence in fences if len(fence.split()) > 1] == [], page.name


def test_every_other_block_is_what_it_says():
    """JSON and TOML are such; Python that isn't run says why; text is what it shows."""
    parsers = {"json": json.loads, "toml": tomllib.loads}
    for page in PAGES:
        for language, text, why in others(page):
            if language in parsers:
                parsers[language](text)
            else:
                assert language == "text" or len(why.split()) >= 3, (page.name, language)
