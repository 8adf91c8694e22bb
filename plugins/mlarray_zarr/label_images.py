"""What the values of a label image mean: OME-Zarr's "image-label" metadata <-> the label table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlarray_core import Label
from mlarray_zarr.files import joined
from mlarray_zarr.ngff import ome_of
from mlarray_zarr.nodes import read_node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlarray_zarr.files import Files

_NAMES = ("class", "name", "label")
"""Keys of a property that name what a label is; the specification leaves them to the writer."""


def label_names(files: Files, path: str) -> list[str]:
    """Return the paths of the label images that an image lists (OME-Zarr, "labels" metadata)."""
    folder = joined(path, "labels")
    group = read_node(files, folder)
    listed = None if group is None else ome_of(group).get("labels")
    names = listed if isinstance(listed, list) else []
    return [f"{folder}/{name}" for name in names if isinstance(name, str)]


def labels_of(ome: Mapping[str, object]) -> list[Label]:
    """Return the label table of an image's metadata: colours, and names among its properties.

    Label 0 is the background where nothing names it (OME-Zarr 0.4, "labels").
    """
    stated = ome.get("image-label")
    if not isinstance(stated, dict):
        return []
    colors = {value: _color(one.get("rgba")) for value, one in _entries(stated.get("colors"))}
    names = {value: _name(one) for value, one in _entries(stated.get("properties"))}
    values = sorted({*colors, *names})
    return [Label(value, names.get(value, ""), colors.get(value)) for value in values]


def label_attributes(labels: Sequence[Label]) -> dict[str, object]:
    """Return the metadata of a label image."""
    colors = [
        {"label-value": label.value, "rgba": list(label.rgba)} for label in labels if label.rgba is not None
    ]
    names = [{"label-value": label.value, "class": label.name} for label in labels if label.name]
    return {**({"colors": colors} if colors else {}), **({"properties": names} if names else {})}


def _entries(listed: object) -> list[tuple[int, Mapping[str, object]]]:
    """Return entries by their value, the last of several."""
    found: dict[int, Mapping[str, object]] = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and type(one.get("label-value")) is int:
            found[one["label-value"]] = one
    return list(found.items())


def _name(entry: Mapping[str, Any]) -> str:
    return next((entry[key] for key in _NAMES if isinstance(entry.get(key), str)), "")


def _color(rgba: object) -> str | None:
    """Return four bytes as the table has them, ``#rrggbb`` and alpha where it isn't 255."""
    if not isinstance(rgba, list) or len(rgba) not in (3, 4):
        return None
    if not all(type(part) is int and 0 <= part <= 255 for part in rgba):
        return None
    return "#" + bytes(rgba[:3] if rgba[3:] == [255] else rgba).hex()
