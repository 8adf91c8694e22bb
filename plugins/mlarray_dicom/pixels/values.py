"""From stored values to real ones: modality transformation, lookup tables, palettes (PS3.3, C.11.1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlarray_core import Rescale
from mlarray_core.errors import CorruptError, MLArrayError
from mlarray_core.rescale import apply_rescale, is_scaled, rescaled_dtype
from mlarray_dicom.instance import PARSING, quiet, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlarray_dicom import DicomOptions
    from mlarray_dicom.frames.dispatch import Frame
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.pixels.layout import PixelLayout
    from mlarray_dicom.volumes.series import Group
    from mlarray_io import Context

Array = np.ndarray[Any, Any]
Scale = tuple[float, float]

IDENTITY: Scale = (1.0, 0.0)


class Values:
    """What is done to stored values, the same for all frames of an image but for slope and intercept.

    Parameters
    ----------
    group
        The image.
    options, context
        What the user wants; `context.raw` leaves stored values alone.

    Attributes
    ----------
    dtype
        Of the voxels.
    components
        3 for colours, else 0.
    rescale
        Slope and intercept, when they are the same for all frames.
    varying
        Whether they differ from frame to frame.
    """

    def __init__(self, group: Group, options: DicomOptions, context: Context) -> None:
        self._instances, self._layout = group.instances, group.layout
        self.components = self._layout.samples if self._layout.samples > 1 else 0
        self._luts = {} if self.components or context.raw else _tables(group)
        self._palettes: dict[int, Palette] = {}
        if self._layout.photometric == "PALETTE COLOR" and options.palette == "rgb" and not context.raw:
            self._palettes = {file: Palette(group.instances[file]) for file in _files(group.frames)}
            self.components = 3
        self._invert = self._layout.photometric == "MONOCHROME1" and options.monochrome1 == "invert"
        plain = bool(self.components or self._luts or group.first.get("SegmentationType"))
        self._scales = {IDENTITY} if plain else {scale_of(frame) for frame in group.frames}
        self.varying = len(self._scales) > 1
        self._raw = context.raw
        self.rescale = self._rescale()
        self.dtype = self._dtype()

    def _rescale(self) -> Rescale | None:
        slope, intercept = next(iter(self._scales))
        if self.varying or not is_scaled(slope, intercept):
            return None
        return Rescale(slope, intercept, self._layout.dtype.name, applied=not self._raw)

    def _dtype(self) -> np.dtype[Any]:
        stored = self._layout.dtype
        if self._palettes:
            return np.result_type(*(palette.dtype for palette in self._palettes.values()))
        if self._luts:
            return np.result_type(*(lut.dtype for lut, _ in self._luts.values()))
        if self._raw or self._scales == {IDENTITY}:
            return stored
        if self.varying:
            wide = stored.itemsize > (4 if stored.kind == "f" else 2)
            return np.dtype(np.float64 if wide else np.float32)
        slope, intercept = next(iter(self._scales))
        return rescaled_dtype(stored, slope, intercept, bits=self._layout.stored)

    def __call__(self, stored: Array, frame: Frame) -> Array:
        """Return the voxels of one frame."""
        if frame.file in self._palettes:
            return self._palettes[frame.file](stored).astype(self.dtype, copy=False)
        if self._invert:
            stored = _inverted(stored, self._layout)
        if frame.file in self._luts:
            lut, first = self._luts[frame.file]
            index = np.clip(stored.astype(np.int64) - first, 0, len(lut) - 1)
            return lut[index].astype(self.dtype, copy=False)
        scale = scale_of(frame)
        if self._raw or self._scales == {IDENTITY} or not is_scaled(*scale):
            return stored.astype(self.dtype, copy=False)
        return apply_rescale(stored, *scale, self.dtype)

    def fill(self, frame: Frame, instance: Instance) -> Any:
        """Return the voxel that stands for nothing: Pixel Padding Value, else a stored zero."""
        padding = instance.get("PixelPaddingValue", 0)
        try:
            stored = np.array([[padding]]).astype(self._layout.dtype)
        except (TypeError, ValueError, OverflowError):
            stored = np.zeros((1, 1), self._layout.dtype)
        return self(stored, frame)[0, 0]


def scale_of(frame: Frame) -> Scale:
    """Return slope and intercept of a frame."""
    slope = 1.0 if frame.slope is None else frame.slope
    intercept = 0.0 if frame.intercept is None else frame.intercept
    return (slope, intercept) if math.isfinite(slope) and slope != 0 else IDENTITY


def _files(frames: Sequence[Frame]) -> list[int]:
    return sorted({frame.file for frame in frames})


def _inverted(stored: Array, layout: PixelLayout) -> Array:
    """Return values turned around within the range of the bits that are used."""
    if layout.kind == "float":
        return -stored
    top = -1 if layout.signed else 2**layout.stored - 1
    return (top - stored.astype(np.int64)).astype(stored.dtype)


def _tables(group: Group) -> dict[int, tuple[Array, int]]:
    """Return the Modality LUT of each file that has one: entries, and the first value mapped (C.11.1.1)."""
    tables = {}
    for file in _files(group.frames):
        sequence = group.instances[file].get("ModalityLUTSequence")
        if sequence is not None:
            tables[file] = _table(sequence[0], group.instances[file])
    return tables


def _table(item: Any, instance: Instance) -> tuple[Array, int]:
    with quiet():
        descriptor, data = value_of(item, "LUTDescriptor"), value_of(item, "LUTData")
    try:
        count, first, bits = (int(value) for value in descriptor)
        if isinstance(data, bytes):
            entries = np.frombuffer(data, "<u2" if len(data) >= 2 * (count or 65536) else "u1")
        else:
            entries = np.asarray(list(data), dtype=np.int64).astype(np.uint16)
    except (TypeError, ValueError) as error:
        raise CorruptError("is no lookup table", path=instance.path, field="ModalityLUTSequence") from error
    count = count or 65536
    if len(entries) < count or not 0 < bits <= 16:
        raise CorruptError(
            f"has {len(entries)} entries of {count}", path=instance.path, field="ModalityLUTSequence"
        )
    if _signed(instance) and first >= 1 << 15:
        first -= 1 << 16
    return entries[:count].astype(np.uint8 if bits <= 8 else np.uint16), first


def _signed(instance: Instance) -> bool:
    """Say whether stored values are signed, and with them the first value of a lookup table."""
    return bool(instance.get("PixelRepresentation", 0) == 1)


class Palette:
    """Red, green and blue for each index (PS3.3, C.7.9).

    Parameters
    ----------
    instance
        The file whose tables to read.

    Raises
    ------
    CorruptError
        It has none that make sense.
    """

    def __init__(self, instance: Instance) -> None:
        self._dataset, self._path = instance.dataset, instance.path
        probe = self._lookup(np.arange(256, dtype=np.uint8).reshape(16, 16))
        descriptor = instance.get("RedPaletteColorLookupTableDescriptor")
        entries = int(descriptor[0]) or 65536
        if entries > 256:
            probe = self._lookup(np.arange(65536, dtype=np.uint16).reshape(256, 256))
        self._shift = self._eight_in_sixteen(probe)
        self.dtype = np.dtype(np.uint8) if self._shift else probe.dtype

    @staticmethod
    def _eight_in_sixteen(colours: Array) -> bool:
        """Say whether 16-bit colours hold 8 bits: in the high byte, with the low one empty or the same."""
        if colours.dtype != np.uint16:
            return False
        high, low = colours >> 8, colours & 0xFF
        return bool((low == 0).all() or (low == high).all())

    def __call__(self, stored: Array) -> Array:
        """Return colours, RGB last."""
        colours = self._lookup(stored)
        return (colours >> 8).astype(np.uint8) if self._shift else colours

    def _lookup(self, stored: Array) -> Array:
        from pydicom.pixels import apply_color_lut

        try:
            with quiet():
                return np.asarray(apply_color_lut(stored, self._dataset))[..., :3]
        except MLArrayError:
            raise
        except PARSING as error:
            brief = " ".join(str(error).split())[:120]
            raise CorruptError(
                f"its palette can't be used ({brief})",
                path=self._path,
                hint="Keep indices with -o palette=index",
            ) from error
