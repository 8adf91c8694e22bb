"""Files and folders that appear at a URL when they are complete: written here first, then uploaded."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlarray_core import publish as local
from mlarray_core.errors import ExistsError, MLArrayError, UnsupportedError, WriteError
from mlarray_core.url_text import is_web, links, protocols, shown
from mlarray_core.urls import explained, filesystem
from mlarray_io.places.url_names import beside, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "memory"}
"""Protocols of stores in which an object appears when all of it is there, and can't be renamed."""
_PART = 16 << 20
"""Bytes of a part of a large object, two held at once: S3 allows 10,000 parts, so objects up to 160 GB."""


def check_target(url: str, *, overwrite: bool = False) -> None:
    """Raise an error when nothing can be published at `url`, as far as can be seen.

    Raises
    ------
    UnsupportedError
        It is of a web server, or a chain of URLs: neither can be written to.
    ExistsError
        There is something, and `overwrite` is false.
    """
    if is_web(url) or len(links(url)) > 1:
        what = "web servers" if is_web(url) else "chained URLs"
        raise UnsupportedError(
            f"{what} can't be written to", path=shown(url), hint="Write a file and upload that"
        )
    system, path = filesystem(url)
    with explained(url, writing=True):
        system.invalidate_cache()
        if system.exists(path) and not overwrite:  # asked in any case: a server that isn't there is reported
            raise ExistsError(
                "exists already", path=shown(url), hint="Overwrite it with --force (overwrite=True)"
            )


@contextmanager
def publishing(url: str, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path to write to; what is there when the body ends is uploaded to `url`.

    The path lies in a folder of its own, which is removed in the end. Other files that are written beside it
    are uploaded beside `url`, before it. Nothing is uploaded when the body raises.

    Raises
    ------
    WriteError
        Nothing was written, or it can't be uploaded.
    """
    import shutil
    import tempfile

    check_target(url, overwrite=overwrite)
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="mlarray-")))
    try:
        path = folder / name_of(url)
        try:
            yield path
        except MLArrayError as error:
            if error.path is not None and error.path.startswith(str(path)):
                error.path = shown(url)
            raise
        except OSError as error:
            if any(str(folder) in str(name) for name in (error.filename, error.filename2) if name):
                raise local.write_error(error, shown(url)) from error
            raise
        for other in sorted(folder.iterdir()):
            if other != path:
                publish(other, beside(url, other.name), overwrite=overwrite)
        publish(path, url, overwrite=overwrite)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(path: Path, url: str, *, overwrite: bool = False) -> None:
    """Upload a file or a folder. A file appears at `url` when all of it is there.

    So does a folder, but in a store of objects: there the files of its top, which say what it is, come last,
    and a folder that is to be replaced is removed first. What was uploaded is removed when the rest fails.

    Parameters
    ----------
    path
        What to upload.
    url
        Where it is to be.
    overwrite
        Replace what is there.

    Raises
    ------
    ExistsError
        There is something, and `overwrite` is false.
    WriteError
        It can't be uploaded.
    """
    if not path.exists():
        raise WriteError("nothing was written", path=shown(url))
    check_target(url, overwrite=overwrite)
    system, place = filesystem(url)
    place = place.rstrip("/")
    whole = protocols(url)[0] in WHOLE
    with explained(url, writing=True):
        if whole and path.is_file():
            _put(system, path, place)
            return
        part = place if whole else _temporary(place)
        if whole:
            _remove(system, place)
        try:
            _put_all(system, path, part)
            if part != place:
                _remove(system, place)
                system.mv(part, place, recursive=path.is_dir())
        except BaseException:
            with suppress(Exception):  # the first error says more
                _remove(system, part)
            raise


def _put_all(system: Any, path: Path, place: str) -> None:
    """Upload a file, or what is in a folder, the files of its top last."""
    if path.is_file():
        _put(system, path, place)
        return
    inside = [file for file in path.rglob("*") if file.is_file()]
    for file in sorted(inside, key=lambda file: (file.parent == path, file)):
        _put(system, file, f"{place}/{file.relative_to(path).as_posix()}")


def _put(system: Any, path: Path, place: str) -> None:
    kinds = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    how = {"chunksize": _PART, "max_concurrency": 2} if "s3" in kinds else {}
    if not kinds & WHOLE and "/" in place:
        system.makedirs(place.rpartition("/")[0], exist_ok=True)
    system.put_file(str(path), place, **how)


def _remove(system: Any, place: str) -> None:
    system.invalidate_cache()
    if system.exists(place):
        system.rm(place, recursive=system.isdir(place))


def _temporary(place: str) -> str:
    folder, slash, name = place.rpartition("/")
    return f"{folder}{slash}.{name[:48]}.tmp-{secrets.token_hex(8)}"
