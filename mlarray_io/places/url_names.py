"""Names in URLs: the last part, a file in a folder, a file beside another. Pure text, nothing is opened."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

from mlarray_core.url_text import is_web, links

LONGEST_NAME = 200
"""Characters kept of a URL's last part: with suffixes and temporary names, file systems allow 255 bytes."""


def name_of(url: str) -> str:
    """Return the last part of a URL, as a file may be called on any system; ``source`` when it has none."""
    link = next((link for link in links(url) if "://" in link), "")
    path = unquote(urlsplit(link).path) if is_web(link) else link.partition("://")[2]
    name = path.rstrip("/").rpartition("/")[2]
    name = "".join("_" if char in '\\:*?"<>|' or ord(char) < 32 else char for char in name)
    return name[-LONGEST_NAME:].strip() if name.strip(". ") else "source"


def joined(url: str, name: str) -> str:
    """Return the URL of `name`, a relative path, below `url`; a web server is asked with the same query."""
    link, *chain = links(url)
    link, mark, query = link.partition("?") if is_web(link) else (link, "", "")
    name = quote(name) if is_web(link) else name
    folder = link if link.endswith("/") else link + "/"
    return "::".join([f"{folder}{name}{mark}{query}", *chain])


def beside(url: str, name: str) -> str:
    """Return the URL of `name` in the folder that a URL lies in."""
    link, *chain = links(url)
    link, mark, query = link.partition("?") if is_web(link) else (link, "", "")
    name = quote(name) if is_web(link) else name
    head, sign, rest = link.rstrip("/").partition("://")
    folder = head + sign + (rest.rpartition("/")[0] + "/" if "/" in rest else "")
    return "::".join([f"{folder}{name}{mark}{query}", *chain])
