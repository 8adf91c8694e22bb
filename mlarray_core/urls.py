"""What is behind a URL: fsspec's file systems, byte ranges, and errors explained."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

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
from mlarray_core.url_text import LOGIN, is_url, links, protocols, scrubbed, shown

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator


T = TypeVar("T")

PACKAGES = {
    "s3": "mlarray[s3]", "s3a": "mlarray[s3]", "gs": "gcsfs", "gcs": "gcsfs",
    "http": "aiohttp", "https": "aiohttp",
    "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs", "adl": "adlfs", "sftp": "paramiko", "ssh": "paramiko",
    "smb": "smbprotocol", "hf": "huggingface_hub", "hdfs": "pyarrow", "oci": "ocifs", "webdav": "webdav4",
}  # fmt: skip
"""What brings what fsspec needs for a protocol."""
PAUSES = (0.1, 0.4, 1.6)
"""Seconds before a request is sent again."""
_NO_RETRIES = {"max_retries": 0}
BUSY = frozenset({408, 429, 500, 502, 503, 504})
"""What servers answer that have too much to do (RFC 9110, 15.5.9 and 15.6; RFC 6585, 4)."""
_REFUSED = {"reference": "its content would say which other URLs are opened"}


def refuse_url(path: str | os.PathLike[str]) -> None:
    """Raise `ModeError` for a URL: what is there can't be changed in place.

    Raises
    ------
    ModeError
        It is one.
    """
    if is_url(path):
        raise ModeError(
            "files at a URL can't be changed in place", path=path, hint="Download it, and upload it again"
        )


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


def part_reader(url: str, system: Any, path: str) -> Callable[[int, int], bytes]:
    """Return what reads so many bytes of a file from a place on, and tries again where that may help.

    Errors are explained. A plain web server is asked by obstore where that is installed: it needs a third of
    the processor's time. What it can't do is done by fsspec.

    Parameters
    ----------
    url
        Of the file.
    system, path
        As `filesystem` returns them.
    """
    straight = _obstore_reader(url, system)

    def part(start: int, count: int) -> bytes:
        if straight is not None and count > 0:
            with suppress(Exception):
                return straight(start, count)
        with explained(url):
            return again(lambda: read_part(system, path, start, count))

    return part


def _obstore_reader(url: str, system: Any) -> Callable[[int, int], bytes] | None:
    """Return what reads a part of a file by obstore; None where it isn't installed, or fsspec knows more."""
    head, _, name = url.partition("://")
    host, _, path = name.partition("/")
    # settings of fsspec's own may hold what the server asks for
    if head not in ("http", "https") or set("@?#%") & set(name) or "::" in url or _is_set_up(system):
        return None
    try:
        import obstore
        from obstore.store import HTTPStore
    except ImportError:
        return None
    try:
        options = {"allow_http": head == "http"}
        store = HTTPStore.from_url(f"{head}://{host}", client_options=options, retry_config=_NO_RETRIES)
    except Exception:
        return None

    def part(start: int, count: int) -> bytes:
        pieces: list[bytes] = []
        wanted = count
        for piece in obstore.get(store, path, options={"range": (start, start + count)}).stream():
            pieces.append(bytes(piece)[:wanted])
            wanted -= len(pieces[-1])
            if wanted <= 0:  # a server could send more, without an end
                break
        return b"".join(pieces)

    return part


def _is_set_up(system: Any) -> bool:
    """Whether a file system of the web has settings, such as headers."""
    return type(system).__name__ != "HTTPFileSystem" or bool(system.storage_options or system.kwargs)


def read_beginning(system: Any, path: str, count: int) -> tuple[bytes, int | None]:
    """Return the first bytes of a file and its whole size, which a web server says in the same answer.

    Nothing of the file is returned where the size has to be asked for first; None where nobody knows it.

    Parameters
    ----------
    system, path
        As `filesystem` returns them.
    count
        How many bytes, fewer where the file ends.

    Raises
    ------
    Exception
        Whatever fsspec raises.
    """
    if "http" not in type(system).protocol:  # a cache of a web server's is none
        return b"", system.size(path)
    try:
        opened = system.open(path, "rb", block_size=0, size=1, headers={"Range": f"bytes=0-{count - 1}"})
    except Exception as error:
        if getattr(error, "status", None) != 416:  # an empty file has no such range (RFC 9110, 15.5.17)
            raise
        return b"", system.size(path)
    with opened as file:
        whole = file.r.headers.get("Content-Range", "").rpartition("/")[2]
        if file.r.status != 206 or not whole.isdecimal():
            return b"", system.size(path)
        return _next(file, count), int(whole)


def again(ask: Callable[[], T]) -> T:
    """Return what `ask` returns; it is asked again, after longer pauses, when a server is busy.

    Raises
    ------
    Exception
        What it raises the last time, or because nothing would change.
    """
    for pause in PAUSES:
        try:
            return ask()
        except Exception as error:
            if not _passes(error):
                raise
            time.sleep(pause)
    return ask()


def _passes(error: Exception) -> bool:
    """Whether an error is one that another try may not meet: of the connection, or of a busy server."""
    cause = error.__cause__ if error.__cause__ is not None else error
    status = getattr(cause, "status", None)
    if status is not None:
        return status in BUSY
    # a server that is silent was waited for long enough
    return isinstance(cause, ConnectionError) and not isinstance(cause, TimeoutError)


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
        login = LOGIN.match(link.partition("://")[2])
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
