"""What a URL is, what may be shown of it, and the parts of a chain of URLs. Pure text."""

from __future__ import annotations

import os
import re

_PROTOCOL = r"[A-Za-z][\w.+-]+"
_URL = re.compile(_PROTOCOL + "(?:://|::)")
_LINK = re.compile(f"::(?={_PROTOCOL}(?:://|::|$))")
_SHOWN = re.compile(f"({_PROTOCOL}://[^\\s'\"<>]*)")
LOGIN = re.compile(r"^(?:[^/?#@]*@|[^/?#:@]*:(?!\d*(?:[/?#]|$)).*@)")
"""Who logs in: what precedes @, also a password with a slash in it, which no port has."""
_HOSTLESS = {"memory", "zip", "tar", "libarchive", "file", "local"}


def is_url(where: str | os.PathLike[str]) -> bool:
    """Whether a path is a URL: ``s3://bucket/key``, or a chain of them as fsspec writes it."""
    text = os.fspath(where)
    return "://" in text and _URL.match(text) is not None


def shown(url: str) -> str:
    """Return a URL without what may be secret: who logs in, and everything from ``?`` or ``#`` on."""
    return "::".join(map(_bare, links(url)))


def scrubbed(text: str) -> str:
    """Return a text with every URL in it as `shown` shows it."""
    return _SHOWN.sub(lambda match: shown(match[0]), text)


def links(url: str) -> list[str]:
    """Return the URLs of a chain, from left to right; a protocol without ``://`` is one too."""
    return _LINK.split(url)


def _bare(link: str) -> str:
    protocol, mark, rest = link.partition("://")
    rest = rest if protocol in _HOSTLESS else LOGIN.sub("", rest)
    return protocol + mark + re.split(r"[?#]", rest, maxsplit=1)[0]


def protocols(url: str) -> list[str]:
    """Return the protocols of a URL, of a chain from left to right."""
    return [link.partition("://")[0].lower() for link in links(url)]


def is_web(url: str) -> bool:
    """Whether a URL is that of a web server, which has pages instead of folders."""
    return protocols(url)[0] in ("http", "https")
