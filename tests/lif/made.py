"""LIF files of known content, by Leica's "Image File Format" 2.0: blocks, and XML that describes them.

Nobody's program writes LIF but Leica's; the tests of real files are in tests/real.
"""

from __future__ import annotations

import struct

IDS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "λ": 5, "M": 10}
HEAD = (
    '<LMSDataContainerHeader Version="2"><Element Name="made"><Children>{}</Children></Element>'
    "</LMSDataContainerHeader>"
)


def element(name, number, voxels, axes, lengths, origins=None, units=None, *, bgr=False):
    """Describe one image: `axes` are slowest first, C inside or outside as it lies."""
    origins, units = origins or {}, units or {}
    strides = dict(zip(axes, voxels.strides, strict=True))
    channels = voxels.shape[axes.index("C")] if "C" in axes else 3 if "S" in axes else 1
    stride = strides.get("C", strides.get("S", 0))
    tags = (3, 2, 1) if bgr else (0,) * channels
    described = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="{tags[c]}" Resolution="{8 * voxels.itemsize}" '
        f'NameOfMeasuredQuantity="" Min="0" Max="255" Unit="" LUTName="LUT {c}" IsLUTInverted="0" '
        f'BytesInc="{c * stride}" BitInc="0"/>'
        for c in range(channels)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{IDS[axis]}" NumberOfElements="{size}" '
        f'Origin="{origins.get(axis, 0)}" Length="{lengths.get(axis, 0)}" '
        f'Unit="{units.get(axis, "s" if axis == "T" else "m")}" BytesInc="{strides[axis]}" BitInc="0"/>'
        for axis, size in reversed(list(zip(axes, voxels.shape, strict=True)))
        if axis not in "CS"
    )
    return (
        f'<Element Name="{name}"><Data><Image><ImageDescription><Channels>{described}</Channels>'
        f"<Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{voxels.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
    )


def block(text):
    encoded = text.encode("utf-16-le")
    return struct.pack("<IIBI", 0x70, len(encoded) + 5, 0x2A, len(encoded) // 2) + encoded


def memory(number, content):
    name = f"MemBlock_{number}"
    head = struct.pack("<BQBI", 0x2A, len(content), 0x2A, len(name)) + name.encode("utf-16-le")
    return struct.pack("<II", 0x70, len(head)) + head + content


def write_lif(path, images):
    """Write images, each a list of the arguments of `element` after the number."""
    elements = [element(name, at, *told[0], **told[1]) for at, (name, *told) in enumerate(images)]
    content = block(HEAD.format("".join(elements)))
    for at, (_, told, _) in enumerate(images):
        content += memory(at, told[0].tobytes())
    path.write_bytes(content)
