"""What a picture's header says, before anything is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_pictures import bmp, jpeg, png
from mlarray_pictures.signature import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD = 1 << 18
"""Bytes that are read for the header."""
LONG_HEAD = 1 << 24
"""The same for JPEG, when colour profile or preview fill many segments of 64 KB before it."""
PREMULTIPLIED = "premultiplied"
"""What `source` says of an alpha that the colours are multiplied by."""
DEFLATE_BEST = 1032
JPEG_BEST = 2000
"""The most bytes that one byte can stand for; JPEG spends two bits at least on each block."""


@dataclass(frozen=True)
class Header:
    """What one picture is.

    Parameters
    ----------
    kind
        Which codec.
    shape
        Height and width, and samples of a pixel where there are several.
    dtype
        Name of the type of a sample.
    source
        What else is worth keeping.
    """

    kind: Kind
    shape: tuple[int, ...]
    dtype: str
    source: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))} {self.dtype}"


def read_header(path: Path, *, colours: bool) -> Header:
    """Read the header of a file.

    Parameters
    ----------
    path
        Of the file.
    colours
        Whether a palette's colours are wanted instead of its indices.

    Raises
    ------
    CorruptError
        It makes no sense, or describes more than the file can hold.
    UnsupportedError
        It is no picture, or one of a rare kind.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        kind = kind_of(head)
        if kind == "jpeg" and not any(_is_frame(marker) for marker, _ in jpeg.segments(head)):
            head += file.read(LONG_HEAD - HEAD)
    if kind is None:
        raise UnsupportedError("is no picture", path=path)
    readers = {"png": _png, "jpeg": _jpeg, "bmp": _bmp, "jpeg2000": _jpeg2000, "webp": _webp}
    try:
        header = _png(head, colours) if kind == "png" else readers[kind](head)
    except (struct.error, IndexError, ValueError) as error:
        raise CorruptError(f"its {kind} header is damaged ({error})", path=path) from error
    except (CorruptError, UnsupportedError) as error:
        error.path = str(path)
        raise
    _check_size(header, path)
    return header


def _check_size(header: Header, path: Path) -> None:
    size = path.stat().st_size
    pixels = header.shape[0] * header.shape[1]
    best = {"png": DEFLATE_BEST * 8, "jpeg": JPEG_BEST, "bmp": 8}.get(header.kind)
    if 0 in header.shape or (best is not None and pixels > size * best):
        raise CorruptError(f"its header says {header}, which {size:,} bytes can't hold", path=path)


def _picture(kind: Kind, height: int, width: int, samples: int, dtype: str, **source: Any) -> Header:
    shape = (height, width, samples) if samples > 1 else (height, width)
    return Header(kind, shape, dtype, source)


def _png(head: bytes, colours: bool = False) -> Header:
    ihdr = png.parse_ihdr(head)
    dtype = "bool" if ihdr.depth == 1 else "uint16" if ihdr.depth == 16 else "uint8"
    source: dict[str, Any] = {"bits": ihdr.depth, **_png_extras(head, ihdr.colour)}
    if ihdr.colour == png.PALETTE:
        if colours:
            return _picture("png", ihdr.height, ihdr.width, 3, "uint8", **source)
        dtype = "uint8"
    return _picture("png", ihdr.height, ihdr.width, png.SAMPLES[ihdr.colour], dtype, **source)


def _png_extras(head: bytes, colour: int) -> dict[str, Any]:
    """Return what a PNG says before its pixels beyond them: frames, and the colour that is transparent.

    PNG specification, third edition, 11.3.2.1 (tRNS) and 11.3.6.1 (acTL).
    """
    found: dict[str, Any] = {}
    at = 8
    while at + 12 <= len(head):
        size, kind = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        data = head[at + 8 : at + 8 + size]
        if kind == b"acTL" and len(data) == 8:
            found["frames"] = int.from_bytes(data[:4], "big")
        elif kind == b"tRNS" and colour in (png.GREY, png.RGB):
            found["transparent"] = list(struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2]))
        elif kind == b"IDAT":
            break
        at += 12 + size
    return found


def _jpeg(head: bytes) -> Header:
    source: dict[str, Any] = {}
    adobe: bytes | None = None
    for marker, segment in jpeg.segments(head):
        if marker in (jpeg.END, jpeg.START_OF_SCAN):
            break
        if marker == 0xE1 and segment[:6] == b"Exif\0\0":
            turn = _orientation(segment[6:])
            source |= {"orientation": turn} if turn else {}
        if marker == 0xEE and segment[:5] == b"Adobe":
            adobe = segment
        if marker == 0xE2 and segment[:4] == b"MPF\0":
            source["others"] = "further pictures follow this one (MPO)"
        if _is_frame(marker):
            bits, height, width, samples = struct.unpack(">B2HB", segment[:6])
            if samples not in (1, 3, 4):
                raise UnsupportedError(f"is a JPEG of {samples} samples a pixel")
            source |= {"lossless": marker in jpeg.LOSSLESS, **jpeg.colours_of(samples, adobe)}
            return _picture("jpeg", height, width, samples, "uint8" if bits <= 8 else "uint16", **source)
    raise ValueError("no frame header")


def _is_frame(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


def _orientation(exif: bytes) -> int:
    """Return EXIF's orientation, 0 when there is none (EXIF 2.3, 4.6.4 A)."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 0
    (at,) = struct.unpack_from(f"{order}I", exif, 4)
    count = struct.unpack_from(f"{order}H", exif, at)[0] if at + 2 <= len(exif) else 0
    for entry in range(at + 2, min(at + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind = struct.unpack_from(f"{order}2H", exif, entry)
        if (tag, kind) == (0x0112, 3):
            return int(struct.unpack_from(f"{order}H", exif, entry + 8)[0])
    return 0


def _bmp(head: bytes) -> Header:
    found = bmp.parse(head)
    return _picture("bmp", found.height, found.width, found.samples, "uint8")


def _jpeg2000(head: bytes) -> Header:
    """Find the codestream and read its SIZ segment (ITU-T T.800, A.5.1)."""
    at = head.index(b"\xff\x4f\xff\x51")
    right, down, left, top = struct.unpack_from(">4I", head, at + 8)
    (samples,) = struct.unpack_from(">H", head, at + 40)
    parts = [struct.unpack_from(">3B", head, at + 42 + 3 * i) for i in range(samples)]
    if not 1 <= samples <= 4 or len({part[0] for part in parts}) > 1 or any(p[1:] != (1, 1) for p in parts):
        raise UnsupportedError("is a JPEG 2000 picture whose samples differ in size or type")
    bits = (parts[0][0] & 127) + 1
    if bits > 16 or right <= left or down <= top:
        raise UnsupportedError(f"is a JPEG 2000 picture of {bits} bits a sample")
    name = ("int" if parts[0][0] & 128 else "uint") + ("8" if bits <= 8 else "16")
    source = {"bits": bits, **_wavelet(head, at), **_opacity(head[:at])}
    return _picture("jpeg2000", down - top, right - left, samples, name, **source)


def _opacity(boxes: bytes) -> dict[str, Any]:
    """Return whether colours are multiplied by opacity: type 2 of a channel definition (T.800, I.5.3.6)."""
    at = boxes.find(b"cdef")
    if at < 0:
        return {}
    (count,) = struct.unpack_from(">H", boxes, at + 4)
    kinds = [struct.unpack_from(">3H", boxes, at + 6 + 6 * channel)[1] for channel in range(count)]
    return {"alpha": PREMULTIPLIED} if 2 in kinds else {}


def _wavelet(head: bytes, start: int) -> dict[str, Any]:
    """Return whether the wavelet loses nothing: 0 is irreversible, 1 reversible (T.800, table A.20).

    A reversible one may still have been cut off, so nothing is said of it.
    """
    at = head.find(b"\xff\x52", start)
    return {"lossless": False} if 0 <= at < len(head) - 13 and head[at + 13] == 0 else {}


def _webp(head: bytes) -> Header:
    """Read the first chunk (RFC 9649): extended, lossless or lossy."""
    kind = head[12:16]
    if kind == b"VP8X":
        alpha, animated = head[20] & 16, head[20] & 2
        if animated:
            raise UnsupportedError("is an animated WebP picture")
        width, height = (int.from_bytes(head[a : a + 3], "little") + 1 for a in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height, alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bits >> 28 & 1
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(head[a : a + 2], "little") & 0x3FFF for a in (26, 28))
        alpha = 0
    else:
        raise ValueError(f"chunk {kind!r}")
    return _picture("webp", height, width, 4 if alpha else 3, "uint8", lossless=b"VP8L" in head[12:4096])


_STAY = frozenset(
    {"kind", "bits", "palette", "transparent", "lossless", "colour_model", "orientation", "frames"}
)
"""What a header says about its pixels."""


def deidentified(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header without its texts, and without the names of the slices of a folder."""
    return {name: value for name, value in source.items() if name in _STAY}
