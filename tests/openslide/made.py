"""Slides of known content, by the layouts that OpenSlide documents (openslide.org/formats)."""

from __future__ import annotations

import io
import sqlite3
import struct
from contextlib import closing

import numpy as np

SIDE = 64
SLIDE_ID = "0123456789ABCDEF0123456789ABCDEF"


def png(voxels):
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(voxels).save(out, "PNG")
    return out.getvalue()


def write_mirax(path, planes, holes=()):
    """Write levels, each of half the size; `holes` are tiles (row, column) of level 0 that are left out."""
    folder = path.with_suffix("")
    folder.mkdir()
    rows, columns = planes[0].shape[0] // SIDE, planes[0].shape[1] // SIDE
    data, entries = bytearray(b"x" * 37), []
    for level, plane in enumerate(planes):
        own = []
        for row in range(plane.shape[0] // SIDE):
            for column in range(plane.shape[1] // SIDE):
                if level == 0 and (row, column) in holes:
                    continue
                tile = png(np.ascontiguousarray(plane[row * SIDE :, column * SIDE :][:SIDE, :SIDE]))
                index = (row << level) * columns + (column << level)
                own.append((index, len(data), len(tile), 0))
                data += tile
        entries.append(own)
    head = b"01.02" + SLIDE_ID.encode()
    roots = len(head)
    hier = roots + 8
    lists = hier + 4 * len(planes)
    pages = lists + 8 * len(planes)
    pointers, starts, content = b"", b"", b""
    for number, own in enumerate(entries):
        pointers += struct.pack("<i", lists + 8 * number)
        starts += struct.pack("<ii", 0, pages + len(content))
        content += struct.pack("<ii", len(own), 0) + b"".join(struct.pack("<iiii", *one) for one in own)
    index = head + struct.pack("<ii", hier, 0) + pointers + starts + content
    (folder / "Index.dat").write_bytes(index)
    (folder / "Data0000.dat").write_bytes(bytes(data))
    (folder / "Slidedat.ini").write_bytes(b"\xef\xbb\xbf" + _ini(rows, columns, len(planes)).encode())
    preview = io.BytesIO()
    from PIL import Image

    Image.fromarray(np.zeros((30, 40, 3), "u1")).save(preview, "JPEG")
    path.write_bytes(preview.getvalue())
    return path


def _ini(rows, columns, levels):
    text = (
        f"[GENERAL]\r\nSLIDE_ID = {SLIDE_ID}\r\nIMAGENUMBER_X = {columns}\r\nIMAGENUMBER_Y = {rows}\r\n"
        "OBJECTIVE_MAGNIFICATION = 20\r\nCameraImageDivisionsPerSide = 1\r\n"
        "[HIERARCHICAL]\r\nHIER_COUNT = 1\r\nNONHIER_COUNT = 0\r\nINDEXFILE = Index.dat\r\n"
        f"HIER_0_NAME = Slide zoom level\r\nHIER_0_COUNT = {levels}\r\n"
    )
    for level in range(levels):
        text += f"HIER_0_VAL_{level}_SECTION = LAYER_0_LEVEL_{level}_SECTION\r\n"
    text += "[DATAFILE]\r\nFILE_COUNT = 1\r\nFILE_0 = Data0000.dat\r\n"
    for level in range(levels):
        text += (
            f"[LAYER_0_LEVEL_{level}_SECTION]\r\nOVERLAP_X = 0\r\nOVERLAP_Y = 0\r\n"
            f"MICROMETER_PER_PIXEL_X = {0.25 * 2**level}\r\nMICROMETER_PER_PIXEL_Y = {0.5 * 2**level}\r\n"
            "IMAGE_FORMAT = PNG\r\nIMAGE_FILL_COLOR_BGR = 16711680\r\n"
            f"DIGITIZER_WIDTH = {SIDE}\r\nDIGITIZER_HEIGHT = {SIDE}\r\n"
            f"IMAGE_CONCAT_FACTOR = {int(level > 0)}\r\n"
        )
    return text


def write_vmu(path, voxels):
    """Write a Hamamatsu slide of plain pixels ("NGR"): one column, 12 of 16 bits."""
    rows, columns, _ = voxels.shape
    start = 64
    head = (
        b"GN" + bytes(2) + struct.pack("<iii", columns, rows, columns) + bytes(8) + struct.pack("<i", start)
    )
    pixels = (voxels.astype("<u2") << 4).tobytes()
    for name, content in (("b_image.ngr", pixels), ("b_map.ngr", pixels)):
        (path.parent / name).write_bytes(head.ljust(start, b"\0") + content)
    path.write_text(
        "[Uncompressed Virtual Microscope Specimen]\r\nNoLayers=1\r\n"
        "ImageFile=b_image.ngr\r\nMapFile=b_map.ngr\r\n"
        f"PhysicalWidth={columns * 460}\r\nPhysicalHeight={rows * 460}\r\nPhysicalMacroWidth=1\r\n"
        "PhysicalMacroHeight=1\r\nBitsPerPixel=36\r\nPixelOrder=RGB\r\nSourceLens=20\r\n"
    )
    return path


def write_vms(path, planes):
    """Write a Hamamatsu slide of JPEGs beside one another, with a map a quarter as wide, and a macro.

    OpenSlide cuts tiles where the restart markers are: 8 blocks of 8 pixels here.
    """
    from PIL import Image

    picture = np.concatenate(planes, axis=1)
    content = {f"s_image{number}.jpg": plane for number, plane in enumerate(planes)}
    content |= {"s_map.jpg": picture[::4, ::4], "s_macro.jpg": picture[::2, ::2]}
    for name, plane in content.items():
        one = Image.fromarray(np.ascontiguousarray(plane))
        one.save(path.parent / name, "JPEG", quality=95, subsampling=0, restart_marker_blocks=8)
    rows, columns, _ = picture.shape
    files = "".join(f"ImageFile({number},0)=s_image{number}.jpg\r\n" for number in range(1, len(planes)))
    path.write_text(
        f"[Virtual Microscope Specimen]\r\nNoLayers=1\r\nNoJpegColumns={len(planes)}\r\nNoJpegRows=1\r\n"
        f"ImageFile=s_image0.jpg\r\n{files}MapFile=s_map.jpg\r\nMacroImage=s_macro.jpg\r\n"
        f"PhysicalWidth={columns * 460}\r\nPhysicalHeight={rows * 460}\r\nPhysicalMacroWidth=1\r\n"
        "PhysicalMacroHeight=1\r\nSourceLens=20\r\n"
    )
    return path


def grey_jpeg(voxels):
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(voxels)).save(out, "JPEG", quality=95)
    return out.getvalue()


def write_svslide(path, planes):
    """Write a slide of Sakura's: an SQLite database of JPEGs, one for each colour of a tile."""
    rows, columns, _ = planes[0].shape
    parts = {
        "++MagicBytes": b"SVGigaPixelImage",
        "++VersionBytes": b"1.0.0",
        "Header": struct.pack("<IIIII", SIDE, columns, rows, 0, 1),  # the last: focal planes
    }
    for level, plane in enumerate(planes):
        step = SIDE << level
        for row, column, colour in np.ndindex(plane.shape[0] // SIDE, plane.shape[1] // SIDE, 3):
            tile = plane[row * SIDE :, column * SIDE :, colour][:SIDE, :SIDE]
            parts[f"T;{column * step}|{row * step};{1 << level};{colour};0"] = grey_jpeg(tile)
    tables = {
        "DataManagerSQLiteConfigXPO": {"TableName": "Tiles1"},
        "SVSlideDataXPO": {
            "OID": 1, "SlideId": "one", "Date": "2020", "Description": "", "Creator": "", "DiagnosisCode": "",
            "Keywords": "", "m_labelScan": 0, "m_overviewScan": 0,
        },
        "SVHRScanDataXPO": {
            "OID": 1, "ParentSlide": 1, "ScanId": "a", "Date": "2020", "Name": "", "Description": "",
            "ResolutionMmPerPix": 0.00046, "NominalLensMagnification": 20.0, "FocussingMethod": "",
        },
    }  # fmt: skip
    with closing(sqlite3.connect(path)) as base, base:
        for name, values in tables.items():
            base.execute(f"CREATE TABLE {name} ({', '.join(values)})")
            base.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", list(values.values()))
        base.execute("CREATE TABLE Tiles1 (id TEXT, size INTEGER, data BLOB)")
        rows = [(name, len(content), content) for name, content in parts.items()]
        base.executemany("INSERT INTO Tiles1 VALUES (?, ?, ?)", rows)
    return path
