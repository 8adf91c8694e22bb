"""Whether the chunks of an array lie where its metadata look for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError
from mlarray_zarr.files import Remote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlarray_io import Context
    from mlarray_zarr.files import Files
    from mlarray_zarr.nodes import ArrayInfo, Node

_LOOKED_AT = 10_000
"""Names of one folder that are looked at: a chunk is nearly always among the first."""


def check_chunks(files: Files, node: Node, info: ArrayInfo, context: Context) -> None:
    """Refuse an array none of whose chunks lies where it should, though others do.

    A chunk that is missing holds the fill value, says the specification; a whole array of them is more often
    one whose ``dimension_separator`` got lost, or whose chunks were not copied.

    Parameters
    ----------
    files
        Of the store.
    node
        The array's metadata.
    info
        What the array is.
    context
        Has the limits, and is told what is left out, lost or odd.

    Raises
    ------
    CorruptError
        Chunks lie elsewhere, or none is there and the metadata have no value to fill with.
    """
    if isinstance(files, Remote) or 0 in info.shape or node.array is None:
        return
    prefix, separator = _encoding(node.array, node.version)
    wanted = _pattern(prefix, separator, len(info.shape))
    other = _pattern(prefix, "/" if separator == "." else ".", len(info.shape))
    elsewhere = False
    for count, (name, folder) in enumerate(files.names(node.path)):
        if wanted.fullmatch(f"{name}/" if folder else name) or count > _LOOKED_AT:
            return
        elsewhere |= other.fullmatch(f"{name}/" if folder else name) is not None
    title = node.path or "the array"
    if elsewhere:
        raise CorruptError(
            f"the chunks of {title} don't lie where its metadata look for them",
            path=files.path,
            hint=f"The metadata separate numbers by {separator!r}, the names of the chunks don't",
        )
    if node.version == 2 and node.array.get("fill_value") is None:
        raise CorruptError(f"{title} has no chunks, and no value to fill them with", path=files.path)
    context.warn(f"{title} has no chunks: every voxel is its fill value, {node.array.get('fill_value')}")


def _encoding(array: Mapping[str, Any], version: int) -> tuple[str, str]:
    """Return what chunk keys begin with, and what separates their numbers."""
    if version == 2:
        return "", array.get("dimension_separator") or "."
    encoding = array.get("chunk_key_encoding")
    encoding = encoding if isinstance(encoding, dict) else {}
    default = encoding.get("name", "default") == "default"
    settings = encoding.get("configuration")
    separator = settings.get("separator") if isinstance(settings, dict) else None
    return ("c" if default else ""), str(separator or ("/" if default else "."))


def _pattern(prefix: str, separator: str, ndim: int) -> re.Pattern[str]:
    """Return what the first part of a chunk's key looks like, a folder ending in a slash."""
    if separator == "/":
        return re.compile("c/" if prefix else "[0-9]+/" if ndim > 1 else "[0-9]+")
    return re.compile((r"c\." if prefix else "") + r"\.".join(["[0-9]+"] * ndim))
