"""Transfer syntaxes by UID (PS3.6, table A-1), as far as they are distinguished here."""

from __future__ import annotations

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
"""The whole data set deflated (PS3.5, A.5)."""
NATIVE = frozenset({IMPLICIT, EXPLICIT, BIG, DEFLATED})
"""Pixels lie in one value, uncompressed."""
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression: each frame deflated on its own (PS3.5, A.4.13)."""
RLE = "1.2.840.10008.1.2.5"
JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
JPEG2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 92, 93, 201, 202, 203))
JPEG_XL = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}
NAMES = {**JPEG_XL, DEFLATED_FRAMES: "Deflated Image Frame Compression"}
"""Names of those that pydicom 3.0 doesn't know."""
