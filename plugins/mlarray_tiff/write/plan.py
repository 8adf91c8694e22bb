"""Which axis of an image goes where in a TIFF file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlarray_core import Additions
from mlarray_core.errors import UnsupportedError
from mlarray_tiff.axes import LETTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_io import Reader

_NATIVE = {"temporal": "T", "channel": "C"}
_SPATIAL = ("spatial", "spatial_x", "spatial_y", "spatial_z")
_OTHERS = "QIAPRHELVMJK"


@dataclass(frozen=True)
class Outer:
    """An axis along which pages lie.

    Parameters
    ----------
    axis
        Of the image.
    size
        Its length.
    letter
        What it is: T, C, Z, or the letter of an axis that OME hasn't (Q: other).
    within
        Which of T, C, Z holds it, for an axis that OME hasn't.
    """

    axis: int
    size: int
    letter: str
    within: str

    @property
    def native(self) -> bool:
        """Whether OME has this axis."""
        return self.letter in "TCZ"


@dataclass(frozen=True)
class Plan:
    """Where axes go. The file holds ``(outer ..., [samples,] rows, columns[, samples])``.

    Parameters
    ----------
    outer
        Axes along which pages lie, slowest first.
    row, column
        Axes of the image; None for one of length one that it hasn't.
    samples
        The axis of colours or components, None when there is none.
    planar
        Whether each sample is a plane of its own.
    shape
        Of the image.
    single
        Axes of length one that TIFF has no place for and needs none for.
    """

    outer: tuple[Outer, ...]
    row: int | None
    column: int | None
    samples: int | None
    planar: bool
    shape: tuple[int, ...]
    single: tuple[int, ...] = ()

    @property
    def order(self) -> list[int]:
        """The axes of the image in the order of the file."""
        plane = [axis for axis in (self.row, self.column) if axis is not None]
        samples = [] if self.samples is None else [self.samples]
        inner = samples + plane if self.planar else plane + samples
        return [*self.single, *(one.axis for one in self.outer), *inner]

    @property
    def rows(self) -> int:
        """Length of a column."""
        return 1 if self.row is None else self.shape[self.row]

    @property
    def columns(self) -> int:
        """Length of a row."""
        return 1 if self.column is None else self.shape[self.column]

    @property
    def sample_count(self) -> int:
        """Samples of each pixel."""
        return 1 if self.samples is None else self.shape[self.samples]

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return math.prod(one.size for one in self.outer)

    @property
    def letters(self) -> str:
        """The axes of the file."""
        middle = "S" if self.samples is not None and self.planar else ""
        end = "S" if self.samples is not None and not self.planar else ""
        return "".join(one.letter for one in self.outer) + middle + "YX" + end

    def sizes(self, rows: int, columns: int) -> tuple[int, ...]:
        """Return the lengths of these axes for a level of the pyramid."""
        by = {"S": self.sample_count, "Y": rows, "X": columns}
        outer = tuple(one.size for one in self.outer)
        return outer + tuple(by[letter] for letter in self.letters[len(outer) :])

    def page_shape(self, rows: int, columns: int) -> tuple[int, ...]:
        """Return the same with all pages along one axis."""
        return (self.pages, *self.sizes(rows, columns)[len(self.outer) :])

    def size_of(self, letter: str) -> int:
        """Return SizeT, SizeZ or SizeC without samples, as OME counts them."""
        return math.prod(one.size for one in self.outer if one.within == letter)


def plan_of(reader: Reader, order: str | None = None) -> Plan:
    """Return where the axes of an image go.

    Parameters
    ----------
    reader
        The image.
    order
        The only order of T, C and Z that will do (ImageJ: TZC), None to keep the image's.

    Raises
    ------
    UnsupportedError
        It has no axes, or more than OME can hold.
    """
    labels = reader.labels
    if not labels or 0 in reader.shape:
        raise UnsupportedError(f"TIFF has no place for an image of shape {reader.shape}")
    named = _spatial_letters(labels)
    samples = _samples(labels, reader.shape)
    column, row = _plane(labels, named, samples)
    left = [at for at in range(len(labels)) if at not in (row, column, samples)]
    single = tuple(
        at for at in left if reader.shape[at] == 1 and at not in named and labels[at] not in _NATIVE
    )
    outer = _outer([at for at in left if at not in single], labels, named, reader)
    if order is not None:
        outer = sorted(outer, key=lambda one: order.index(one.within))
    planar = samples is not None and column is not None and samples < column
    return Plan(tuple(outer), row, column, samples, planar, reader.shape, single)


def _samples(labels: Sequence[str], shape: Sequence[int]) -> int | None:
    """Return the last axis of components, if there is more than one component."""
    found = (at for at in reversed(range(len(labels))) if labels[at] == "components" and shape[at] > 1)
    return next(found, None)


def _spatial_letters(labels: Sequence[str]) -> dict[int, str]:
    """Return X, Y, Z by axis: by label, or by place (the fastest is X) where labels don't tell them apart."""
    axes = [at for at, label in enumerate(labels) if label in _SPATIAL]
    said = [labels[at][-1].upper() for at in axes]
    if len(set(said)) == len(said) and set(said) <= set("XYZ"):
        return dict(zip(axes, said, strict=True))
    return dict(zip(reversed(axes), "XYZ", strict=False))


def _plane(
    labels: Sequence[str], named: dict[int, str], samples: int | None
) -> tuple[int | None, int | None]:
    """Return the axes for columns and rows; the fastest that are left where they aren't named."""
    by = {letter: at for at, letter in named.items()}
    left = [at for at in range(len(labels)) if at != samples and at not in named]
    column, row = by.get("X"), by.get("Y")
    if column is None:
        column = left.pop() if left else by.get("Y")
        row = None if row == column else row
    if row is None and left and not set(named) - {column}:
        row = left.pop()
    return column, row


def _outer(axes: Sequence[int], labels: Sequence[str], named: dict[int, str], reader: Reader) -> list[Outer]:
    letters = {at: named.get(at) or _NATIVE.get(labels[at], "") for at in axes}
    taken: list[str] = []
    for at in axes:
        if letters[at] in ("T", "C", "Z") and letters[at] not in taken:
            taken.append(letters[at])
        else:
            letters[at] = ""
    free = [letter for letter in "CTZ" if letter not in taken]
    found: list[Outer] = []
    used = set(taken)
    for at in axes:
        within = letters[at] or (free.pop(0) if free else _parent(found))
        letter = letters[at] or _other(at, reader, used)
        used.add(letter)
        found.append(Outer(at, reader.shape[at], letter, within))
    return found


def _parent(before: Sequence[Outer]) -> str:
    """Return the axis that another can be folded into: the one just before it, if that is OME's own."""
    if before and before[-1].native:
        return before[-1].within
    raise UnsupportedError(
        "it has more axes than OME-TIFF and ImageJ can hold",
        hint="Write it with -o flavour=plain, or as .mla",
    )


def _other(axis: int, reader: Reader, used: set[str]) -> str:
    known = Additions.of(reader.meta).axes.get(axis)
    name = "" if known is None else known.name
    wanted = LETTERS.get(str(name), "Q") + _OTHERS
    return next(letter for letter in wanted if letter not in used)
