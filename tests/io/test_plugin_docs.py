"""The code in docs/write-a-plugin.md is that of the files it names. Run this module to copy it again."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "write-a-plugin.md"
BLOCK = re.compile(r"(<!-- include: (\S+?)(?:#(\w+))? -->\n```\w+\n)(.*?)(```\n)", re.DOTALL)
MARK = re.compile(r"^ *# \[(\w+)\]\n", re.MULTILINE)


def section(path, name):
    """Return the part of a file that follows a mark, up to the next; without a name that before any mark."""
    parts = MARK.split((PAGE.parent / path).read_text(encoding="utf-8"))
    if name is None:
        return parts[0].strip("\n") + "\n"
    return textwrap.dedent(parts[parts.index(name) + 1].strip("\n")) + "\n"


def filled(text):
    return BLOCK.sub(lambda m: m[1] + section(m[2], m[3]) + m[5], text)


def test_the_page_shows_the_files():
    text = PAGE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == 13
    assert text == filled(text), f"run `python {Path(__file__).name}` to copy the code again"


def test_the_first_plugin_is_short():
    first = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert first[2] == "../tests/guest/mlarray_grid.py"
    assert len([line for line in first[4].splitlines() if line.strip()]) <= 20


def test_the_page_shows_the_whole_plugin():
    text = PAGE.read_text(encoding="utf-8")
    source = PAGE.parent / "../mlarray_io/template/mlarray_acme.py.txt"
    for name in MARK.findall(source.read_text(encoding="utf-8")):
        assert f"mlarray_acme.py.txt#{name} -->" in text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")))
