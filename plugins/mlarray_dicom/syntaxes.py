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
_PROFILES = {
    100: "MPEG2 Main Profile / Main Level",
    101: "MPEG2 Main Profile / High Level",
    102: "MPEG-4 AVC/H.264 High Profile / Level 4.1",
    103: "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    104: "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    105: "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    106: "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
}
VIDEO = {
    **{f"1.2.840.10008.1.2.4.{n}{end}": name for n, name in _PROFILES.items() for end in ("", ".1")},
    "1.2.840.10008.1.2.4.107": "HEVC/H.265 Main Profile / Level 5.1",
    "1.2.840.10008.1.2.4.108": "HEVC/H.265 Main 10 Profile / Level 5.1",
}
"""Films: all fragments make one bit stream (PS3.5, A.4.5 to A.4.9); .1 allows several of them."""
