"""The blocks of shell commands that the pages show, step by step, and which of them a test can't run."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "conformance/README.md"]
_BLOCK = re.compile(r"((?:^<!-- .*? -->\n)*)^```(\S*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OTHER = re.compile(
    r"((?:^<!-- .*? -->\n)*)^```((?!sh$|bash$|console$|python$)\w[^\n]*)\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_MARK = re.compile(r"^<!-- not run(?: \((.+?)\))?: (.*?) -->$", re.MULTILINE)
_COMMAND = re.compile(r"\s*(?:\.venv/bin/)?(mlarray .*)$")


@dataclass(frozen=True)
class Block:
    """Commands of a page, with what is said of them.

    Parameters
    ----------
    page
        Where they stand.
    steps
        What is run, one after the other: words of a command line of `mlarray`, or lines of another shell.
    left_out
        What isn't run, with the reason.
    output
        What the page says that the last step prints; None where it says nothing.
    """

    page: Path
    steps: tuple[list[str] | str, ...]
    left_out: tuple[tuple[str, str], ...]
    output: str | None


def blocks(page: Path) -> list[Block]:
    """Return the blocks of commands of a page, in its order.

    ``<!-- not run: reason -->`` stands before a block of which a test can run nothing, and
    ``<!-- not run (word): reason -->`` where that holds for lines that begin with a word only.
    ``<!-- output -->`` stands before a block that shows what the one before it prints.
    """
    found: list[Block] = []
    for marks, language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in ("sh", "bash", "console"):
            found.append(_block(page, marks, text))
        elif "<!-- output -->" in marks:
            found[-1] = Block(page, found[-1].steps, found[-1].left_out, text)
    return found


def unlabelled(page: Path) -> list[str]:
    """Return the command lines of a page in blocks that don't say that they are of a shell."""
    blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [
        line
        for _, language, text in blocks
        if language not in ("sh", "bash", "console")
        for line in text.splitlines()
        if line.startswith("mlarray ")
    ]


def others(page: Path) -> list[tuple[str, str, str]]:
    """Return language, text and the reason for not being run ("" for none) of blocks of no shell.

    Those of ``python`` and nothing more aren't among them: tests/test_docs.py runs them.
    """
    return [
        (language, text, dict(_MARK.findall(marks)).get("", ""))
        for marks, language, text in _OTHER.findall(page.read_text(encoding="utf-8"))
    ]


def _block(page: Path, marks: str, text: str) -> Block:
    reasons = dict(_MARK.findall(marks))
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    if "" in reasons:
        return Block(page, (), tuple((line, reasons[""]) for line in lines), None)
    steps: list[list[str] | str] = []
    left_out = []
    for line in lines:
        word = next((word for word in reasons if line.startswith(word)), None)
        if word is not None:
            left_out.append((line, reasons[word]))
            continue
        for part in line.split(" && "):
            command = _COMMAND.match(part)
            if command:
                steps.append(shlex.split(command[1], comments=True)[1:])
            elif steps and isinstance(steps[-1], str):
                steps[-1] += "\n" + part  # variables are those of one shell
            else:
                steps.append(part)
    unused = [word for word in reasons if not any(line.startswith(word) for line, _ in left_out)]
    assert not unused, f"{page.name}: no line begins with {unused}"
    return Block(page, tuple(steps), tuple(left_out), None)
