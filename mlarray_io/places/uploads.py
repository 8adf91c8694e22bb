"""Files and folders that appear at a URL when they are complete: written here first, then uploaded."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mlarray_core.disk import write_error
from mlarray_core.errors import ExistsError, MLArrayError, UnsupportedError, WriteError
from mlarray_core.url_text import is_web, links, protocols, shown
from mlarray_core.urls import explained, filesystem
from mlarray_io.places.listing import exists
from mlarray_io.places.url_names import beside, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "memory"}
"""Protocols of stores in which an object appears when all of it is there, and can't be renamed."""
PART = 16 << 20
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
def publishing(
    url: str, *, overwrite: bool = False, needed: Sequence[str] = (), spare: Sequence[str] = ()
) -> Iterator[Path]:
    """Yield a path to write to; what is there when the body ends is uploaded to `url`.

    The path lies in a folder of its own, which is removed in the end. Other files that are written beside it
    are uploaded beside `url`, before it. Nothing is uploaded when the body raises.

    Parameters
    ----------
    url
        Where it is to be.
    overwrite
        Replace what is there.
    needed
        Names of files beside `url` that what is there needs: those that aren't written anew are removed when
        the new target is there.
    spare
        Names of such files that what is there doesn't need.

    Raises
    ------
    WriteError
        Nothing was written, or it can't be uploaded.
    """
    from mlarray_io.places.spools import spool

    check_target(url, overwrite=overwrite)
    with spool() as folder:
        path = folder / name_of(url)
        try:
            yield path
        except MLArrayError as error:
            if error.path is not None and error.path.startswith(str(path)):
                error.path = shown(url)
            raise
        except OSError as error:
            if any(str(folder) in str(name) for name in (error.filename, error.filename2) if name):
                raise write_error(error, shown(url), unchanged=True) from error
            raise
        others = [other for other in sorted(folder.iterdir()) if other != path]
        publish_set(path, others, url, overwrite=overwrite, spare=spare)
        for name in set(needed) - {other.name for other in others}:
            _clear(beside(url, name))  # the new target is whole without it


def publish_set(
    path: Path, others: Sequence[Path], url: str, *, overwrite: bool = False, spare: Sequence[str] = ()
) -> None:
    """Upload files that make up one image: the others beside `url`, and then the one that goes there.

    Where one of the others replaces a file, what is at `url` is removed first, so that it never stands beside
    a part of another image: until the end there is none then.

    Parameters
    ----------
    path
        What goes to `url`.
    others
        What it needs, uploaded under the names that the files have.
    url
        Where it is to be.
    overwrite
        Replace what is there.
    spare
        Names of files that what is there doesn't need.

    Raises
    ------
    ExistsError
        There is something, and `overwrite` is false.
    WriteError
        It can't be uploaded.
    """
    if not path.exists():
        raise WriteError("nothing was written", path=shown(url))
    places = [(other, beside(url, other.name)) for other in others]
    for _, place in (*places, (path, url)):
        check_target(place, overwrite=overwrite)
    fresh = [place for _, place in places if not exists(place)]
    if any(place not in fresh and other.name not in spare for other, place in places):
        _discard(url)
    try:
        for other, place in places:
            publish(other, place, overwrite=overwrite)
        publish(path, url, overwrite=overwrite)
    except BaseException:
        for place in fresh:
            _clear(place)
        raise


def _discard(url: str) -> None:
    """Remove what is at a URL, if there is something."""
    system, place = filesystem(url)
    with explained(url, writing=True):
        _remove(system, place.rstrip("/"))


def _clear(url: str) -> None:
    """Remove what is at a URL and nobody needs, if that can be done; a server may fail once."""
    for _ in range(2):
        with suppress(MLArrayError):
            _discard(url)


def publish(path: Path, url: str, *, overwrite: bool = False) -> None:
    """Upload a file or a folder. A file appears at `url` when all of it is there.

    So does a folder, but in a store of objects: there the files of its top, which say what it is, come last,
    and a folder that is to be replaced is removed first. Elsewhere what is there is set aside until the new
    one has its name. What was uploaded is removed when the rest fails.

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
                _switch(system, part, place)
        except BaseException:
            _remove_surely(system, part)
            raise


def _switch(system: Any, part: str, place: str) -> None:
    """Rename what was uploaded to its place; what is there is set aside, and put back when that fails."""
    aside = None
    system.invalidate_cache()
    if system.exists(place):
        aside = _temporary(place)
        system.mv(place, aside, recursive=system.isdir(place))
    try:
        system.mv(part, place, recursive=system.isdir(part))
    except BaseException:
        if aside is not None:
            system.mv(aside, place, recursive=system.isdir(aside))
        raise
    if aside is not None:
        _remove_surely(system, aside)


def give_up(url: str, ours: Callable[[str], bool]) -> None:
    """Have a store forget what killed processes had half uploaded below a URL, as far as it lets us.

    Such parts are no objects and nobody sees them, but S3 keeps and bills them until they are given up
    (AbortMultipartUpload); Google's and Microsoft's stores forget them after a week.

    Parameters
    ----------
    url
        Of the folder.
    ours
        Says of a name below it whether nobody else may be uploading that.
    """
    if protocols(url)[0] not in ("s3", "s3a"):
        return
    system, top = filesystem(url)
    bucket, _, folder = f"{top.rstrip('/')}/".partition("/")
    where: dict[str, str] = {"Bucket": bucket, "Prefix": folder}
    with suppress(Exception):  # not everybody who may write may do this
        while True:
            found = system.call_s3("list_multipart_uploads", **where)
            for one in found.get("Uploads", ()):
                if ours(one["Key"].removeprefix(folder)):
                    it = {"Key": one["Key"], "UploadId": one["UploadId"]}
                    system.call_s3("abort_multipart_upload", Bucket=bucket, **it)
            if not found.get("IsTruncated"):
                return
            where["KeyMarker"], where["UploadIdMarker"] = found["NextKeyMarker"], found["NextUploadIdMarker"]


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
    how = {"chunksize": PART, "max_concurrency": 2} if "s3" in kinds else {}
    if not kinds & WHOLE and "/" in place:
        system.makedirs(place.rpartition("/")[0], exist_ok=True)
    system.put_file(str(path), place, **how)


def _remove(system: Any, place: str) -> None:
    system.invalidate_cache()
    if system.exists(place):
        system.rm(place, recursive=system.isdir(place))


def _remove_surely(system: Any, place: str) -> None:
    """Remove what is nobody's any more; a second time when a server fails once, and without an error."""
    for _ in range(2):
        with suppress(Exception):
            _remove(system, place)


def _temporary(place: str) -> str:
    folder, slash, name = place.rpartition("/")
    return f"{folder}{slash}.{name[:48]}.tmp-{secrets.token_hex(8)}"
