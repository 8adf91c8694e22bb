"""One open image as the page needs it: its resolutions, where it lies, what else its axes are, its values."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from mlarray_core import geometry
from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_core.meta import Additions
from mlarray_io.pictures.colours import limits_of, shown_as_labels
from mlarray_io.viewer.space import space_of
from mlarray_io.viewer.versions import bytes_of_entry, versions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from mlarray_io.engine.select import OpenImage

    Array = np.ndarray[Any, Any]
    Box = tuple[tuple[int, int], ...]

KEPT = 512 << 20
"""Bytes of voxels of one image that are kept, so that what can only be read from its start is read once."""
WHOLE = 256 << 20
"""Bytes of one entry of a resolution up to which it is kept, or read whole where that is cheaper."""
SMALL = 16 << 20
"""Bytes up to which it is read whole anyway."""


class ShownImage:
    """One image.

    Parameters
    ----------
    title
        What it is called on the page.
    opened
        The image, which stays open.

    Attributes
    ----------
    versions
        Its resolutions, the finest first.
    space
        Where it lies.
    spatial
        Its spatial axes, in the order of the array.
    colour
        The axis of red, green and blue; None without one.
    others
        All other axes, of which one entry is shown.
    notes
        What is to be said of it.
    lock
        Held while its reader reads.

    Raises
    ------
    UnsupportedError
        It can't be shown: it has no voxels, or not one to three spatial axes.
    """

    def __init__(self, title: str, opened: OpenImage) -> None:
        self.title, self.reader, self.opened = title, opened.reader, opened
        reader, meta = opened.reader, opened.reader.meta
        count = len(reader.shape)
        if 0 in reader.shape or not count or reader.dtype.kind not in "biufc":
            raise UnsupportedError("there are no voxels to show", path=opened.source.where)
        self.space = space_of(meta, count)
        self.spatial = geometry.spatial_axes(meta.spatial.axis_labels, count)
        self.versions, self.notes = versions_of(reader)
        self.notes += opened.context.report.warnings
        self.colour = _colour(reader.labels, reader.shape, reader.dtype)
        self.others = tuple(axis for axis in range(count) if axis not in (*self.spatial, self.colour))
        self.lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, tuple[int, ...]], Array] = OrderedDict()
        self._labels: bool | None = None
        self._windows: dict[tuple[int, ...], tuple[float, float]] = {}

    @property
    def flat(self) -> bool:
        """Whether it is one plane."""
        return sum(self.reader.shape[axis] > 1 for axis in self.spatial) < 3

    @property
    def is_labels(self) -> bool:
        """Whether its voxels are labels: as its metadata say, or where they don't, as its values look."""
        if self._labels is None:
            said = self.reader.meta.is_seg.value
            if said is not None or self.colour is not None or self.reader.dtype.kind not in "biu":
                self._labels = said is True
            elif self.versions[-1].sampled and self.nbytes(0) > WHOLE:
                self._labels = False  # too large to be looked at only for this
            else:
                self._labels, count = shown_as_labels(None, [self._coarse(self.first_entry)])
                if self._labels:
                    self.notes.append(
                        f"{count} different integers were seen: taken for labels; --no-labels shows greys"
                    )
        return self._labels

    @property
    def first_entry(self) -> tuple[int, ...]:
        """The first entry along all other axes."""
        return (0,) * len(self.others)

    def shape(self, level: int) -> tuple[int, ...]:
        """Return the sizes of a resolution along x, y, z."""
        return tuple(self.versions[level].shape[axis] for axis in self.space.x_first)

    def nbytes(self, level: int) -> int:
        """Return the bytes of one entry of a resolution, colours counted."""
        colours = 1 if self.colour is None else self.reader.shape[self.colour]
        return bytes_of_entry(self.versions[level], self.spatial) * colours

    def voxels(self, level: int, entry: Sequence[int], box: Box) -> Array:
        """Return voxels as z, y, x, and colours where there are any.

        Parameters
        ----------
        level
            Which resolution, 0 for the finest.
        entry
            Index along each axis of `others`.
        box
            Start and stop along x, y, z.

        Raises
        ------
        ArgumentError
            There is no such level, entry or box.
        """
        self._check(level, entry, box)
        key = (level, tuple(entry))
        with self.lock:
            whole = self._kept.get(key)
            every = tuple((0, size) for size in self.shape(level))
            if whole is None:
                whole = self._thinned(level, entry)
            if (
                whole is None
                and self.nbytes(level) <= WHOLE
                and (tuple(box) == every or self._at_once(level))
            ):
                whole = self._kept[key] = self._read(level, entry, every)
                while sum(one.nbytes for one in self._kept.values()) > KEPT and len(self._kept) > 1:
                    self._kept.popitem(last=False)
            if whole is None:
                return self._read(level, entry, box)
            if key in self._kept:
                self._kept.move_to_end(key)
        return whole[tuple(slice(*part) for part in reversed(box))]

    def voxel(self, entry: Sequence[int], index: Sequence[int]) -> Array:
        """Return the value at a voxel of the image itself, as the reader gives it."""
        box = tuple((at, at + 1) for at in index)
        self._check(0, entry, box)
        with self.lock:
            whole = self._kept.get((0, tuple(entry)))
            if whole is None:
                return self._read(0, entry, box).reshape(-1)
        found: Array = whole[tuple(reversed(tuple(index)))].reshape(-1)
        return found

    def window(self, entry: Sequence[int]) -> tuple[float, float]:
        """Return which values are black and white: of the metadata, else of the coarsest resolution."""
        known = self._windows.get(tuple(entry))
        stats = self.reader.meta.stats
        if known is None and stats is not None and stats.percentile_min is not None:
            known = float(stats.percentile_min), float(stats.percentile_max or stats.percentile_min + 1)
        if known is None:
            known = limits_of([self._coarse(entry)], None)
        self._windows[tuple(entry)] = known
        return known

    def entries(self) -> list[dict[str, object]]:
        """Return name, size and what is known of the entries of each of `others`."""
        additions, found = Additions.of(self.reader.meta), []
        for axis in self.others:
            label, known = self.reader.labels[axis], additions.axes.get(axis)
            names: list[str] = []
            if known is not None and known.values is not None:
                names = [f"{value:g}" if isinstance(value, float) else str(value) for value in known.values]
            if label == "channel" and len(additions.channels) == self.reader.shape[axis]:
                names = [channel.name for channel in additions.channels]
            unit = known.unit if known is not None else ""
            name = {"temporal": "time"}.get(label, label)
            found.append({"name": name, "size": self.reader.shape[axis], "names": names, "unit": unit})
        return found

    def _thinned(self, level: int, entry: Sequence[int]) -> Array | None:
        """Return a resolution of every n-th voxel out of a finer one: the file is read once for all."""
        versions = self.versions
        finer = next((n for n, v in enumerate(versions) if v.sampled and self.nbytes(n) <= SMALL), level)
        if finer >= level:
            return None
        key = (finer, tuple(entry))
        if key not in self._kept:
            self._kept[key] = self._read(finer, entry, tuple((0, size) for size in self.shape(finer)))
        steps = [
            versions[level].steps[axis] // versions[finer].steps[axis]
            for axis in reversed(self.space.x_first)
        ]
        return self._kept[key][tuple(slice(None, None, step) for step in steps)]

    def _at_once(self, level: int) -> bool:
        """Whether reading all of a resolution costs little more than a part of it."""
        version = self.versions[level]
        chunks, shape = version.reader.chunks, version.reader.shape
        planes = chunks is not None and chunks[-2:] == shape[-2:]  # what is read from its start gives planes
        return self.nbytes(level) <= SMALL or planes

    def _coarse(self, entry: Sequence[int]) -> Array:
        last = len(self.versions) - 1
        return self.voxels(last, entry, tuple((0, size) for size in self.shape(last)))

    def _check(self, level: int, entry: Sequence[int], box: Box) -> None:
        if not 0 <= level < len(self.versions):
            raise ArgumentError(f"there is no level {level}")
        sizes = [self.reader.shape[axis] for axis in self.others]
        if len(entry) != len(sizes) or not all(0 <= at < n for at, n in zip(entry, sizes, strict=True)):
            raise ArgumentError(f"there is no entry {list(entry)}")
        shape = self.shape(level)
        if len(box) != len(shape) or not all(
            0 <= start < stop <= size for (start, stop), size in zip(box, shape, strict=True)
        ):
            raise ArgumentError(f"the box {box} is not within {shape}")

    def _read(self, level: int, entry: Sequence[int], box: Box) -> Array:
        """Read a box as z, y, x (and colours)."""
        import numpy as np

        version = self.versions[level]
        cut = [slice(0, size) for size in version.shape]
        for axis, at in zip(self.others, entry, strict=True):
            cut[axis] = slice(at, at + 1)
        for axis, part in zip(self.space.x_first, box, strict=True):
            cut[axis] = slice(*part)
        order = (
            *reversed(self.space.x_first),
            *(() if self.colour is None else (self.colour,)),
            *self.others,
        )
        voxels = version.read(tuple(cut)).transpose(order)
        return np.ascontiguousarray(voxels.reshape(voxels.shape[: len(order) - len(self.others)]))


def _colour(labels: Sequence[str], shape: Sequence[int], dtype: np.dtype[Any]) -> int | None:
    """Return the axis of red, green and blue."""
    fitting = [axis for axis, label in enumerate(labels) if label == "components" and shape[axis] in (3, 4)]
    return fitting[-1] if fitting and dtype.name in ("uint8", "uint16") else None
