"""Parts that a file leaves out: filled where a rule says with what, else refused with a count."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile

import mlarray
from mlarray_core.errors import CorruptError, LimitError
from mlarray_io.api import read
from mlarray_tiff.read.codec_headers import pixels_in

from .pages import write_pages

VOXELS = np.arange(1, 1801, dtype="u2").reshape(3, 20, 30)


def page(plane, rows=20):
    return (20, 30, [plane[at : at + rows].tobytes() for at in range(0, 20, rows)], None, None)


def test_a_page_that_is_left_out_is_zero(tmp_path):
    """Offset 0 and count 0: "missing blocks are 0 or nodata" (GDAL, GTiff driver, "Sparse files").

    rasterio 1.4.4 (GDAL 3.10) reads 0; tifffile 2026.3.3 reads the file's own header: 18761 is "II".
    """
    write_pages(tmp_path / "a.tif", [page(VOXELS[0]), (20, 30, [], [0], [0]), page(VOXELS[2])])
    voxels = np.asarray(read(tmp_path / "a.tif"))
    np.testing.assert_array_equal(voxels[1], np.zeros((20, 30)))
    np.testing.assert_array_equal(voxels[[0, 2]], VOXELS[[0, 2]])


def test_a_page_that_is_left_out_is_nodata_where_gdal_says_so(tmp_path):
    nodata = (42113, 2, [*b"9\0"])
    pages = [page(VOXELS[0]), (20, 30, [], [0], [0]), page(VOXELS[2])]
    write_pages(tmp_path / "a.tif", pages, extra=(nodata,))
    np.testing.assert_array_equal(np.asarray(read(tmp_path / "a.tif"))[1], np.full((20, 30), 9))


def test_the_first_page_may_be_the_one_that_is_left_out(tmp_path):
    write_pages(tmp_path / "a.tif", [(20, 30, [], [0], [0]), page(VOXELS[1])])
    voxels = np.asarray(read(tmp_path / "a.tif"))
    assert not voxels[0].any()
    np.testing.assert_array_equal(voxels[1], VOXELS[1])


def test_a_place_without_a_size_and_a_size_without_a_place_are_damage(tmp_path):
    """libtiff: "Invalid strip byte count 0"; a compressed strip of unknown size can't be read."""
    strips = [zlib.compress(VOXELS[0][at : at + 5].tobytes()) for at in range(0, 20, 5)]
    whole = [len(strip) for strip in strips]
    write_pages(tmp_path / "a.tif", [(20, 30, strips, None, [0] * 4)], rows=5, compression=8)
    with pytest.raises(CorruptError, match="4 of 4 segments have a place and no size"):
        read(tmp_path / "a.tif")
    write_pages(tmp_path / "b.tif", [(20, 30, strips, [0] * 4, whole)], rows=5, compression=8)
    with pytest.raises(CorruptError, match="segment 0 has no place"):
        np.asarray(read(tmp_path / "b.tif"))


def test_uncompressed_strips_without_a_size_are_read_and_said(tmp_path):
    """tifffile reads zeros in place of tiles without a size, libtiff what lies there."""
    strips = [VOXELS[0][at : at + 5].tobytes() for at in range(0, 20, 5)]
    write_pages(tmp_path / "a.tif", [(20, 30, strips, None, [0] * 4)], rows=5)
    np.testing.assert_array_equal(np.asarray(read(tmp_path / "a.tif")), VOXELS[0])
    done = mlarray.convert(tmp_path / "a.tif", tmp_path / "a.mla")
    assert any("segments of it have no size" in note for note in done.warnings)


def test_tiles_without_a_size_are_refused_with_a_count_and_may_be_filled(tmp_path):
    """Aperio's slides have some, "apparently due to an encoder bug" (OpenSlide's reader of them)."""
    strips = [zlib.compress(VOXELS[0][at : at + 5].tobytes()) for at in range(0, 20, 5)]
    counts = [len(strips[0]), 0, len(strips[2]), len(strips[3])]
    write_pages(tmp_path / "a.tif", [(20, 30, strips, None, counts)], rows=5, compression=8)
    with pytest.raises(CorruptError, match="1 of 4 segments") as caught:
        mlarray.read(tmp_path / "a.tif")
    assert "missing=fill" in caught.value.hint
    done = mlarray.convert(tmp_path / "a.tif", tmp_path / "a.mla", options={"missing": "fill"})
    assert any("1 of its segments have no size" in note for note in done.warnings)
    expected = VOXELS[0].copy()
    expected[5:10] = 0
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.mla").to_numpy(), expected)


@pytest.mark.parametrize("rows", [5, 6])
def test_sizes_of_uncompressed_strips_are_computed_where_they_are_0(tmp_path, rows):
    """As Pillow 13 reads them; tifffile gives zeros. The last strip is shorter (TIFF 6.0, page 39)."""
    strips = [VOXELS[0][at : at + rows].tobytes() for at in range(0, 20, rows)]
    write_pages(tmp_path / "a.tif", [(20, 30, strips, None, [0] * len(strips))], rows=rows)
    np.testing.assert_array_equal(np.asarray(read(tmp_path / "a.tif")), VOXELS[0])


def test_strips_in_another_order_on_a_later_page(tmp_path):
    """Each page says where its own strips are (TIFF 6.0, "StripOffsets"), whatever the first one's order."""
    write_pages(tmp_path / "a.tif", [page(VOXELS[0], 5), page(VOXELS[1], 5)], rows=5)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        tags = file.pages[1].aspage().tags
        at, offsets = tags[273].valueoffset, tags[273].value
    struct.pack_into("<4I", content, at, *reversed(offsets))
    (tmp_path / "a.tif").write_bytes(content)
    turned = VOXELS[1].reshape(4, 5, 30)[::-1].reshape(20, 30)
    np.testing.assert_array_equal(np.asarray(read(tmp_path / "a.tif")), [VOXELS[0], turned])


def test_an_imagej_stack_of_one_page_that_was_cut_is_refused(tmp_path):
    """48 planes promised, 24 there, behind the voxels of one page (ImageJ writes so over 4 GB)."""
    planes = np.arange(24 * 600, dtype="u2").tobytes()
    text = "ImageJ=1.53t\nimages=48\nslices=48\nunit=um\nspacing=2\n"
    write_pages(tmp_path / "a.tif", [(20, 30, [planes], None, [1200])], text)
    with pytest.raises(CorruptError, match="promises 48 planes, the file holds at most 24"):
        np.asarray(read(tmp_path / "a.tif"))
    write_pages(tmp_path / "b.tif", [(20, 30, [planes], None, [1200])], text.replace("48", "24"))
    assert read(tmp_path / "b.tif").shape == (24, 20, 30)


def micromanager(path, offsets, planned):
    """Write a stack as Micro-Manager does: summary and index map by place, voxels 162 bytes behind a page."""
    summary = b'{"MicroManagerVersion": "1.4", "Frames": %d, "Slices": 1, "Channels": 1}' % planned
    out = bytearray(b"II*\0" + struct.pack("<I", 0))
    out += struct.pack("<8I", 54773648, 0, 483765892, 0, 99384722, 0, 2355492, len(summary)) + summary
    out += b"\0" * (len(out) % 2)
    places, link, kept = [], 4, b'{"a":1}\0'
    for plane in VOXELS[:2]:
        at = len(out)
        places.append(at)
        struct.pack_into("<I", out, link, at)
        tags = [
            (256, 4, 1, 30), (257, 4, 1, 20), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1),
            (273, 4, 1, at + 162), (278, 4, 1, 20), (279, 4, 1, 1200), (51123, 2, 8, at + 2 + 12 * 10 + 4),
        ]  # fmt: skip
        link = at + 2 + 12 * len(tags)
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
        out += (b"\0" * 4 + kept).ljust(at + 162 - len(out), b"\0") + plane.tobytes()
    index = [(0, 0, frame, 0, places[frame] if offset is None else offset) for frame, offset in offsets]
    struct.pack_into("<2I", out, 8, 54773648, len(out))
    out += struct.pack("<2I", 3453623, len(index)) + b"".join(struct.pack("<5I", *entry) for entry in index)
    path.write_bytes(out)


def test_a_micro_manager_plane_beyond_the_end_is_refused_and_not_the_header(tmp_path):
    path = tmp_path / "a_MMStack.ome.tif"
    micromanager(path, [(0, None), (1, 1 << 20)], 2)
    with tifffile.TiffFile(path, is_ome=False) as file:
        assert file.series[0].kind == "mmstack"
    with pytest.raises(CorruptError, match="1 of 2 planes are missing"):
        np.asarray(read(path))
    micromanager(path, [(0, None), (1, None)], 2)
    np.testing.assert_array_equal(np.asarray(read(path)), VOXELS[:2])


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("shape", [(5, 1, 1), (2, 3, 1, 1), (7, 1, 4), (4, 5, 1)])
def test_pages_of_one_pixel(tmp_path, compression, shape):
    voxels = np.arange(1, np.prod(shape) + 1, dtype="u2").reshape(shape)
    tifffile.imwrite(tmp_path / "a.tif", voxels, compression=compression, photometric="minisblack")
    np.testing.assert_array_equal(np.asarray(read(tmp_path / "a.tif")).ravel(), voxels.ravel())


@pytest.mark.parametrize(
    "encode",
    ["webp", "jpegxl", "jpegxl_container", "jpegxl_small", "jpegxr", "lerc", "lerc_deflate", "png", "jpeg2k"],
)
def test_codecs_that_say_how_many_pixels_they_hold(encode):
    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 3), "u1")
    coded = {
        "webp": lambda: imagecodecs.webp_encode(picture),
        "jpegxl": lambda: imagecodecs.jpegxl_encode(picture),
        "jpegxl_container": lambda: imagecodecs.jpegxl_encode(picture, usecontainer=True),
        "jpegxl_small": lambda: imagecodecs.jpegxl_encode(picture[:63, :47]),
        "jpegxr": lambda: imagecodecs.jpegxr_encode(picture),
        "lerc": lambda: imagecodecs.lerc_encode(picture[..., 0].astype("f4")),
        "lerc_deflate": lambda: zlib.compress(imagecodecs.lerc_encode(picture[..., 0].astype("f4"))),
        "png": lambda: imagecodecs.png_encode(picture),
        "jpeg2k": lambda: imagecodecs.jpeg2k_encode(picture),
    }[encode]()
    assert pixels_in(bytes(coded)) == (63 * 47 if encode == "jpegxl_small" else 64 * 96)


def test_lerc_within_zstandard_says_how_many_pixels_it_holds():
    packed = bytes(imagecodecs.zstd_encode(imagecodecs.lerc_encode(np.zeros((64, 96), "f4"))))
    assert pixels_in(packed, 1 << 20) == 64 * 96
    assert pixels_in(packed) == 0  # a segment that is no LERC isn't decoded twice
    with pytest.raises(ValueError, match="Zstd"):
        pixels_in(bytes(imagecodecs.zstd_encode(bytes(1 << 20))), 1 << 16)


@pytest.mark.parametrize("codec", ["webp", "jpegxl", "lerc", "lerc_zstd"])
def test_a_segment_that_claims_far_more_than_its_page_is_refused_before_it_is_decoded(tmp_path, codec):
    flat = np.zeros((4000, 4000, 3), "u1")
    coded = {
        "webp": (50001, lambda: imagecodecs.webp_encode(flat)),
        "jpegxl": (50002, lambda: imagecodecs.jpegxl_encode(flat, effort=1)),
        "lerc": (34887, lambda: imagecodecs.lerc_encode(flat[..., 0])),
        "lerc_zstd": (34887, lambda: imagecodecs.zstd_encode(imagecodecs.lerc_encode(flat[..., 0]))),
    }
    code, make = coded[codec]
    strip, samples = bytes(make()), 1 if code == 34887 else 3
    # LercParameters (GDAL): version 4, and within nothing or Zstandard
    extra = ((50674, 4, [4, 2 if codec == "lerc_zstd" else 0]),) if code == 34887 else ()
    path = tmp_path / "a.tif"
    write_pages(path, [(20, 30, [strip], None, None)], bits=8, photometric=2 if samples == 3 else 1,
                samples=samples, compression=code, extra=extra)  # fmt: skip
    with pytest.raises(LimitError, match="holds 16,000,000 pixels instead of 600"):
        np.asarray(read(path))


def test_a_flat_picture_is_no_bomb(tmp_path):
    """150 MB of zeros in 5 kB of Zstandard: the ratio is absurd, the size isn't."""
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((10_000, 15_000), "u1"), compression="zstd", rowsperstrip=10_000
    )
    assert not np.asarray(read(tmp_path / "a.tif")[:10]).any()


def test_private_names_still_exist(tmp_path):
    """What `private_names` uses of tifffile: the pages that were given, not those that are computed."""
    from mlarray_tiff.read.private_names import stored_pages

    tifffile.imwrite(tmp_path / "a.tif", VOXELS, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(stored_pages(file.series[0])) == 1
        assert len(file.series[0]) == 3


def test_ome_xml_that_places_no_planes(tmp_path):
    """One image, as many planes as pages: they lie in DimensionOrder, as an empty TiffData would say."""
    sizes = 'SizeX="30" SizeY="20" SizeZ="%d" SizeC="1" SizeT="1" PhysicalSizeX="2" PhysicalSizeXUnit="Mm"'
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" {sizes} '
        'PhysicalSizeY="2" PhysicalSizeYUnit="Mm"/></Image></OME>'
    )
    write_pages(tmp_path / "a.ome.tif", [page(plane) for plane in VOXELS], xml % 3)
    image = read(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(np.asarray(image), VOXELS)
    assert image.meta.spatial.axis_units == ["", "Mm", "Mm"]  # megametres: units are case-sensitive
    write_pages(tmp_path / "b.ome.tif", [page(plane) for plane in VOXELS], xml % 4)
    with pytest.raises(CorruptError, match="don't fit its OME-XML"):
        read(tmp_path / "b.ome.tif")


def test_jpeg_xr_that_would_end_the_process_is_refused(tmp_path, monkeypatch):
    """The whole file is read in another process, which may crash; here it is made to."""
    import mlarray_tiff

    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 3), "u1")
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        tiles = {"compression": "jpegxr", "photometric": "rgb", "tile": (32, 32)}
        file.write(picture, subifds=1, **tiles)
        file.write(picture[::2, ::2], subfiletype=1, **tiles)
    np.testing.assert_array_equal(np.asarray(read(tmp_path / "a.tif")), tifffile.imread(tmp_path / "a.tif"))
    library = tmp_path / "library"
    library.mkdir()
    (library / "crashes_for_tests.py").write_text(
        "import os, signal\ndef opened(path, context, key, options): os.kill(os.getpid(), signal.SIGFPE)"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "a.tif").rename(tmp_path / "data" / "a.tif")
    monkeypatch.syspath_prepend(library)
    monkeypatch.setattr(mlarray_tiff, "OPENED_IN_CHILD", "crashes_for_tests:opened")
    with pytest.raises(CorruptError, match="SIGFPE"):
        np.asarray(read(tmp_path / "data" / "a.tif"))
