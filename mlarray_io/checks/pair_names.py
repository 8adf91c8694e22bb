"""Which label belongs to which image, by the names that data sets give them."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mlarray_core.errors import OptionError
from mlarray_io.checks.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlarray_io.search.criteria import Found

CHANNEL = re.compile(r"_\d{4}$")
"""How nnU-Net numbers the channels of one case, ``case_0000.nii.gz``; its label has no number."""
_SIDES = re.compile(
    r"(?:^|(?<=[-_.]))(?:volume|image|imaging|img|ct|mri?|scan|t1|t1ce|t1c|t1gd|t1n|t2|t2w|t2f|flair"
    r"|segmentations?|seg|labels?|masks?|gt)(?=$|[-_.])"
)
"""Words that say which side a file is of: LiTS has ``volume-0`` and ``segmentation-0``, KiTS ``imaging`` and
``segmentation``, BraTS ``case_t1``, ``case_flair`` and ``case_seg``."""


def pair(images: Sequence[Found], labels: Sequence[Found], pattern: str | None = None) -> Iterator[Pair]:
    """Yield each image with its label, and what has no partner.

    The label of an image lies at the same place below its folder; if need be without nnU-Net's number of a
    channel, or without the words by which LiTS, KiTS and BraTS tell images from labels, where only one label
    fits.

    Parameters
    ----------
    images, labels
        What was found on either side; the same files when both lie in one folder.
    pattern
        Of the names, or of the places, of labels, such as ``*_seg*``: other files are no labels, and these
        are no images.

    Raises
    ------
    OptionError
        Both sides are the same files, and no pattern says which are labels.
    """
    if pattern is not None:
        labels = [one for one in labels if _fits(one, pattern)]
        if not labels:
            warnings.warn(
                f"label_pattern {pattern!r} fits nothing, so that no image has a label", stacklevel=2
            )
        images = [one for one in images if not _fits(one, pattern)]
    elif {one.path for one in images} & {one.path for one in labels}:
        what = "the same files are images and labels"
        raise OptionError(
            what, field="--label-pattern", hint="Say which are labels: '*_seg*', '*segmentation*'"
        )
    partners = _Partners(labels)
    used = set()
    for found in images:
        label = partners.of(found)
        if label is not None:
            used.add(label.path)
        yield Pair(found.path, None if label is None else label.path)
    for label in sorted(labels, key=lambda one: one.place):
        if label.path not in used:
            yield Pair(None, label.path)


class _Partners:
    """Finds the label of an image."""

    def __init__(self, labels: Iterable[Found]) -> None:
        self._by_place = {one.place: one for one in labels}
        stems = Counter(_stem(place) for place in self._by_place)
        self._by_stem = {
            _stem(place): one for place, one in self._by_place.items() if stems[_stem(place)] == 1
        }

    def of(self, image: Found) -> Found | None:
        for place in (image.place, CHANNEL.sub("", image.place)):
            if place in self._by_place:
                return self._by_place[place]
        return self._by_stem.get(_stem(image.place))


def _stem(place: str) -> str:
    """Return a place without words that say which side it is of, and without what then divides nothing."""
    parts = [_SIDES.sub("", part) for part in CHANNEL.sub("", place.lower()).split("/")]
    return "/".join(re.sub(r"[-_.]+", "_", part).strip("_") for part in parts)


def _fits(found: Found, pattern: str) -> bool:
    return fnmatchcase(found.place, pattern) or any(
        fnmatchcase(name, pattern)
        for path in (found.path, found.place)
        for name in (path.rpartition("/")[2], path.rpartition("\\")[2])
    )
