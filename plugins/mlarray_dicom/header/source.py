"""The whole header of an image as JSON, invertible: `meta.source`."""

from __future__ import annotations

import base64
import hashlib
from itertools import compress
from operator import is_not
from typing import TYPE_CHECKING, Any, NamedTuple

from mlarray_core.errors import MLArrayError
from mlarray_core.headers import plain, restore
from mlarray_dicom.elements import sequence, text_of
from mlarray_dicom.header.columns import fold, unfold
from mlarray_dicom.header.usual import usual_json
from mlarray_dicom.instance import read_instance
from mlarray_dicom.parsing import PARSING, quiet
from mlarray_dicom.private_names import elements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from mlarray_dicom.instance import Instance
    from mlarray_dicom.private_names import Element
    from mlarray_io import Context

LARGEST_VALUE, LARGEST_SUM = 256 << 10, 4 << 20
"""Bytes of one binary value that are kept, and of all of them together."""

_GROUPS = ("PerFrameFunctionalGroupsSequence",)
_PER_FRAME = "52009230"
_DROPPED = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010, 0x7FE00001, 0x7FE00002, 0xFFFCFFFC, 0x00880200})
"""Pixel data in its three kinds, offset tables, trailing padding, icon image."""


class _Known(NamedTuple):
    """An element as it was in the last file: its value, and what stands for it in JSON, under which name."""

    raw: Element
    value: Any
    json: dict[str, Any] | None
    name: str


class _Last(NamedTuple):
    """The data set before: its elements as they were read, and the row that was made of them."""

    tags: list[BaseTag]
    raws: list[Element]
    row: dict[str, Any]


class _Rows:
    """Rows of data sets of one kind, of which most elements are those of the data set before."""

    def __init__(self) -> None:
        self.known: dict[int, _Known] = {}
        self.last = _Last([], [], {})

    def clear(self) -> None:
        """Forget what bytes meant."""
        self.known.clear()
        self.last = _Last([], [], {})


class Header:
    """Collects the headers of the files of an image.

    Parameters
    ----------
    context
        Told of what is too large to keep.
    """

    def __init__(self, context: Context) -> None:
        self._context, self._left = context, LARGEST_SUM
        self._rows: list[dict[str, Any]] = []
        self._meta: list[dict[str, Any]] = []
        self._before, self._before_meta = _Rows(), _Rows()
        self._spelling: Any = None
        self.first: Dataset | None = None

    def add(self, dataset: Dataset) -> None:
        """Add the header of one file."""
        if self.first is None:
            self.first = dataset
        with quiet():
            self._rows.append(self._row(dataset))
            meta = getattr(dataset, "file_meta", None)
            self._meta.append({} if meta is None else self._row(meta, remember=False))

    def source(self, frames: int, order: Sequence[Sequence[int]] | None) -> dict[str, Any]:
        """Return everything as JSON can hold it.

        Parameters
        ----------
        frames
            Number of frames of the image.
        order
            File and frame number of each frame in the order of the array, when files hold several.
        """
        groups = [row.pop(_PER_FRAME, None) for row in self._rows]
        found: dict[str, Any] = {"files": len(self._rows), "frames": frames, **fold(self._rows)}
        found["file_meta"] = fold(self._meta)
        found["software"] = _software()
        if any(groups):
            items = [item for group in groups for item in (group or {}).get("Value", ())]
            counts = [len((group or {}).get("Value", ())) for group in groups]
            found["functional_groups"] = {"frames_of_each_file": counts, **fold(items)}
        if order is not None:
            found["order"] = [list(place) for place in order]
        whole: dict[str, Any] = plain(found)
        return whole

    def _row(self, dataset: Dataset, *, remember: bool = True) -> dict[str, Any]:
        """Return a data set in the DICOM JSON model, converting only what differs from the last one."""
        before = self._memory(dataset) if remember else self._before_meta
        held = elements(dataset)
        tags, raws = list(held), list(held.values())  # what is converted below takes their place in the set
        alike = tags == before.last.tags
        row = dict(before.last.row) if alike else {}
        changed = list(zip(tags, raws, strict=True))
        if alike:
            changed = list(compress(changed, map(is_not, raws, before.last.raws)))
        for name, raw in changed:
            tag = int(name)  # comparing pydicom's tags is slow
            known = self._known(dataset, tag, raw, before.known)
            if known is None:
                continue
            if known.json is None:
                row.pop(known.name, None)
            else:
                row[known.name] = known.json
        before.last = _Last(tags, raws, row)
        return dict(row)

    def _known(self, dataset: Dataset, tag: int, raw: Element, before: dict[int, _Known]) -> _Known | None:
        """Return what stands for an element; None for nothing."""
        known = before.get(tag)
        if known is not None and known.raw is raw:
            return known
        if tag in _DROPPED:
            return None
        if _is_overlay(tag):
            self._context.loss("overlay data", "only the voxels are kept")
            return None
        value = getattr(raw, "value", None)
        if known is None or known.value != value or type(known.value) is not type(value):
            json = usual_json(raw) or self._limited(_json(dataset, tag))
            known = before[tag] = _Known(raw, value, json, f"{tag:08X}")
        return known

    def _memory(self, dataset: Dataset) -> _Rows:
        """Return what bytes meant in the last file; nothing when this one has another encoding."""
        spelling = (dataset.original_encoding, text_of(dataset, "SpecificCharacterSet"))
        if spelling != self._spelling:
            self._before.clear()
            self._spelling = spelling
        return self._before

    def _limited(self, element: dict[str, Any] | None) -> dict[str, Any] | None:
        """Replace binary values that are too large by their length and checksum."""
        if element is None:
            return None
        inline = element.get("InlineBinary")
        if isinstance(inline, str):
            size = len(inline) * 3 // 4
            if size > LARGEST_VALUE or size > self._left:
                data = base64.b64decode(inline)
                self._context.loss(
                    "large binary values of the header", "their length and checksum are kept instead"
                )
                return {
                    "vr": element["vr"],
                    "sha256": {"len": len(data), "sha256": hashlib.sha256(data).hexdigest()},
                }
            self._left -= size
        elif element.get("vr") == "SQ":
            items = [
                {tag: self._limited(one) for tag, one in item.items()} if item else {}
                for item in element.get("Value", ())
            ]
            return {**element, "Value": items} if items else element
        return element


def _is_overlay(tag: int) -> bool:
    """Say whether a tag is Overlay Data, (60xx,3000)."""
    return tag >> 24 == 0x60 and tag & 0xFFFF == 0x3000


def _json(dataset: Dataset, tag: int) -> dict[str, Any] | None:
    """Return one element in the DICOM JSON model; one that breaks the rules of its VR as bytes."""
    try:
        element: dict[str, Any] = dataset[tag].to_json_dict(None, 1 << 62)
    except PARSING:
        value = getattr(dataset.get_item(tag), "value", None)  # a sequence by now, if it could be taken apart
        items = sequence(value)
        return _items(items) if items else _as_bytes(value)
    return element


def _items(items: Sequence[Dataset]) -> dict[str, Any]:
    """Return a sequence of which an element can't be read, item by item, so that the others are kept."""
    found = []
    for item in items:
        parts = {f"{int(tag):08X}": _json(item, int(tag)) for tag in list(elements(item))}
        found.append({tag: element for tag, element in parts.items() if element is not None})
    return {"vr": "SQ", "Value": found}


def _as_bytes(value: object) -> dict[str, Any]:
    try:
        data = value if isinstance(value, bytes) else str(value).encode()
    except PARSING:
        data = b""
    return {"vr": "UN", "InlineBinary": base64.b64encode(data).decode("ascii")}


def _software() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("mlarray", "pydicom"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read_header(instances: Sequence[Instance], context: Context) -> Header:
    """Read the headers of several files.

    Raises
    ------
    MLArrayError
        One can't be read any more.
    """
    header = Header(context)
    for instance in instances:
        header.add(instance.dataset if instance.whole else read_instance(instance.path).dataset)
    return header


def datasets(source: Mapping[str, Any]) -> list[Dataset]:
    """Return the headers that `meta.source` holds, one for each file, without pixel data.

    Parameters
    ----------
    source
        `meta.source` of an image that was read from DICOM.

    Raises
    ------
    MLArrayError
        It is no such thing.
    """
    from pydicom.dataset import Dataset

    content = restore(dict(source))
    rows = unfold(content, int(content["files"]))
    if "functional_groups" in content:
        groups = content["functional_groups"]
        counts = groups["frames_of_each_file"]
        items = unfold(groups, sum(counts))
        for row, count in zip(rows, counts, strict=True):
            own, items = items[:count], items[count:]
            if own:
                row[_PER_FRAME] = {"vr": "SQ", "Value": own}
    try:
        with quiet():
            return [Dataset.from_json(_without_replaced(row)) for row in rows]
    except PARSING as error:
        raise MLArrayError(f"its source is no DICOM header ({error})", field="source") from error


def _without_replaced(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out values of which only the checksum was kept."""
    return {tag: element for tag, element in row.items() if "sha256" not in element}
