"""Stored values of single frames: found in the file, decoded, with bits that aren't theirs removed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlarray_core.errors import CorruptError, MLArrayError, UnsupportedError
from mlarray_dicom.instance import inflate
from mlarray_dicom.parsing import PARSING
from mlarray_dicom.pixels.codestream import RLE_MOST, frame_size
from mlarray_dicom.pixels.decoders import decoder_of, own_decoder_of
from mlarray_dicom.pixels.direct import decoded
from mlarray_dicom.pixels.fragments import frames_of
from mlarray_dicom.pixels.layout import SUBSAMPLED
from mlarray_dicom.syntaxes import BIG, DEFLATED, DEFLATED_FRAMES, EXPLICIT, JPEG2000, JPEG_XL, NATIVE, RLE

if TYPE_CHECKING:
    from mlarray_dicom.instance import Instance
    from mlarray_dicom.pixels.fragments import Fragment
    from mlarray_dicom.pixels.layout import PixelLayout

Array = np.ndarray[Any, Any]


class FramePixels:
    """The frames of one file.

    Parameters
    ----------
    instance
        The file.
    layout
        How it stores samples.

    Raises
    ------
    UnsupportedError
        It holds none, or no decoder knows how they are compressed.
    MissingDependencyError
        No decoder for its compression is installed.
    """

    def __init__(self, instance: Instance, layout: PixelLayout) -> None:
        if instance.pixels is None:
            raise UnsupportedError("holds no pixel data", path=instance.path)
        self._path, self._syntax, self._data = instance.path, instance.syntax, instance.pixels
        self._size, self.layout = instance.size, layout
        table = instance.get("ExtendedOffsetTable")
        self._own = own_decoder_of(self._syntax, self._path)
        if self._syntax not in NATIVE and self._own is None:
            decoder_of(self._syntax, self._path)
        self._extended = list(np.frombuffer(table, "<u8").tolist()) if isinstance(table, bytes) else None

    def __getitem__(self, number: int) -> Array:
        """Return the stored values of one frame, colours as RGB last.

        Raises
        ------
        CorruptError
            The frame is damaged, or is no frame of this size.
        MissingDependencyError
            No decoder for its compression is installed.
        """
        if self._syntax in NATIVE:
            return self._native(number)
        return self._compressed(number)

    def _native(self, number: int) -> Array:
        layout = self.layout
        if layout.allocated == 1:
            return self._bits(number)
        size = layout.bits // 8
        data = self._words(number * size, size) if self._is_swapped else self._read(number * size, size)
        if layout.samples > 1 and (layout.photometric.startswith("YBR") or layout.photometric in SUBSAMPLED):
            return self._decoded(data, EXPLICIT)
        order: Literal[">", "<"] = ">" if self._syntax == BIG else "<"
        values = np.frombuffer(data, layout.dtype.newbyteorder(order))
        if layout.planar and layout.samples > 1:
            values = values.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0)
        return self._used(values.reshape(layout.shape).astype(layout.dtype, copy=False))

    @property
    def _is_swapped(self) -> bool:
        """Whether 8-bit samples lie in 16-bit words of the other byte order (PS3.5, annex A.3)."""
        return self._syntax == BIG and self.layout.allocated == 8 and self._data.vr == "OW"

    def _words(self, at: int, size: int) -> bytes:
        """Return bytes out of big endian words."""
        begin, end = at - at % 2, at + size + (at + size) % 2
        words = np.frombuffer(self._read(begin, end - begin), "<u2").byteswap().tobytes()
        return words[at - begin :][:size]

    def _bits(self, number: int) -> Array:
        """Unpack a frame of single bits, which needn't begin at a byte (PS3.5, 8.1.1)."""
        layout = self.layout
        begin = number * layout.bits
        first, last = begin // 8, -(-(begin + layout.bits) // 8)
        packed = np.frombuffer(self._read(first, last - first), np.uint8)
        bits = np.unpackbits(packed, bitorder="little")[begin - 8 * first :][: layout.bits]
        return bits.reshape(layout.shape)

    def _read(self, at: int, size: int) -> bytes:
        if self._syntax == DEFLATED:
            data = self._inflated[self._data.at + at :][:size]
        else:
            with self._path.open("rb") as file:
                file.seek(self._data.at + at)
                data = file.read(size)
        if len(data) < size:
            raise CorruptError("the file is cut short within its pixel data", path=self._path)
        return data

    @cached_property
    def _inflated(self) -> bytes:
        return inflate(self._path, self._data.at + self.layout.nbytes)

    def _used(self, values: Array) -> Array:
        """Return samples with only their own bits: overlays and dirt in others are none (PS3.5, 8.1.1)."""
        layout = self.layout
        if layout.kind == "float" or layout.stored == layout.allocated:
            return values
        below = layout.high + 1 - layout.stored
        moved = np.right_shift(values, below) if below else values
        own: Array = np.bitwise_and(moved, values.dtype.type((1 << layout.stored) - 1))
        if layout.signed:  # a tenth of what shifting up and down takes, which no processor does by the dozen
            sign = values.dtype.type(1 << (layout.stored - 1))
            own ^= sign
            own -= sign
        return own

    @cached_property
    def _frames(self) -> list[list[Fragment]]:
        return frames_of(self._path, self._data.at, self.layout.frames, self._extended)

    def _compressed(self, number: int) -> Array:
        with self._path.open("rb") as file:
            parts = []
            for at, length in self._frames[number]:
                file.seek(at)
                parts.append(file.read(length))
        data = b"".join(parts)
        self._check_size(data)
        if self._own is not None:
            return self._used(self._decoded_here(data))
        values = decoded(data, self._syntax, self.layout)
        if values is None:
            from pydicom.encaps import encapsulate

            values = self._decoded(encapsulate([data], has_bot=False), self._syntax)
        bits = (frame_size(data) or (0, 0, 0, 0))[3]
        trusted = self._syntax in JPEG2000 or bits > self.layout.stored
        return values if trusted or self.layout.samples > 1 else self._sign(values)

    def _decoded_here(self, data: bytes) -> Array:
        assert self._own is not None
        try:
            values = self._own(data, self.layout)
        except (*PARSING, RuntimeError, OSError) as error:
            raise self._undecodable(error) from error
        if values.dtype.itemsize != self.layout.dtype.itemsize or values.dtype.kind == "f":
            raise CorruptError(
                f"a frame decodes to {values.dtype}, not to {self.layout.dtype}", path=self._path
            )
        return values.view(self.layout.dtype)

    def _sign(self, values: Array) -> Array:
        """Extend the sign of samples that a decoder gave as unsigned ones."""
        if self._syntax == RLE or self.layout.signed:
            return self._used(values)
        return values

    def _check_size(self, data: bytes) -> None:
        """Refuse a frame that isn't what the header says, before anything is allocated for it."""
        layout = self.layout
        if self._syntax == DEFLATED_FRAMES:
            return  # inflates to no more bytes than the layout has
        if self._syntax == RLE:
            fits = layout.bits // 8 <= RLE_MOST * len(data)
            found: object = f"{len(data):,} bytes of RLE"
        else:
            size = frame_size(data)
            if size is None:
                raise CorruptError("its compressed pixel data have no readable header", path=self._path)
            samples = {layout.samples, 1, *((0,) if self._syntax in JPEG_XL else ())}
            fits = size[:2] == (layout.rows, layout.columns) and size[2] in samples
            found = f"{size[0]} x {size[1]} pixels with {size[2]} sample{'s' if size[2] > 1 else ''}"
        if not fits:
            raise CorruptError(
                f"its header describes {layout.rows} x {layout.columns} pixels of {layout.samples} samples, "
                f"its pixel data hold {found}",
                path=self._path,
            )

    def _decoded(self, data: bytes, syntax: str) -> Array:
        layout = self.layout
        decoder = decoder_of(syntax, self._path)
        options: dict[str, Any] = {
            "rows": layout.rows,
            "columns": layout.columns,
            "samples_per_pixel": layout.samples,
            "photometric_interpretation": layout.photometric,
            "bits_allocated": layout.allocated,
            "bits_stored": layout.stored,
            "pixel_representation": int(layout.signed),
            "number_of_frames": 1,
            "pixel_keyword": "PixelData",
        }
        if layout.samples > 1:
            options["planar_configuration"] = int(layout.planar)
        try:
            values, _ = decoder.as_array(data, index=0, **options)
        except (*PARSING, RuntimeError, OSError) as error:
            raise self._undecodable(error) from error
        if values.shape != layout.shape:
            raise CorruptError(f"a frame decodes to {values.shape}, not {layout.shape}", path=self._path)
        return np.asarray(values).astype(layout.dtype, copy=False)

    def _undecodable(self, error: Exception) -> MLArrayError:
        brief = " ".join(str(error).split())[:200]
        return CorruptError(
            f"its pixel data can't be decoded ({type(error).__name__}: {brief})",
            path=self._path,
            hint="Fetch or export it again",
        )
