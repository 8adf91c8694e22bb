"""BMP, read here: imagecodecs' own decoder crashes on damaged files, and the format is a few lines.

Layout: Microsoft, "Bitmap Storage". Uncompressed pictures of 1, 4, 8, 24 and 32 bits; others are refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlarray_core.errors import CorruptError, UnsupportedError

if TYPE_CHECKING:
    import numpy as np

_RGB, _BITFIELDS, _ALPHABITFIELDS = 0, 3, 6
_BYTES = {0xFF << (8 * at): at for at in range(4)}


@dataclass(frozen=True)
class Bmp:
    """What the headers say.

    Parameters
    ----------
    width, height
        In pixels.
    upwards
        Whether the first row of the file is the lowest of the picture.
    bits
        Of one pixel.
    offset
        Where the pixels begin.
    palette
        Red, green and blue of each index.
    order
        Which bytes of a pixel of 24 or 32 bits are red, green, blue and, if it has one, alpha.
    """

    width: int
    height: int
    upwards: bool
    bits: int
    offset: int
    palette: tuple[tuple[int, int, int], ...]
    order: tuple[int, ...]

    @property
    def samples(self) -> int:
        """Samples of a decoded pixel: one for a palette of greys."""
        if self.bits <= 8:
            return 1 if all(r == g == b for r, g, b in self.palette) else 3
        return len(self.order)

    @property
    def row(self) -> int:
        """Bytes of a row, which is padded to four."""
        return (self.width * self.bits + 31) // 32 * 4


def parse(head: bytes) -> Bmp:
    """Read the headers.

    Raises
    ------
    UnsupportedError
        It is compressed, or of 16 bits.
    ValueError, struct.error
        They make no sense.
    """
    offset, size = struct.unpack_from("<2I", head, 10)
    method, used = _RGB, 0
    if size == 12:
        width, height, _, bits = struct.unpack_from("<4H", head, 18)
    else:
        width, height, _, bits, method = struct.unpack_from("<2i2HI", head, 18)
        (used,) = struct.unpack_from("<I", head, 46)
    if width <= 0 or not height or used > 1 << 16:
        raise ValueError(f"{width} x {height}, {used} colours")
    if bits not in (1, 4, 8, 24, 32) or method not in (_RGB, _BITFIELDS, _ALPHABITFIELDS):
        raise UnsupportedError(f"is a BMP of {bits} bits, compressed by method {method}")
    start = 14 + size + (4 * (3 + (method == _ALPHABITFIELDS)) if size == 40 and method else 0)
    palette = _palette(head[start:offset], used or 1 << bits, 3 if size == 12 else 4) if bits <= 8 else ()
    return Bmp(width, abs(height), height > 0, bits, offset, palette, _order(head, size, bits, method))


def _palette(content: bytes, count: int, step: int) -> tuple[tuple[int, int, int], ...]:
    entries = (content[at : at + 3] for at in range(0, min(len(content), count * step) - step + 1, step))
    return tuple((red, green, blue) for blue, green, red in entries)


def _order(head: bytes, size: int, bits: int, method: int) -> tuple[int, ...]:
    """Return the bytes of red, green, blue and alpha; masks that aren't whole bytes are refused."""
    if method == _RGB or bits <= 8:
        return (2, 1, 0)
    count = 4 if size >= 56 or method == _ALPHABITFIELDS else 3
    masks = struct.unpack_from(f"<{count}I", head, 54)
    order = [_BYTES.get(mask) for mask in masks if mask]
    if bits != 32 or None in order or len(set(order)) != len(order) or len(order) < 3:
        raise UnsupportedError("is a BMP whose colours aren't whole bytes")
    return tuple(at for at in order if at is not None)


def decode(content: bytes) -> np.ndarray[Any, Any]:
    """Return the pixels of a file.

    Raises
    ------
    CorruptError
        It is cut short, or an index has no colour.
    """
    import numpy as np

    bmp = parse(content)
    if bmp.offset + bmp.row * bmp.height > len(content):
        raise CorruptError("is cut short")
    rows = np.frombuffer(content, np.uint8, bmp.row * bmp.height, bmp.offset).reshape(bmp.height, bmp.row)
    rows = rows[::-1] if bmp.upwards else rows
    if bmp.bits > 8:
        step = bmp.bits // 8
        return rows[:, : bmp.width * step].reshape(bmp.height, bmp.width, step)[..., list(bmp.order)]
    indices = rows
    if bmp.bits < 8:
        split = np.unpackbits(rows, axis=1).reshape(bmp.height, -1, bmp.bits)
        indices = split @ (1 << np.arange(bmp.bits)[::-1]).astype(np.uint8)
    indices = indices[:, : bmp.width]
    if int(indices.max(initial=0)) >= len(bmp.palette):
        raise CorruptError("has an index without a colour")
    colours = np.array(bmp.palette, np.uint8)[indices]
    return colours[..., 0] if bmp.samples == 1 else colours
