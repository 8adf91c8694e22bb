"""Which frame of a kept header each slice of an array is, turned when the array is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def reversed_slices(source: Mapping[str, Any], slices: int) -> dict[str, Any]:
    """Return a header whose ``order`` is that of an array with its slices reversed; any other as it is.

    A header of several files (``files``) or frames (``frames``) holds what varies among them in lists.
    ``order`` says file and frame of each slice of the array, the slices of a volume one after another;
    without it, slices are files. The lists stay as they are: they belong to files, and files don't turn.

    Parameters
    ----------
    source
        `meta.source`.
    slices
        Of one volume.
    """
    order = source.get("order", _one_each(source))
    if not _is_order(order) or slices < 1 or not order or len(order) % slices:
        return dict(source)
    volumes = [order[at : at + slices] for at in range(0, len(order), slices)]
    return {**source, "order": [place for volume in volumes for place in reversed(volume)]}


def _one_each(source: Mapping[str, Any]) -> list[list[int]]:
    """Return the order of files that hold one frame each, none for others."""
    files, columns = source.get("files"), source.get("per_frame")
    if type(files) is not int or source.get("frames") != files or not isinstance(columns, dict):
        return []
    # the lists bound what a number in a header can ask for
    lists = [column.get("Value") for column in columns.values() if isinstance(column, dict)]
    if not any(isinstance(values, list) and len(values) == files for values in lists):
        return []
    return [[file, 0] for file in range(files)]


def _is_order(order: object) -> bool:
    return isinstance(order, list) and all(
        isinstance(place, list) and [type(part) for part in place] == [int, int] for place in order
    )
