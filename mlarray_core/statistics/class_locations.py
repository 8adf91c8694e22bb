"""Where the classes of a label map are, as it is stored beside them: samplers need no look at the voxels."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlarray_core.errors import MetadataError, MetadataKeyError
from mlarray_core.meta.checks import JsonDict, each, items, json_dict, refused, text
from mlarray_core.meta.extension import KEY, Additions
from mlarray_core.meta.extension import PATH as ADDITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlarray_core.meta import Meta

Array = np.ndarray[Any, Any]

PATH = f"{ADDITIONS}.classes"
MOST_CLASSES = 1024
"""Label maps of more classes, such as instances of cells, have no class locations."""
MOST_SAMPLED = 1000
"""Voxels that are kept of a class; of many classes together `MOST_TOGETHER`."""
MOST_TOGETHER = 1 << 14
LEAST_SAMPLED = 16


def sample_size(classes: int) -> int:
    """Return how many voxels are kept of each of so many classes."""
    return min(MOST_SAMPLED, max(LEAST_SAMPLED, MOST_TOGETHER // max(1, classes)))


@dataclass(frozen=True, eq=False)
class ClassLocation:
    """Where one class is.

    Attributes
    ----------
    value
        Of its voxels.
    count
        How many there are.
    box
        First index and last index + 1 along each axis of the array.
    sample
        Some of them, or all of few, drawn with equal chances: indices into the array in C order, ascending.
    """

    value: int
    count: int
    box: tuple[tuple[int, int], ...]
    sample: Array


@dataclass(frozen=True, eq=False)
class ClassLocations(Mapping[int, ClassLocation]):
    """Where each class of a label map is: a mapping from values, 0 left out, to `ClassLocation`.

    Attributes
    ----------
    shape
        Of the array.
    seed
        What the samples were drawn with.
    found
        The classes by value.
    """

    shape: tuple[int, ...]
    seed: int
    found: dict[int, ClassLocation]

    def __getitem__(self, value: int) -> ClassLocation:
        return self.found[value]

    def __iter__(self) -> Iterator[int]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def points(self, value: int) -> Array:
        """Return the sampled voxels of a class: a row for each, a column for each axis."""
        return np.stack(np.unravel_index(self.found[value].sample, self.shape), axis=-1)

    @classmethod
    def stored_in(cls, meta: Meta, shape: tuple[int, ...], voxels: str | None) -> Self | None:
        """Return those that metadata hold, None without any, or when they are of other voxels.

        Parameters
        ----------
        meta
            Of the image.
        shape
            Of its array.
        voxels
            What `Contents.voxels_sum` says of its voxels; None where nothing is known.

        Raises
        ------
        MetadataError
            They are none that `note` writes.
        """
        stored = Additions.of(meta).classes
        if not stored or voxels is None or stored.get("voxels") != voxels:
            return None
        if tuple(items(stored.get("shape"), f"{PATH}.shape")) != shape:
            raise MetadataError(f"they are of another shape than {shape}", field=PATH)
        size = int(np.prod(shape, dtype=object))
        listed = each(
            stored.get("found", []), f"{PATH}.found", lambda one, path: _class(one, path, shape, size)
        )
        if len(listed) > MOST_CLASSES:
            raise MetadataError(f"there are more than {MOST_CLASSES} classes", field=PATH)
        return cls(shape, _whole(stored, "seed", PATH), {one.value: one for one in listed})

    def note(self, meta: Meta, voxels: str) -> None:
        """Write them into metadata.

        Parameters
        ----------
        meta
            Of the image.
        voxels
            What `Contents.voxels_sum` says of its voxels: those of others don't count.
        """
        additions, width = Additions.of(meta), _width(int(np.prod(self.shape, dtype=object)))
        additions.classes = {
            "voxels": voxels,
            "shape": list(self.shape),
            "seed": self.seed,
            "found": [
                {
                    "value": one.value,
                    "count": one.count,
                    "box": [list(ends) for ends in one.box],
                    "sample": b64encode(one.sample.astype(width).tobytes()).decode("ascii"),
                }
                for one in self.found.values()
            ],
        }
        additions.store(meta)


def forget_others(meta: Meta, voxels: str | None) -> None:
    """Take class locations of other voxels out of metadata.

    Parameters
    ----------
    meta
        Of the image.
    voxels
        What `Contents.voxels_sum` says of its voxels.
    """
    own = meta.extra.get(KEY)
    if not isinstance(own, Mapping):
        return
    stored = own.get("classes")
    if isinstance(stored, Mapping) and stored.get("voxels") != voxels:
        meta.extra[KEY] = {name: part for name, part in own.items() if name != "classes"}


def _class(stored: object, path: str, shape: tuple[int, ...], size: int) -> ClassLocation:
    content = json_dict(stored, path)
    value, count = _whole(content, "value", path), _whole(content, "count", path)
    if not 0 < count <= size:
        raise refused(f"{path}.count", f"a number up to {size}", count)
    ends = each(content.get("box"), f"{path}.box", items)
    box = tuple((start, stop) for start, stop in (end for end in ends if len(end) == 2))
    fits = len(box) == len(shape) and all(
        type(start) is int and type(stop) is int and 0 <= start < stop <= length
        for (start, stop), length in zip(box, shape, strict=True)
    )
    if not fits:
        raise refused(f"{path}.box", f"a box within {shape}", content.get("box"))
    return ClassLocation(value, count, box, _sample(content, path, min(count, MOST_SAMPLED), size))


def _sample(content: JsonDict, path: str, most: int, size: int) -> Array:
    try:
        raw = b64decode(text(content.get("sample"), f"{path}.sample"), validate=True)
    except binascii.Error as error:
        raise MetadataError("expected base64", field=f"{path}.sample") from error
    width = _width(size)
    if not 0 < len(raw) <= width.itemsize * most or len(raw) % width.itemsize:
        wanted = f"up to {most} numbers of {width.itemsize} bytes"
        raise MetadataError(f"expected {wanted}, got {len(raw)} bytes", field=f"{path}.sample")
    sample = np.frombuffer(raw, width)
    if int(sample.max()) >= size:
        raise MetadataError(f"names a voxel of {size}", field=f"{path}.sample")
    return sample.astype(np.int64)


def _width(size: int) -> np.dtype[Any]:
    """Return how indices into an array of so many voxels are stored."""
    return np.dtype("<u4" if size <= 1 << 32 else "<u8")


def _whole(content: JsonDict, name: str, path: str) -> int:
    if name not in content:
        raise MetadataKeyError("missing", field=f"{path}.{name}")
    value = content[name]
    if type(value) is not int:
        raise refused(f"{path}.{name}", "a whole number", value)
    return value
