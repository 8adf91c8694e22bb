"""Files made to harm: refused in bounded time and memory; damaged ones refused or read as tifffile does."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile

from mlarray_core.errors import CorruptError, LimitError, MLArrayError, UnsafeError
from mlarray_io import Confidence, Source
from mlarray_tiff import TiffFormat
from mlarray_tiff.read.codec_headers import pixels_in

PLANES = np.random.default_rng(0).integers(0, 60000, (3, 40, 50)).astype("u2")
SPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


@contextmanager
def bounded(seconds=5.0, megabytes=64):
    """Fail when the body takes long or allocates much."""
    tracemalloc.start()
    started = time.perf_counter()
    try:
        yield
        assert time.perf_counter() - started < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


def directory(tags, following=0):
    """Return one page's directory, little-endian; each tag is code, type, count, value."""
    body = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return struct.pack("<H", len(tags)) + body + struct.pack("<I", following)


def plain_tags(width, height, *, offset=200, count=100, rows=None, compression=1, bits=8):
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, compression), (262, 3, 1, 1),
        (273, 4, 1, offset), (277, 3, 1, 1), (278, 4, 1, rows or height), (279, 4, 1, count),
    ]  # fmt: skip


def one_page(path, *arguments, voxels=b"", **more):
    head = b"II*\0" + struct.pack("<I", 8) + directory(plain_tags(*arguments, **more))
    path.write_bytes(head.ljust(200, b"\0") + voxels)
    return path


def ome_file(path, body, root=""):
    xml = f'<?xml version="1.0"?>{body}' if body.startswith("<!") else body
    if not body.startswith("<!"):
        xml = f'<?xml version="1.0"?><OME xmlns="{SPACE}" {root}>{body}</OME>'
    tifffile.imwrite(path, PLANES, description=xml.encode(), metadata=None, photometric="minisblack")
    return path


def image(data, sizes='SizeX="50" SizeY="40" SizeZ="3" SizeC="1" SizeT="1"'):
    return (
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" {sizes}>'
        f'<Channel ID="Channel:0" SamplesPerPixel="1"/>{data}</Pixels></Image>'
    )


# XML


def test_entities_are_refused(tmp_path, load):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    body = f'<!DOCTYPE OME [<!ENTITY l0 "ha">{laughs}]><OME xmlns="{SPACE}">&l11;</OME>'
    path = ome_file(tmp_path / "a.ome.tif", body)
    with bounded(), pytest.raises(UnsafeError, match="entities"):
        load(path)


def test_external_entities_are_refused(tmp_path, load):
    body = f'<!DOCTYPE OME [<!ENTITY x SYSTEM "file:///etc/passwd">]><OME xmlns="{SPACE}">&x;</OME>'
    with pytest.raises(UnsafeError):
        load(ome_file(tmp_path / "a.ome.tif", body))


def test_deep_nesting_is_refused(tmp_path, load):
    path = ome_file(tmp_path / "a.ome.tif", image("<TiffData/>") + "<a>" * 100_000 + "</a>" * 100_000)
    with bounded(), pytest.raises(CorruptError, match="nested"):
        load(path)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../out.tif", "a/../../out.tif", "..\\out.tif", "link.tif", "", ".", "folder"]
)
@pytest.mark.parametrize("how", ["plane", "companion"])
def test_names_that_leave_the_folder(tmp_path, load, name, how):
    inner = tmp_path / "inner"
    (inner / "folder").mkdir(parents=True)
    tifffile.imwrite(tmp_path / "out.tif", PLANES[0])
    (inner / "link.tif").symlink_to(tmp_path / "out.tif")
    if how == "plane":
        data = f'<TiffData IFD="0" PlaneCount="3"><UUID FileName="{name}">urn:uuid:other</UUID></TiffData>'
        path = ome_file(inner / "a.ome.tif", image(data), 'UUID="urn:uuid:own"')
    else:
        path = ome_file(inner / "a.ome.tif", f'<BinaryOnly MetadataFile="{name}" UUID="urn:uuid:own"/>')
    with pytest.raises(UnsafeError):
        load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipes_are_not_waited_for(tmp_path, load):
    os.mkfifo(tmp_path / "pipe.tif")
    data = '<TiffData IFD="0"><UUID FileName="pipe.tif">urn:uuid:other</UUID></TiffData>'
    with bounded(), pytest.raises(UnsafeError, match="no file"):
        load(ome_file(tmp_path / "a.ome.tif", image(data), 'UUID="urn:uuid:own"'))


def test_companions_in_a_circle(tmp_path, load):
    path = ome_file(tmp_path / "a.ome.tif", '<BinaryOnly MetadataFile="a.ome.tif" UUID="urn:uuid:own"/>')
    with bounded(), pytest.raises(CorruptError, match="each other"):
        load(path)


@pytest.mark.parametrize(
    "data",
    ['<TiffData PlaneCount="2000000000"/>', '<TiffData IFD="99999999" PlaneCount="1"/>',
     '<TiffData PlaneCount="-5"/>', '<TiffData PlaneCount="many"/>', '<TiffData FirstZ="999999999"/>'],
)  # fmt: skip
def test_absurd_planes(tmp_path, load, data):
    with bounded(), pytest.raises((LimitError, CorruptError)):
        load(ome_file(tmp_path / "a.ome.tif", image(data)))


@pytest.mark.parametrize("size", ["2000000000", "0", "-1", "1e9", "9" * 30])
def test_absurd_sizes(tmp_path, load, size):
    sizes = f'SizeX="50" SizeY="40" SizeZ="{size}" SizeC="1" SizeT="1"'
    with bounded(), pytest.raises((LimitError, CorruptError)):
        load(ome_file(tmp_path / "a.ome.tif", image("<TiffData/>", sizes)))


@pytest.mark.parametrize(
    "modulo",
    [
        'Start="0" End="1e15"',
        'Start="0" End="1" Step="1e-12"',
        'Start="nan" End="3"',
        'Start="0" End="3" Step="0"',
    ],
)
def test_absurd_modulo(tmp_path, load, modulo):
    annotation = (
        '<StructuredAnnotations><XMLAnnotation ID="Annotation:0" '
        'Namespace="openmicroscopy.org/omero/dimension/modulo">'
        f'<Value><Modulo><ModuloAlongZ Type="other" {modulo}/></Modulo></Value></XMLAnnotation>'
        "</StructuredAnnotations>"
    )
    with bounded(), pytest.raises(CorruptError):
        load(ome_file(tmp_path / "a.ome.tif", image("<TiffData/>") + annotation))


# pages


def chain(count, back_to=None):
    """Return a file of `count` pages of one pixel, the last of which points back."""
    size = 2 + 12 * 9 + 4
    places = [16 + size * at for at in range(count)]
    pages = []
    for at in range(count):
        following = places[at + 1] if at + 1 < count else (0 if back_to is None else places[back_to])
        pages.append(directory(plain_tags(1, 1, offset=8, count=1), following))
    return b"II*\0" + struct.pack("<I", 16) + bytes(8) + b"".join(pages)


@pytest.mark.parametrize(("count", "back_to"), [(1, 0), (2, 0), (4, 0), (25, 0), (50, 49)])
def test_a_chain_that_comes_back_ends(tmp_path, load, count, back_to):
    path = tmp_path / "a.tif"
    path.write_bytes(chain(count, back_to))
    with bounded():
        assert load(path).array.size == count


@pytest.mark.parametrize(("count", "back_to"), [(7, 0), (51, 40), (150, 0), (300, 299), (300, 100)])
def test_chains_in_a_circle_are_refused(tmp_path, load, count, back_to):
    path = tmp_path / "a.tif"
    path.write_bytes(chain(count, back_to))
    with bounded(seconds=10), pytest.raises(CorruptError, match="chain"):
        load(path)


def test_many_pages_are_fine(tmp_path, load):
    path = tmp_path / "a.tif"
    path.write_bytes(chain(2000))
    assert load(path).array.size == 2000


def test_too_many_pages(tmp_path, load, monkeypatch):
    monkeypatch.setattr("mlarray_tiff.scan.MOST_PAGES", 100)
    path = tmp_path / "a.tif"
    path.write_bytes(chain(101))
    with pytest.raises(LimitError, match="pages"):
        load(path)


# sizes


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (1, 2**32 - 1), (60000, 60000)])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 50000, 7])
def test_absurd_dimensions(tmp_path, load, size, compression):
    path = one_page(tmp_path / "a.tif", *size, voxels=bytes(100), compression=compression)
    with bounded(), pytest.raises(MLArrayError):
        load(path)


@pytest.mark.parametrize("rows", [1, 16, 2**32 - 1])
def test_more_segments_than_listed(tmp_path, load, rows):
    path = one_page(tmp_path / "a.tif", 1000, 50000, rows=rows, voxels=bytes(100), compression=8)
    with bounded(megabytes=128), pytest.raises(MLArrayError):
        load(path)


def test_deflate_bombs(tmp_path, load):
    bomb = zlib.compress(bytes(200 << 20), 9)
    path = one_page(tmp_path / "a.tif", 100, 100, voxels=bomb, count=len(bomb), compression=8)
    with bounded(), pytest.raises(CorruptError):
        load(path)


def test_a_tile_that_claims_more_than_deflate_can(tmp_path, load):
    tiny = zlib.compress(bytes(1000))
    path = one_page(tmp_path / "a.tif", 50000, 50000, voxels=tiny, count=len(tiny), compression=8)
    with bounded(), pytest.raises((CorruptError, LimitError), match="hold"):
        load(path)


def test_images_within_tiles_say_their_size():
    jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08" + struct.pack(">HH", 60000, 50000) + bytes(20)
    j2k = b"\xff\x4f\xff\x51\0\x29\0\0" + struct.pack(">II", 70000, 80000) + bytes(20)
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 9000, 8000) + bytes(20)
    assert [pixels_in(data) for data in (jpeg, j2k, png)] == [3_000_000_000, 5_600_000_000, 72_000_000]
    assert pixels_in(b"\xff\xd8") == pixels_in(b"\xff\xd8\xff") == pixels_in(b"") == 0


def test_a_jpeg_larger_than_its_tile(tmp_path, load):
    import imagecodecs

    small = imagecodecs.jpeg_encode(np.zeros((16, 16), "u1"))
    at = small.index(b"\xff\xc0")
    large = small[: at + 5] + struct.pack(">HH", 65000, 65000) + small[at + 9 :]
    path = one_page(tmp_path / "a.tif", 16, 16, voxels=large, count=len(large), compression=7)
    with bounded(), pytest.raises(MLArrayError):
        load(path)


def test_truncated(tmp_path, load):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANES, photometric="minisblack", metadata={"axes": "ZYX"})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorruptError):
        load(path)


@pytest.mark.parametrize(
    "content", [b"II*\0", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0" + bytes(20), b"II*\0" + b"\xff" * 12]
)
def test_hardly_a_file(tmp_path, load, content):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert TiffFormat().sniff(Source(path)) in Confidence
    with pytest.raises(CorruptError):
        load(path)


# damage


def samples(folder):
    """Small files of the kinds that programs write."""
    colours = np.random.default_rng(2).integers(0, 255, (48, 64, 3)).astype("u1")
    ome = {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.5}}
    tifffile.imwrite(
        folder / "ome.tif", PLANES, compression="zlib", tile=(16, 16), photometric="minisblack", **ome
    )
    tifffile.imwrite(folder / "imagej.tif", PLANES, imagej=True, metadata={"axes": "ZYX", "unit": "um"})
    tifffile.imwrite(
        folder / "lzw.tif", PLANES[0], compression="lzw", predictor=2, rowsperstrip=5, byteorder=">"
    )
    tifffile.imwrite(
        folder / "big.tif", colours, bigtiff=True, photometric="rgb", compression="packbits", tile=(32, 32)
    )
    tifffile.imwrite(folder / "jpeg.tif", colours, photometric="rgb", compression="jpeg", tile=(16, 16))
    tifffile.imwrite(
        folder / "zstd.tif", PLANES.astype("f4"), compression="zstd", predictor=3, photometric="minisblack"
    )
    with tifffile.TiffWriter(folder / "levels.tif", ome=True) as file:
        options = {"tile": (16, 16), "photometric": "minisblack"}
        file.write(PLANES, subifds=1, metadata={"axes": "CYX"}, **options)
        file.write(PLANES[:, ::2, ::2], subfiletype=1, **options)


def mutants(folder, count):
    samples(folder)
    worker = Path(__file__).with_name("mutant_worker.py")
    command = [sys.executable, str(worker), str(folder), "6", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 20 * count, check=False)
    assert done.returncode == 0, f"crashed after {done.stdout.splitlines()[-1:]}: {done.stderr[-2000:]}"
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == count
    wrong = [line for line in lines if line[2] not in ("same", "refused")]
    print(f"\n{count - len(wrong)} of {count} mutants: refused, or what tifffile reads")
    assert not wrong
    assert {line[2] for line in lines} == {"same", "refused"}
    assert "Traceback" not in done.stderr


def test_mutants(tmp_path):
    mutants(tmp_path, 40)


@pytest.mark.slow
def test_many_mutants(tmp_path):
    mutants(tmp_path, 500)
