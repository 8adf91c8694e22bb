"""What `scripts/site` adds to MkDocs: pages from the repository's root, and folders in the navigation.

MkDocs calls the functions named ``on_...`` (its documentation, "Hooks"). Pages link to one another as they
lie in the repository, where the links work too. In the site, the name of a page that is linked becomes its
title, and a link to a file that is no page becomes the file's name.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages that lie in the root."""
REMARKS = re.compile(r"\A(?:\s*<!--.*?-->)+\s*", re.DOTALL)
LINK = re.compile(r"\[([^\]\n]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace each ``folder/*`` of the navigation by the folder's pages, in their order by name."""
    config.nav = [_filled(entry) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root."""
    from mkdocs.structure.files import File

    for name in PAGES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Point links at pages of the site, and begin with the heading, which is the page's title."""
    markdown = REMARKS.sub("", markdown)
    here = page.file.src_uri
    folder = "" if here in PAGES else posixpath.join("docs", posixpath.dirname(here))
    return LINK.sub(lambda match: _link(match, folder, here), markdown)


def _link(match: re.Match[str], folder: str, here: str) -> str:
    text, target, anchor = match[1], match[2], match[3] or ""
    if "://" in target:
        return match[0]
    path = posixpath.normpath(posixpath.join(folder, target))
    if path in PAGES or path.startswith("docs/"):
        page = path.removeprefix("docs/")
        text = _title(path) if text == target and path.endswith(".md") else text
        return f"[{text}]({posixpath.relpath(page, posixpath.dirname(here) or '.')}{anchor})"
    return text if text.startswith("`") or text.startswith("!") else f"{text} (`{path}`)"


def _title(path: str) -> str:
    """Return the heading of a page, or its path where there is no such page: MkDocs says so then."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines() if (ROOT / path).is_file() else []
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), path)


def _filled(entry: Any) -> Any:
    """Return an entry of the navigation with the pages of the folders that it names."""
    if isinstance(entry, dict):
        return {title: _filled(below) for title, below in entry.items()}
    if not isinstance(entry, list):
        return entry
    pages: list[Any] = []
    for one in entry:
        if isinstance(one, str) and one.endswith("/*"):
            found = sorted((ROOT / "docs" / one).parent.glob("*.md"))
            pages += [
                path.relative_to(ROOT / "docs").as_posix() for path in found if path.name != "README.md"
            ]
        else:
            pages.append(_filled(one))
    return pages
