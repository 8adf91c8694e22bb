"""Counting the classes of a label map while its voxels pass by, box by box and in any order.

The sample of a class is the voxels with the least keys, a key being a hash of the voxel's index. So it is the
same whichever way the image is cut and on however many machines: samples of parts are merged by their keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.statistics.class_locations import (
    MOST_CLASSES,
    MOST_SAMPLED,
    ClassLocation,
    ClassLocations,
    sample_size,
)

if TYPE_CHECKING:
    from mlarray_core.chunks.grid import Box

Array = np.ndarray[Any, Any]

PIECE = 1 << 21
"""Voxels that are looked at together: what is made of them takes some 40 bytes each."""


@dataclass
class _Found:
    """What is known of one class so far: how many voxels, the box around them, and a sample by keys."""

    count: int
    low: Array
    high: Array
    keys: Array
    places: Array

    def take(self, other: _Found) -> None:
        self.count += other.count
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        self.sample(other.keys, other.places)

    def sample(self, keys: Array, places: Array) -> None:
        if len(self.keys) >= MOST_SAMPLED:
            near = keys < self.keys.max()
            keys, places = keys[near], places[near]
        if not len(keys):
            return
        keys, places = np.concatenate([self.keys, keys]), np.concatenate([self.places, places])
        if len(keys) > MOST_SAMPLED:
            least = np.argpartition(keys, MOST_SAMPLED)[:MOST_SAMPLED]
            keys, places = keys[least], places[least]
        self.keys, self.places = keys, places


class ClassCounter:
    """Finds where the classes of a label map are. Zero is the background, and no class.

    Parameters
    ----------
    shape
        Of the whole array.
    seed
        For the samples.

    Attributes
    ----------
    refused
        Why there are no class locations; empty as long as there are.
    """

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self._shape, self._seed = shape, seed
        self._steps = np.cumprod([1, *shape[:0:-1]], dtype=np.int64)[::-1]
        self._found: dict[int, _Found] = {}
        self.refused = ""

    def add(self, box: Box, voxels: Array) -> None:
        """Count the voxels of a box, each once.

        Parameters
        ----------
        box
            Where they are in the array.
        voxels
            Of the box's shape.
        """
        if self.refused or not voxels.size:
            return
        if not self._shape:
            self.refused = "it has no axes"
            return
        if voxels.size > PIECE and voxels.shape[0] > 1:
            half, start = voxels.shape[0] // 2, box[0].start
            self.add((slice(start, start + half), *box[1:]), voxels[:half])
            self.add((slice(start + half, box[0].stop), *box[1:]), voxels[half:])
            return
        labels = self._as_integers(voxels)
        if labels is not None and labels.any():
            self._count(np.array([part.start for part in box], np.int64), labels)

    def merge(self, other: ClassCounter) -> None:
        """Count what another one counted of the same array, with the same seed."""
        self.refused = self.refused or other.refused
        for value, found in other._found.items():
            self._take(value, found)

    def locations(self) -> ClassLocations | None:
        """Return where the classes are; None when they were refused."""
        if self.refused:
            return None
        most = sample_size(len(self._found))
        return ClassLocations(
            self._shape,
            self._seed,
            {value: self._location(value, most) for value in sorted(self._found)},
        )

    def _location(self, value: int, most: int) -> ClassLocation:
        found = self._found[value]
        sample = np.sort(found.places[np.argsort(found.keys)[:most]])
        box = tuple(zip(found.low.tolist(), found.high.tolist(), strict=True))
        return ClassLocation(value, found.count, box, sample)

    def _as_integers(self, voxels: Array) -> Array | None:
        """Return label numbers; None where there are none to speak of."""
        if voxels.dtype.kind == "b":
            return voxels.view(np.uint8)
        if voxels.dtype.kind in "iu":
            return voxels
        wide = voxels.astype(np.float64) if voxels.dtype.kind == "f" else np.array(np.nan)
        labels = wide.astype(np.int64) if (np.abs(wide) < 1 << 53).all() else None
        if labels is None or not (labels == voxels).all():
            self.refused = "its voxels are no whole numbers"
            self._found = {}
            return None
        return labels

    def _count(self, start: Array, labels: Array) -> None:
        """Cut labels into runs of one value along the last axis, and count those of each class together."""
        rows = np.ascontiguousarray(labels).reshape(-1, labels.shape[-1])
        begins = np.ones(rows.shape, bool)
        np.not_equal(rows[:, 1:], rows[:, :-1], out=begins[:, 1:])
        runs = np.flatnonzero(begins)
        values, lengths = rows.reshape(-1)[runs], np.diff(runs, append=rows.size)
        inside = np.flatnonzero(values)
        order = inside[np.argsort(values[inside], kind="stable")]
        values, lengths = values[order], lengths[order]
        places = np.stack(np.unravel_index(runs[order], labels.shape))
        places += start[:, None]
        ends = places + 1
        ends[-1] += lengths - 1
        first = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
        flat = self._steps @ places
        every = np.repeat(flat - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        keys = _keys(every, self._seed)
        counts = np.add.reduceat(lengths, first)
        lows, highs = np.minimum.reduceat(places, first, axis=1), np.maximum.reduceat(ends, first, axis=1)
        stops = np.cumsum(counts)
        for number, value in enumerate(values[first].tolist()):
            stop, count = int(stops[number]), int(counts[number])
            part = slice(stop - count, stop)
            found = _Found(count, lows[:, number], highs[:, number], keys[:0], every[:0])
            known = self._found.get(value, found)
            self._take(value, found)
            known.sample(keys[part], every[part])

    def _take(self, value: int, found: _Found) -> None:
        if value in self._found:
            self._found[value].take(found)
        elif not self.refused:
            self._found[value] = found
        if len(self._found) > MOST_CLASSES:
            self.refused = f"it holds more than {MOST_CLASSES:,} classes"
            self._found = {}


def _keys(places: Array, seed: int) -> Array:
    """Return a hash of each index: SplitMix64 (Steele, Lea and Flood 2014), whose steps lose nothing."""
    keys = places.astype(np.uint64)
    with np.errstate(over="ignore"):
        keys += np.uint64((seed + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            keys ^= keys >> np.uint64(shift)
            keys *= np.uint64(factor)
        keys ^= keys >> np.uint64(31)
    return keys
