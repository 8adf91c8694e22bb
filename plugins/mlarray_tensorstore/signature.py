"""The files of JSON that describe folders of blocks, read with a limit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Content = Mapping[str, object]

LARGEST = 4 << 20
"""Bytes of such a file."""
DESCRIPTIONS = {"n5": "attributes.json", "precomputed": "info"}
"""Their names, by format."""
_VOLUME = "neuroglancer_multiscale_volume"


def is_described(folder: Path, format: str) -> bool:
    """Say whether a folder is a container of a format. Never raises."""
    try:
        content = description(folder, format)
    except (MLArrayError, OSError):
        return False
    if format == "n5":
        if "n5" in content or is_dataset(content):
            return True
        return _has_levels(folder)
    return content.get("@type", _VOLUME) == _VOLUME and isinstance(content.get("scales"), list)


def _has_levels(folder: Path) -> bool:
    """Say whether a folder is a group of levels by itself, such as n5-viewer opens."""
    try:
        return is_dataset(description(folder / "s0", "n5"))
    except (MLArrayError, OSError):
        return False


def is_dataset(content: Content) -> bool:
    """Say whether the attributes are those of an array of N5 (N5 specification, "Datasets")."""
    return {"dimensions", "blockSize", "dataType"} <= content.keys()


def description(folder: Path, format: str) -> Content:
    """Return what the file says that describes a folder; nothing where there is none.

    Parameters
    ----------
    folder
        The folder.
    format
        ``n5`` or ``precomputed``.

    Raises
    ------
    CorruptError
        It isn't JSON.
    LimitError
        It is larger than any that is meant.
    """
    path = folder / DESCRIPTIONS[format]
    if not path.is_file():
        return {}
    if path.stat().st_size > LARGEST:
        raise LimitError(f"is over {LARGEST:,} bytes long", path=path)
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CorruptError("isn't JSON", path=path, hint="Was it copied whole?") from error
    if not isinstance(found, dict):
        raise CorruptError("holds no keys", path=path)
    return found


def check_inside(root: Path, folder: Path) -> None:
    """Refuse a folder that leads out of the container, by its name or by a link.

    Raises
    ------
    UnsafeError
        It does.
    """
    if not folder.resolve().is_relative_to(root.resolve()):
        raise UnsafeError(f"has its voxels in {str(folder)!r}, which is outside of it", path=root)
