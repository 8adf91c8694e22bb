"""Uploads to stores that fail: one of objects, which appear whole, and one of files that can be renamed.

Both are folders of this machine in the end, behind protocols of their own, so that `shim.c` sees their calls.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from mlarray_io.api import write
from tests.faults import batch_paths, format_paths
from tests.faults.way import Way, nothing

if TYPE_CHECKING:
    from collections.abc import Callable


class Files(LocalFileSystem):
    """A server of files, as SFTP has them."""

    protocol = "mountedfiles"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix(f"{cls.protocol}://").rstrip("/")

    def mv(self, path1: str, path2: str, **keywords: Any) -> None:
        os.rename(path1, path2)


class Objects(Files):
    """A store of objects: one is there when all of it is, and replaces another in one step."""

    protocol = "oci"  # a store that this library knows as such

    def put_file(self, lpath: str, rpath: str, **keywords: Any) -> None:
        near = Path(rpath).parents[-3]  # on the same disk, but not where calls fail
        with tempfile.TemporaryDirectory(dir=near) as staging:
            part = Path(staging) / "part"
            shutil.copyfile(lpath, part)
            os.makedirs(os.path.dirname(rpath), exist_ok=True)
            os.replace(part, rpath)


for kind in (Files, Objects):
    fsspec.register_implementation(kind.protocol, kind, clobber=True)


def put(folder: Path, version: int, suffix: str, protocol: str) -> None:
    """Write an image to a URL."""
    write(
        format_paths.image(version, suffix), f"{protocol}://{folder}/scan{suffix}", overwrite=True,
        options=format_paths.OPTIONS.get(suffix), threads=1,
    )  # fmt: skip


def ways() -> dict[str, Way]:
    found: dict[str, Way] = {}
    shapes: list[tuple[str, str]] = [
        (".nii.gz", "file"),
        (".hdr", "pair"),
        (".mhd", "header"),
        (".zarr", "folder"),
    ]
    for protocol, what in ((Files.protocol, "server"), (Objects.protocol, "store")):
        counted = protocol == Files.protocol
        for suffix, kind in shapes:
            act: Callable[[Path], None] = partial(put, version=2, suffix=suffix, protocol=protocol)
            seen = partial(format_paths.look, suffix=suffix)
            before = partial(format_paths.put, version=1, suffix=suffix)
            found[f"{what}, {kind}"] = Way(nothing, act, seen, counted=counted)
            found[f"{what}, {kind} over"] = Way(before, act, seen, counted=counted)
        batch = partial(batch_paths.convert, protocol=f"{protocol}://")
        found[f"{what}, batch"] = Way(nothing, batch, batch_paths.look, parts=True, counted=counted)
    return found


WAYS = ways()
