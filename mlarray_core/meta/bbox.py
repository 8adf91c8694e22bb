"""Bounding boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from mlarray_core.errors import MetadataError
from mlarray_core.meta.base import BaseMeta
from mlarray_core.meta.checks import each, finite, items, length, mistyped, number, text, unwrapped


@dataclass(eq=False, repr=False)
class MetaBbox(BaseMeta):
    """Bounding boxes with optional scores and labels.

    Attributes
    ----------
    bboxes
        One box each: for every axis of the image (or every spatial axis) its ``[min, max]``, finite numbers,
        half-open as slices are: the voxels ``image[min:max]``.
    scores
        One number for each box, such as a confidence.
    labels
        One string or number for each box, such as a class.
    """

    _PATH: ClassVar[str] = "bbox"

    bboxes: list[list[list[int | float]]] | None = None
    scores: list[int | float] | None = None
    labels: list[str | int | float] | None = None

    @classmethod
    def ensure(cls, x: object) -> Self:
        """Return a new instance made from None, an instance, a mapping of fields, or a list of boxes."""
        x = unwrapped(x)
        return super().ensure({"bboxes": x} if isinstance(x, (list, tuple)) else x)

    def _validate_and_cast(self) -> None:
        if self.bboxes is not None:
            self._put("bboxes", each(self.bboxes, "bbox.bboxes", _box))
            self._check_dimensions(None)
        if self.scores is not None:
            self._put("scores", each(self.scores, "bbox.scores", number))
        if self.labels is not None:
            self._put("labels", each(self.labels, "bbox.labels", _label))
        count = None if self.bboxes is None else len(self.bboxes)
        length(self.scores, count, "bbox.scores", "box")
        length(self.labels, count, "bbox.labels", "box")

    def _check_dimensions(self, allowed: tuple[int, ...] | None) -> None:
        """Check that all boxes have one of the `allowed` numbers of axes, or as many as the first."""
        for index, box in enumerate(self.bboxes or ()):
            fits = allowed or (len((self.bboxes or [[]])[0]),)
            if len(box) not in fits:
                expected = " or ".join(str(count) for count in sorted(set(fits)))
                where = f"bbox.bboxes[{index}]"
                raise MetadataError(f"expected {expected} axes, got {len(box)}", field=where)


def _box(value: object, path: str) -> list[list[int | float]]:
    box = each(value, path, _range)
    if not box:
        raise MetadataError("expected [min, max] for each axis, got an empty list", field=path)
    return box


def _range(value: object, path: str) -> list[int | float]:
    count = len(items(value, path))
    if count != 2:
        raise MetadataError(f"expected [min, max], got {count} items", field=path)
    return each(value, path, finite)


def _label(value: object, path: str) -> str | int | float:
    value = unwrapped(value)
    if isinstance(value, str):
        return text(value, path)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise mistyped(path, "a string or a number", value)
    return number(value, path)
