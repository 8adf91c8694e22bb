"""Links of the pages lead to files and headings that exist; those to other places are whole addresses."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("[!.]*/README.md"))
]  # fmt: skip
LINK = re.compile(r"\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
ADDRESS = re.compile(r"https?://[^\s<>`\"')\]]+")


def links(page):
    """Return what the links of a page lead to, without those that code shows."""
    return LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))


@cache
def anchors(page):
    """Return the anchors of a page's headings, as Python-Markdown's toc and GitHub name them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def slug(heading):
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def test_links_are_found():
    """Else the tests below, which have nothing to say of a page without any, would say nothing at all."""
    assert "docs/convert.md" in links(ROOT / "README.md")
    assert any("://" in link for page in PAGES for link in links(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.resolve()), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_addresses_are_whole(page):
    """Nobody asks for them here: they need the network."""
    for address in [*(link for link in links(page) if "://" in link)]:
        parts = urlsplit(address)
        assert parts.scheme == "https", address
        assert re.fullmatch(r"(?:[a-z\d-]+\.)+[a-z]{2,}", parts.netloc), address
        assert ADDRESS.fullmatch(address) or "(" in address, address


def test_headings_have_the_anchors_of_the_site():
    assert slug("RAS or LPS, and what has it to do?") == "ras-or-lps-and-what-has-it-to-do"
    assert slug("spatial: `MetaSpatial`") == "spatial-metaspatial"
