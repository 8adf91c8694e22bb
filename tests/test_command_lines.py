"""Every command line of the pages is one that the command takes: its options exist, and their values fit."""

import re
import shlex
from pathlib import Path

import click
import pytest

from mlarray_io.commands.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "conformance/README.md"]
SHELL = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"\s*(?:\.venv/bin/)?mlarray (.*)$")


def command_lines():
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for part in re.split(r"&&|\||\n", block.replace("\\\n", " ")):
                found = COMMAND.match(part)
                words = shlex.split(found[1], comments=True) if found else []
                if words and words[0] in cli.commands and not any(is_synopsis(word) for word in words):
                    yield page.relative_to(ROOT), [re.sub(r"\$\w+", "1", word) for word in words]


def is_synopsis(word):
    return "..." in word or word.startswith("[")


LINES = list(command_lines())


@pytest.mark.parametrize(("page", "words"), LINES, ids=[" ".join(words) for _, words in LINES])
def test_a_command_line_of_the_pages(page, words):
    try:
        cli.commands[words[0]].make_context(words[0], words[1:])
    except click.exceptions.Exit:
        assert {"-h", "--help"} & set(words)


def test_there_are_many():
    assert len(LINES) > 60
