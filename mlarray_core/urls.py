"""URLs: what is one, what may be shown of it, and the file system of fsspec's behind it, errors explained."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import (
    CorruptError,
    ExistsError,
    MissingDependencyError,
    MLArrayError,
    ModeError,
    ReadError,
    UnsafeError,
    UnsupportedError,
    WriteError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROTOCOL = r"[A-Za-z][\w.+-]+"
_URL = re.compile(_PROTOCOL + "(?:://|::)")
_LINK = re.compile(f"::(?={_PROTOCOL}(?:://|::|$))")
_SHOWN = re.compile(f"({_PROTOCOL}://[^\\s'\"<>]*)")
_LOGIN = re.compile(r"^(?:[^/?#@]*@|[^/?#:@]*:(?!\d*(?:[/?#]|$)).*@)")
"""Who logs in: what precedes @, also a password with a slash in it, which no port has."""
_HOSTLESS = {"memory", "zip", "tar", "libarchive", "file", "local"}

PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp",
    "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs", "adl": "adlfs", "sftp": "paramiko", "ssh": "paramiko",
    "smb": "smbprotocol", "hf": "huggingface_hub", "hdfs": "pyarrow", "oci": "ocifs", "webdav": "webdav4",
}  # fmt: skip
"""What fsspec needs for a protocol."""
_REFUSED = {"reference": "its content would say which other URLs are opened"}


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
    rest = rest if protocol in _HOSTLESS else _LOGIN.sub("", rest)
    return protocol + mark + re.split(r"[?#]", rest, maxsplit=1)[0]


def protocols(url: str) -> list[str]:
    """Return the protocols of a URL, of a chain from left to right."""
    return [link.partition("://")[0].lower() for link in links(url)]


def refuse_url(path: str | os.PathLike[str]) -> None:
    """Raise `ModeError` for a URL: what is there can't be changed in place."""
    if is_url(path):
        raise ModeError(
            "files at a URL can't be changed in place", path=path, hint="Download it, and upload it again"
        )


def is_web(url: str) -> bool:
    """Whether a URL is that of a web server, which has pages instead of folders."""
    return protocols(url)[0] in ("http", "https")


def filesystem(url: str, **settings: Any) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, with its own settings, and the path in it.

    Raises
    ------
    MissingDependencyError
        fsspec, or what it needs for this protocol, is not installed.
    UnsafeError
        The protocol follows URLs that files name.
    """
    for protocol in protocols(url):
        if protocol in _REFUSED:
            raise UnsafeError(f"{protocol}:// isn't opened: {_REFUSED[protocol]}", path=shown(url))
    with explained(url):
        import fsspec

        system, path = fsspec.core.url_to_fs(url, **settings)
        return system, str(path)


def read_part(system: Any, path: str, start: int, count: int) -> bytes:
    """Return `count` bytes of a file from `start` on, fewer where it ends; a server can't send more.

    Parameters
    ----------
    system, path
        As `filesystem` returns them. Errors are fsspec's.
    start, count
        Which bytes.
    """
    if "http" not in type(system).protocol or count <= 0:  # a cache of a web server's is none
        return bytes(system.cat_file(path, start=start, end=start + count)) if count > 0 else b""
    span = {"Range": f"bytes={start}-{start + count - 1}"}
    with system.open(path, "rb", block_size=0, size=1, headers=span) as file:
        if file.r.status != 206:  # a server without byte ranges sends all
            _next(file, start, keep=False)
        return _next(file, count)


def _next(file: Any, count: int, *, keep: bool = True) -> bytes:
    """Return the next bytes of a stream, or leave them out."""
    pieces: list[bytes] = []
    while count > 0 and (piece := file.read(min(count, 1 << 20))):
        count -= len(piece)
        if keep:
            pieces.append(piece)
    return b"".join(pieces)


@contextmanager
def explained(url: str, *, writing: bool = False) -> Iterator[None]:
    """Say what is wrong when fsspec fails, without the URL's secrets: its own errors hold them.

    Raises
    ------
    MissingDependencyError, UnsupportedError
        fsspec can't serve this protocol here, or not at all.
    ReadError, WriteError, ExistsError
        What the server or the network said.
    """
    try:
        yield
    except (MLArrayError, MemoryError):
        raise
    except Exception as error:
        raise _explanation(error, url, WriteError if writing else ReadError) from None


def _explanation(error: Exception, url: str, kind: type[ReadError | WriteError]) -> MLArrayError:
    """Return our error for any that fsspec, or a library behind it, raised."""
    path, text = shown(url), _text(error, url)
    if isinstance(error, ImportError):
        return _missing(error, url, text)
    if isinstance(error, FileExistsError):
        return ExistsError("exists already", path=path, hint="Overwrite it with --force (overwrite=True)")
    cause = error.__cause__
    status = getattr(cause if cause is not None else error, "status", None)
    if status in (401, 403) or isinstance(error, PermissionError) or "credentials" in text.lower():
        return kind(f"the server doesn't allow it: {text}", path=path, hint="Check the credentials")
    if isinstance(error, FileNotFoundError):
        why = "" if cause is None or status == 404 else f" ({_text(cause, url)})"
        return kind(f"there is nothing at this URL{why}", path=path, hint="Check the URL")
    if isinstance(error, ValueError) and text.startswith("Protocol not known"):
        return ReadError(f"{protocols(url)[0]}:// is no protocol that fsspec knows", path=path)
    if isinstance(error, NotImplementedError):
        return UnsupportedError(f"{protocols(url)[0]}:// can't do this", path=path)
    if isinstance(error, RuntimeError):
        return CorruptError(f"it can't be opened: {text}", path=path)
    what = "written" if kind is WriteError else "read"
    return kind(f"it can't be {what}: {text}", path=path)


def _text(error: BaseException, url: str) -> str:
    """Return what an error says, in one line, less the secrets of a URL."""
    text = " ".join(str(error).split()).replace(url, shown(url))
    for link in links(url):
        login = _LOGIN.match(link.partition("://")[2])
        for secret in (login[0] if login else "", link.partition("?")[2]):
            text = text.replace(secret, "") if secret else text
    return scrubbed(text)[:300] or type(error).__name__


def _missing(error: ImportError, url: str, text: str) -> MissingDependencyError:
    if (error.name or str(error)) == "fsspec":
        what, package = "a URL needs fsspec", "mlarray[remote]"
    else:
        needed = next((PACKAGES[name] for name in protocols(url) if name in PACKAGES), "")
        what, package = f"this protocol needs another package: {needed or text}", needed
    hint = f"Install it with: pip install '{package}'" if package else None
    return MissingDependencyError(what, path=shown(url), hint=hint)
