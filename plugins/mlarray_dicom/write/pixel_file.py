"""A DICOM file whose frames are written one after the other, encoded where that is asked for."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

import numpy as np

from mlarray_core.errors import OptionError, UnsupportedError
from mlarray_dicom.header.tags import DOUBLE_PIXELS, FLOAT_PIXELS, PIXEL_DATA
from mlarray_dicom.parsing import PARSING, quiet
from mlarray_dicom.syntaxes import EXPLICIT, RLE

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pydicom.dataset import Dataset

    from mlarray_dicom.write.frames import Array

SYNTAXES = {
    "none": EXPLICIT,
    "rle": RLE,
    "jpegls": "1.2.840.10008.1.2.4.80",
    "jpeg2000": "1.2.840.10008.1.2.4.90",
}
"""Transfer syntaxes by the name of the option; all of them lossless (PS3.5, A.4)."""
_LARGEST = 2**32 - 2
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


class PixelFile:
    """A file that gets its header at once and then its frames.

    Parameters
    ----------
    target
        The file.
    header
        Everything but the pixels; says how they are stored.
    frames
        How many there will be.
    dtype
        Of the stored values.

    Raises
    ------
    UnsupportedError
        The pixels are more than one element can hold.
    OptionError
        Real numbers can't be compressed.
    """

    def __init__(self, target: Path, header: Dataset, frames: int, dtype: np.dtype[np.generic]) -> None:
        self._header, self._dtype = header, dtype
        self._syntax = str(header.file_meta.TransferSyntaxUID)
        self._encoded = self._syntax != EXPLICIT
        if self._encoded and dtype.kind == "f":
            raise OptionError(
                "parametric maps of real numbers can't be compressed", path=target, field="compression"
            )
        count = int(header.Rows) * int(header.Columns) * int(header.SamplesPerPixel) * frames
        self._length = count * dtype.itemsize
        if not self._encoded and self._length > _LARGEST:
            raise UnsupportedError(
                f"{self._length:,} bytes of voxels are more than one DICOM file holds (4 GiB)",
                path=target,
                hint="Compress them (-o compression=rle), or write a folder of slices (NAME.dcms)",
            )
        self._target = target
        with quiet():
            header.save_as(target, enforce_file_format=True)
        self._file: IO[bytes] = target.open("ab")
        self._begin()

    def _begin(self) -> None:
        """Write the head of the element (PS3.5, 7.1.2), and an empty offset table before encoded pixels."""
        if self._encoded:
            self._file.write(_head(PIXEL_DATA, b"OB", 0xFFFFFFFF) + _ITEM + bytes(4))
        elif self._dtype.kind == "f":
            double = self._dtype.itemsize == 8
            tag, vr = (DOUBLE_PIXELS, b"OD") if double else (FLOAT_PIXELS, b"OF")
            self._file.write(_head(tag, vr, self._length))
        else:
            vr = b"OW" if self._dtype.itemsize > 1 else b"OB"
            self._file.write(_head(PIXEL_DATA, vr, self._length + self._length % 2))

    def add(self, stored: Array) -> None:
        """Write one frame of stored values, rows x columns (x samples)."""
        if not self._encoded:
            little = np.ascontiguousarray(stored, self._dtype.newbyteorder("<"))
            self._file.write(little.reshape(-1).view("u1").data)
            return
        content = self._encode(np.ascontiguousarray(stored))
        content += b"\0" * (len(content) % 2)
        self._file.write(_ITEM + struct.pack("<I", len(content)) + content)

    def _encode(self, stored: Array) -> bytes:
        from pydicom.pixels import get_encoder

        header = self._header
        try:
            with quiet():
                return bytes(
                    get_encoder(self._syntax).encode(
                        stored,
                        rows=header.Rows,
                        columns=header.Columns,
                        samples_per_pixel=header.SamplesPerPixel,
                        number_of_frames=1,
                        bits_allocated=header.BitsAllocated,
                        bits_stored=header.BitsStored,
                        pixel_representation=header.PixelRepresentation,
                        photometric_interpretation=header.PhotometricInterpretation,
                        planar_configuration=header.get("PlanarConfiguration"),
                    )
                )
        except (RuntimeError, *PARSING) as error:
            raise UnsupportedError(
                f"its voxels can't be compressed so ({str(error).strip().splitlines()[-1]})",
                path=self._target,
                hint="Take another -o compression, or none",
            ) from error

    def __enter__(self) -> PixelFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file as file:
            if kind is None and self._encoded:
                file.write(_DELIMITER + bytes(4))
            elif kind is None and self._length % 2:
                file.write(b"\0")


def _head(tag: int, vr: bytes, length: int) -> bytes:
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, length)


def pixel_module(header: Dataset, plane: tuple[int, ...], dtype: np.dtype[np.generic], bits: int) -> None:
    """Say in a header how pixels are stored (PS3.3, C.7.6.3, C.7.6.24, C.7.6.25).

    Parameters
    ----------
    header
        Gets the attributes.
    plane
        Rows, columns, and samples where there are several.
    dtype, bits
        Of the stored values, and how many bits of them are used.
    """
    header.Rows, header.Columns = plane[:2]
    header.SamplesPerPixel = plane[2] if len(plane) > 2 else 1
    header.PhotometricInterpretation = "RGB" if len(plane) > 2 else "MONOCHROME2"
    if len(plane) > 2 and header.file_meta.TransferSyntaxUID == SYNTAXES["jpeg2000"]:
        header.PhotometricInterpretation = "YBR_RCT"  # PS3.5, 8.2.4: the encoder makes it of RGB
    header.BitsAllocated = 8 * dtype.itemsize
    if len(plane) > 2:
        header.PlanarConfiguration = 0
    if dtype.kind != "f":
        header.BitsStored, header.HighBit = bits, bits - 1
        header.PixelRepresentation = int(dtype.kind == "i")
