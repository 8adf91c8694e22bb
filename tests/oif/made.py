"""OIF and OIB of known content: settings, a TIFF for each plane, and for OIB a compound file around them.

The settings are laid out as FluoView writes them; the compound file follows Microsoft's [MS-CFB].
"""

from __future__ import annotations

import io
import struct

import numpy as np

SECTOR = 512
END, FAT, FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def settings(shape):
    channels, planes, rows, columns = shape
    axes = [
        ("X", columns, 0, 255, "pixel"),
        ("Y", rows, 0, 255, "pixel"),
        ("C", channels, 1, channels, "Ch"),
        ("Z", planes, 1000, 1000 + 400 * (planes - 1), "nm"),
    ]
    text = "[ProfileSaveInfo]\r\nName=OibSaveInfo\r\nVersion=1\r\n"
    text += '[Axis Parameter Common]\r\nAxisOrder="XYCZ"\r\n'
    for number in range(8):
        code, size, first, last, unit = axes[number] if number < 4 else ("", 0, 0, 0, "")
        text += (
            f'[Axis {number} Parameters Common]\r\nAxisCode="{code}"\r\nMaxSize={size}\r\n'
            f'StartPosition={first}\r\nEndPosition={last}\r\nUnitName="{unit}"\r\n'
        )
    for number, (name, emission) in enumerate([("DAPI", 461), ("GFP", 510)][:channels], 1):
        text += (
            f'[GUI Channel {number} Parameters]\r\nCH Name="CHS{number}"\r\nDyeName="{name}"\r\n'
            f"EmissionWavelength={emission}\r\nExcitationWavelength=405\r\n"
        )
    text += (
        '[Reference Image Parameter]\r\nValidBitCounts=12\r\nWidthConvertValue=0.25\r\nWidthUnit="um"\r\n'
        'HeightConvertValue=0.5\r\nHeightUnit="um"\r\n'
    )
    return b"\xff\xfe" + text.encode("utf-16-le")


def planes(voxels):
    import tifffile

    for channel, z in np.ndindex(voxels.shape[:2]):
        out = io.BytesIO()
        tifffile.imwrite(out, voxels[channel, z])
        yield f"s_C{channel + 1:03}Z{z + 1:03}.tif", out.getvalue()


def write_oif(path, voxels):
    path.write_bytes(settings(voxels.shape))
    folder = path.with_name(f"{path.name}.files")
    folder.mkdir()
    for name, content in planes(voxels):
        (folder / name).write_bytes(content)
    return path


def write_oib(path, voxels):
    streams = {"Stream00000": settings(voxels.shape)}
    info = (
        "[OibSaveInfo]\r\nName=OibSaveInfo\r\nVersion=1\r\nMainFileName=Stream00000\r\nStream00000=a.oif\r\n"
    )
    for number, (name, content) in enumerate(planes(voxels), 1):
        info += f"Stream{number:05}=Storage00001/{name}\r\n"
        streams[f"Stream{number:05}"] = content
    info += "Storage00001=a.oif.files\r\n"
    streams = {"OibInfo.txt": b"\xff\xfe" + info.encode("utf-16-le"), **streams}
    path.write_bytes(compound(streams))
    return path


def compound(streams):
    """Return a compound file of version 3 whose streams all lie in sectors, none being called small."""
    entries = [_entry("Root Entry", 5, END, 0, child=1)]
    data, fat = b"", []
    for number, (name, content) in enumerate(streams.items(), 1):
        count = -(-len(content) // SECTOR)
        start = len(fat)
        fat += [*range(start + 1, start + count), END]
        data += content.ljust(count * SECTOR, b"\0")
        following = number + 1 if number < len(streams) else FREE
        entries.append(_entry(name, 2, start, len(content), right=following))
    directory = b"".join(entries)
    directory = directory.ljust(-(-len(directory) // SECTOR) * SECTOR, b"\0")
    at = len(fat)
    fat += [*range(at + 1, at + len(directory) // SECTOR), END]
    tables = -(-(len(fat) + len(fat) // 100 + 2) // (SECTOR // 4))
    first = len(fat)
    fat += [FAT] * tables
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(tables * SECTOR, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHHHI", 0x3E, 3, 0xFFFE, 9, 6, 0, 0)
    head += struct.pack("<IIIIIIIII", 0, tables, at, 0, 0, END, 0, END, 0)
    places = [first + number if number < tables else FREE for number in range(109)]
    return head + struct.pack("<109I", *places) + data + directory + table


def _entry(name, kind, start, size, *, right=FREE, child=FREE):
    spelt = (name + "\0").encode("utf-16-le")
    return (
        spelt.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(spelt), kind, 1, FREE, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
