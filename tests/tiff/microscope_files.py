"""LSM, STK and stacks of Micro-Manager of known content, byte by byte: no library writes them.

By Zeiss' "LSM file format" 4.0, Universal Imaging's "MetaMorph Stack (STK) image file format", and the page
"Micro-Manager File Formats" of its wiki.
"""

from __future__ import annotations

import json
import struct
from fractions import Fraction

import numpy as np
import tifffile

MAGIC = 67127628


def write_lsm(path, voxels, scan, sizes, *, metres, interval=0.0, stamps=(), names=(), colours=(), waves=(),
              positions=(), more=0):  # fmt: skip
    """Write planes and their thumbnails by turns: `voxels` is planes, (channels,) rows, columns."""
    info = np.zeros((), tifffile.TIFF.CZ_LSMINFO)
    info["MagicNumber"], info["StructureSize"] = MAGIC, info.nbytes
    info["ScanType"], info["TimeIntervall"], info["OffsetNextRecording"] = scan, interval, more
    for name, size in sizes.items():
        info[f"Dimension{name}"] = size
    for axis, size in zip("XYZ", metres, strict=True):
        info[f"VoxelSize{axis}"] = size
    separate = voxels.ndim == 4
    with tifffile.TiffWriter(path, byteorder="<") as file:
        for number, plane in enumerate(voxels):
            tags = [(34412, "B", info.nbytes, info.tobytes(), False)] if number == 0 else []
            file.write(
                plane, photometric="minisblack", planarconfig="separate" if separate else None,
                extratags=tags, contiguous=False, metadata=None, software=False,
            )  # fmt: skip
            small = np.zeros((3, 4, 4), "u1")
            file.write(small, photometric="rgb", planarconfig="separate", subfiletype=1, contiguous=False,
                       metadata=None, software=False)  # fmt: skip
    content = bytearray(path.read_bytes())
    blocks = {
        "TimeStamps": struct.pack("<ii", 8 + 8 * len(stamps), len(stamps)) + np.array(stamps, "<f8").tobytes()
    }
    if names:
        texts = b"".join(struct.pack("<I", len(name) + 1) + name.encode() + b"\0" for name in names)
        shown = bytes(part for colour in colours for part in (*colour, 0))
        head = struct.pack(
            "<6I", 24 + len(shown) + len(texts), len(names), len(names), 24, 24 + len(shown), 0
        )
        blocks["ChannelColors"] = head + shown + texts
    if waves:
        blocks["ChannelWavelength"] = struct.pack("<i", len(waves)) + np.array(waves, "<f8").tobytes()
    if positions:
        blocks["Positions"] = struct.pack("<I", len(positions)) + np.array(positions, "<f8").tobytes()
    for name, block in blocks.items():
        info[f"Offset{name}"] = len(content)
        content += block
    at = content.index(struct.pack("<I", MAGIC))
    content[at : at + info.nbytes] = info.tobytes()
    path.write_bytes(content)


def fraction(value):
    found = Fraction(value).limit_denominator(10_000)
    return [found.numerator, found.denominator]


def write_stk(path, voxels, *, depths, moments, size=None, unit="um", calibrated=1):
    """Write planes behind one page; `moments` are Julian days and milliseconds, `depths` distances."""
    planes, rows, columns = voxels.shape
    out = bytearray(b"II*\0\0\0\0\0")

    def put(content):
        at = len(out)
        out.extend(content + b"\0" * (len(content) % 2))
        return at

    pixels = put(voxels.tobytes())
    second = [[*fraction(depth), *moment, *moment] for depth, moment in zip(depths, moments, strict=True)]
    uic2 = put(np.array(second, "<u4").tobytes())
    entries = []
    if size is not None:
        text = unit.encode() + b"\0"
        entries = [
            (3, calibrated), (4, put(np.array(fraction(size[0]), "<u4").tobytes())),
            (5, put(np.array(fraction(size[1]), "<u4").tobytes())),
            (6, put(struct.pack("<I", len(text)) + text)),
        ]  # fmt: skip
    entries.append((7, put(struct.pack("<I", 5) + b"cell\0")))
    uic1 = put(np.array(entries, "<u4").tobytes())
    nbytes = voxels[0].nbytes
    tags = [
        (256, 4, 1, columns), (257, 4, 1, rows), (258, 3, 1, 8 * voxels.itemsize), (259, 3, 1, 1),
        (262, 3, 1, 1), (273, 4, 1, pixels), (277, 3, 1, 1), (278, 4, 1, rows), (279, 4, 1, nbytes),
        (33628, 4, len(entries), uic1), (33629, 5, planes, uic2),
    ]  # fmt: skip
    struct.pack_into("<I", out, 4, len(out))
    out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.write_bytes(out)


def write_mmstack(path, planes, summary, xml=""):
    """Write planes at (c, z, t, position), each with what is told of it; the first page has OME-XML."""
    text = json.dumps(summary).encode()
    out = bytearray(b"II*\0" + bytes(4))
    out += struct.pack("<8I", 54773648, 0, 483765892, 0, 99384722, 0, 2355492, len(text)) + text
    out += b"\0" * (len(out) % 2)
    index, link = [], 4
    for place, voxels, plane in planes:
        told = json.dumps(plane).encode() + b"\0"
        described = xml.encode() + b"\0" if xml and not index else b""
        at = len(out)
        struct.pack_into("<I", out, link, at)
        count = 12 if described else 11
        # voxels are 162 bytes behind a page, but for the first one of a file
        pixels = at + (6 + 12 * count if described else 162)
        end = pixels + voxels.nbytes
        tags = [
            (256, 4, 1, voxels.shape[1]), (257, 4, 1, voxels.shape[0]), (258, 3, 1, 8 * voxels.itemsize),
            (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, pixels), (277, 3, 1, 1), (278, 3, 1, voxels.shape[0]),
            (279, 4, 1, voxels.nbytes), (296, 3, 1, 3), (51123, 2, len(told), end),
        ]  # fmt: skip
        tags += [(270, 2, len(described), end + len(told))] if described else []
        link = at + 2 + 12 * count
        out += (
            struct.pack("<H", count) + b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags)) + bytes(4)
        )
        out += bytes(pixels - len(out)) + voxels.tobytes() + told + described
        out += b"\0" * (len(out) % 2)
        index.append((*place, at))
    struct.pack_into("<I", out, 12, len(out))
    out += struct.pack("<2I", 3453623, len(index)) + np.array(index, "<u4").tobytes()
    path.write_bytes(out)
