"""How the pixels of one file are stored, checked before anything is allocated or decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_dicom.elements import has
from mlarray_dicom.header.tags import DOUBLE_PIXELS, FLOAT_PIXELS
from mlarray_dicom.syntaxes import DEFLATED, NATIVE

if TYPE_CHECKING:
    from pathlib import Path

    from mlarray_dicom.instance import Instance

SMALLEST_ITEM = 8
"""Bytes that a compressed frame takes at least: tag and length of its item (PS3.5, A.4)."""
SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})


@dataclass(frozen=True)
class PixelLayout:
    """The Image Pixel module (PS3.3, C.7.6.3) of one file.

    Parameters
    ----------
    rows, columns, samples
        Size of a frame.
    allocated, stored, high
        Bits of a sample, how many of them are used, and the highest of these.
    signed
        Whether samples are two's complement.
    photometric
        How samples make colours.
    planar
        Whether the samples of a frame come plane by plane.
    kind
        "integer" or "float".
    frames
        How many frames there are.
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    photometric: str
    planar: bool
    kind: str
    frames: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a stored sample, in native order; bits are unpacked to bytes."""
        if self.kind == "float":
            return np.dtype(f"f{self.allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.allocated // 8, 1)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a frame."""
        return (self.rows, self.columns, *((self.samples,) if self.samples > 1 else ()))

    @property
    def bits(self) -> int:
        """Number of bits of a native frame."""
        samples = 2 if self.photometric in SUBSAMPLED and self.samples == 3 else self.samples
        return self.rows * self.columns * samples * self.allocated

    def holds(self) -> tuple[int, int]:
        """Return the lowest and the highest integer that the used bits can hold."""
        top = int(2 ** (self.stored - int(self.signed)))
        return (-top if self.signed else 0), top - 1

    @property
    def nbytes(self) -> int:
        """Number of bytes of all frames of a file with native pixels."""
        return -(-self.bits * self.frames // 8)


def layout_of(instance: Instance) -> PixelLayout:
    """Read and remember the Image Pixel module of a file.

    Raises
    ------
    CorruptError
        It has no pixels, contradicts itself, or describes more than the file holds.
    UnsupportedError
        It stores samples in a way that no decoder knows.
    """
    if instance.layout is None:
        instance.layout = _read(instance)
    return instance.layout


def _read(instance: Instance) -> PixelLayout:
    path, pixels = instance.path, instance.pixels
    if pixels is None:
        raise UnsupportedError("holds no pixel data", path=path)
    floats = pixels.tag in (FLOAT_PIXELS, DOUBLE_PIXELS)
    allocated = _number(
        instance, "BitsAllocated", 32 if pixels.tag == FLOAT_PIXELS else 64 if floats else None
    )
    stored = allocated if floats else _number(instance, "BitsStored", allocated)
    high = stored - 1 if floats else _number(instance, "HighBit", stored - 1)
    layout = PixelLayout(
        rows=_number(instance, "Rows"),
        columns=_number(instance, "Columns"),
        samples=_number(instance, "SamplesPerPixel", 1),
        allocated=allocated,
        stored=stored,
        high=high,
        signed=bool(_number(instance, "PixelRepresentation", 0)) and not floats,
        photometric=instance.text("PhotometricInterpretation") or "MONOCHROME2",
        planar=bool(_number(instance, "PlanarConfiguration", 0)),
        kind="float" if floats else "integer",
        frames=instance.count,
    )
    _check(layout, floats, path)
    _check_length(layout, instance)
    return layout


def _number(instance: Instance, keyword: str, default: int | None = None) -> int:
    value = instance.get(keyword)
    if value is None and has(instance.dataset, keyword):
        raise CorruptError("can't be read as a number", path=instance.path, field=keyword)
    value = default if value is None else value
    if not isinstance(value, int) or value < 0:
        what = "is missing" if value is None else f"is {value!s}"
        raise CorruptError(what, path=instance.path, field=keyword)
    return int(value)


def _check(layout: PixelLayout, floats: bool, path: Path) -> None:
    if not layout.rows or not layout.columns:
        raise CorruptError(f"is {layout.rows} x {layout.columns} pixels large", path=path, field="Rows")
    if layout.allocated not in ((32, 64) if floats else (1, 8, 16, 32, 64)):
        raise UnsupportedError(f"stores samples of {layout.allocated} bits", path=path, field="BitsAllocated")
    if not 0 < layout.stored <= layout.allocated or not layout.stored - 1 <= layout.high < layout.allocated:
        raise CorruptError(
            f"stores {layout.stored} bits up to bit {layout.high} in {layout.allocated}",
            path=path,
            field="BitsStored",
        )
    if layout.samples not in (1, 3, 4) or (layout.samples > 1 and layout.allocated == 1):
        raise UnsupportedError(f"has {layout.samples} samples per pixel", path=path, field="SamplesPerPixel")
    if layout.samples == 1 and layout.photometric.startswith(("RGB", "YBR", "ARGB", "CMYK")):
        raise CorruptError(f"is {layout.photometric} with one sample per pixel", path=path)


def _check_length(layout: PixelLayout, instance: Instance) -> None:
    """Refuse a file that ends before its pixels do."""
    pixels = instance.pixels
    if pixels is None or instance.syntax not in NATIVE:
        if pixels is not None and pixels.at >= instance.size:
            raise CorruptError("its pixel data are cut off", path=instance.path)
        if layout.frames > instance.size // SMALLEST_ITEM:
            raise CorruptError(
                f"has {layout.frames:,} frames in {instance.size:,} bytes",
                path=instance.path,
                field="NumberOfFrames",
            )
        return
    if pixels.length is None:
        raise CorruptError("its pixel data are in fragments, but not compressed", path=instance.path)
    if pixels.length < layout.nbytes:
        raise CorruptError(
            f"its pixel data are {pixels.length:,} bytes long where its header describes {layout.nbytes:,}",
            path=instance.path,
            hint="Fetch or export it again",
        )
    left = instance.size - pixels.at
    if instance.syntax != DEFLATED and left < layout.nbytes:
        raise CorruptError(
            f"the file is cut short: {left:,} of {layout.nbytes:,} bytes of pixels are there",
            path=instance.path,
            hint="Fetch or export it again",
        )
