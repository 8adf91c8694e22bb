"""What files say: axes, sizes and units, channels, times, colours, places, series, levels, other files."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from mlarray_core import Additions, AxisValues, geometry
from mlarray_core.errors import CorruptError, LimitError, NotFoundError, SelectionError, UnsupportedError
from mlarray_io import Context, Source
from mlarray_tiff import TiffFormat
from mlarray_tiff.options import TiffOptions
from mlarray_tiff.read.planes import align
from mlarray_tiff.scales import plain_scales, unit_of

NOISE = np.random.default_rng(0)
STACK = NOISE.integers(0, 60000, (2, 3, 4, 40, 50)).astype("u2")


def save(path, array, **options):
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(path, array, **options)
    return path


# axes, sizes, units


def test_ome(tmp_path, load):
    metadata = {
        "axes": "TCZYX",
        "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.25, "PhysicalSizeZ": 2.0,
        "TimeIncrement": 0.5, "TimeIncrementUnit": "ms",
        "Channel": {"Name": ["DAPI", "GFP", "µ"]},
    }  # fmt: skip
    path = save(tmp_path / "a.ome.tif", STACK, ome=True, metadata=metadata)
    image = load(path)
    np.testing.assert_array_equal(image.array, STACK)
    assert image.spatial.axis_labels == ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]
    assert image.spatial.spacing == [2.0, 0.25, 0.5]
    assert image.spatial.axis_units == ["ms", "", "um", "um", "nm"]
    assert image.spatial.coord_system is None
    additions = Additions.of(image.meta)
    assert additions.axes == {0: AxisValues("time", "ms", [0.0, 0.5])}
    assert [channel["name"] for channel in additions.channels] == ["DAPI", "GFP", "µ"]
    with tifffile.TiffFile(path) as file:
        assert image.meta.source["ome_xml"] == file.ome_metadata


def test_order_of_storage_is_not_the_order_of_axes(tmp_path, load):
    path = save(tmp_path / "a.ome.tif", STACK[0], ome=True, metadata={"axes": "ZCYX"})
    assert load(path).spatial.axis_labels[:2] == ["spatial_z", "channel"]


def test_imagej(tmp_path, load):
    metadata = {"axes": "TZYX", "spacing": 3.0, "unit": "micron", "finterval": 2.0}
    path = save(tmp_path / "a.tif", STACK[0], imagej=True, resolution=(1 / 0.5, 1 / 0.25), metadata=metadata)
    image = load(path)
    assert image.spatial.axis_labels == ["temporal", "spatial_z", "spatial_y", "spatial_x"]
    np.testing.assert_allclose(image.spatial.spacing, [3.0, 0.25, 0.5])
    assert image.spatial.axis_units == ["s", "um", "um", "um"]
    assert Additions.of(image.meta).axes[0].values == [0.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("axes", "label"), [("QYX", "other"), ("IYX", "sequence"), ("HYX", "lifetime"), ("AYX", "angle")]
)
def test_unknown_axes_are_not_z(tmp_path, load, axes, label):
    image = load(save(tmp_path / "a.tif", STACK[0, 0], metadata={"axes": axes}))
    assert image.spatial.axis_labels == ["non_spatial", "spatial_y", "spatial_x"]
    assert Additions.of(image.meta).axes == {0: AxisValues(label)}


@pytest.mark.parametrize("dpi", [72, 96, 100, 1])
@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
def test_default_resolution_is_no_pixel_size(tmp_path, load, dpi, unit):
    value = dpi if unit == "INCH" or dpi == 1 else dpi / 2.54
    path = save(
        tmp_path / "a.tif", STACK[0, 0, 0], resolution=(value, value), resolutionunit=unit, metadata=None
    )
    image = load(path)
    assert image.spatial.spacing is None
    assert "XResolution" in image.meta.source["tags"]


def test_real_resolution(tmp_path, load):
    path = save(
        tmp_path / "a.tif",
        STACK[0, 0, 0],
        resolution=(20000, 10000),
        resolutionunit="CENTIMETER",
        metadata=None,
    )
    image = load(path)
    assert image.spatial.spacing == [1 / 10000, 1 / 20000]
    assert image.spatial.axis_units == ["cm", "cm"]


@pytest.mark.parametrize("value", [(0, 0), (0, 1), (1, 0), "x", None, (2**32 - 1, 0)])
def test_senseless_resolution(value):
    assert plain_scales({282: value, 283: value, 296: 2}) == {}


@pytest.mark.parametrize(
    ("text", "unit"),
    [("\\u00B5m", "um"), ("\\u03BCm", "um"), ("µm", "um"), ("microns", "um"), ("inch", "inch"),
     ("pixel", ""), ("('cm',)", "cm"), ("Å", "Å"), ("mm\0", "mm")],
)  # fmt: skip
def test_units(text, unit):
    assert unit_of(text) == unit


def test_aperio(tmp_path, load):
    tile = {"tile": (64, 64), "photometric": "rgb", "metadata": None}
    path = tmp_path / "a.svs"
    colours = NOISE.integers(0, 255, (256, 384, 3)).astype("u1")
    words = "Aperio Image Library v1\r\n384x256 (64x64) JPEG/RGB Q=70|AppMag = 20|MPP = 0.4990"
    with tifffile.TiffWriter(path) as file:
        file.write(colours, description=words, **tile)
        file.write(colours[::8, ::8], description="Aperio Image Library v1\r\nthumbnail", **tile)
        file.write(colours[::4, ::4], description="Aperio Image Library v1\r\nlevel", **tile)
    image = load(path)
    assert image.spatial.spacing == [0.499, 0.499]
    assert image.spatial.axis_units == ["um", "um", ""]
    assert [array.shape for _, array in image.levels] == [(64, 96, 3)]
    assert image.levels[0][0].spatial.spacing == [4 * 0.499, 4 * 0.499]
    assert len(image.meta.source["other_series"]) == len(image.images) - 1 >= 1
    assert image.context.report.warnings


# values


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_types(tmp_path, load, dtype, order):
    array = (STACK[0, 0] % 100).astype(dtype)
    options = {"compression": "zlib"} if dtype != "c16" else {}
    path = save(tmp_path / "a.tif", array, byteorder=order, metadata={"axes": "ZYX"}, **options)
    image = load(path)
    assert image.array.dtype == array.dtype
    np.testing.assert_array_equal(image.array, array)


@pytest.mark.parametrize(
    "codec", ["lzw", "zlib", "packbits", "lzma", "zstd", "webp", "jpeg2000", "jpegxl", "png", "lerc"]
)
@pytest.mark.parametrize("tile", [None, (32, 16)])
def test_codecs(tmp_path, load, codec, tile):
    array = (STACK[0, 0, 0] % 251).astype("u1")
    if codec == "webp":
        array = np.stack([array] * 3, axis=2)
    options = {"photometric": "rgb" if codec == "webp" else "minisblack", "tile": tile}
    if codec in ("webp", "jpegxl", "jpeg2000"):
        options["compressionargs"] = {"lossless": True} if codec == "webp" else {"level": 100}
    path = save(tmp_path / "a.tif", array, compression=codec, metadata=None, **options)
    np.testing.assert_array_equal(load(path).array, tifffile.imread(path))


def test_palette_keeps_indices(tmp_path, load):
    colours = NOISE.integers(0, 65535, (3, 256)).astype("u2")
    array = (STACK[0, 0, 0] % 256).astype("u1")
    image = load(save(tmp_path / "a.tif", array, photometric="palette", colormap=colours, metadata=None))
    np.testing.assert_array_equal(image.array, array)
    assert image.meta.source["tags"]["ColorMap"] == colours.tolist()
    assert image.meta.source["tags"]["PhotometricInterpretation"] == 3


def test_white_is_zero_is_not_inverted(tmp_path, load):
    array = (STACK[0, 0, 0] % 256).astype("u1")
    image = load(save(tmp_path / "a.tif", array, photometric="miniswhite", metadata=None))
    np.testing.assert_array_equal(image.array, array)
    assert image.meta.source["tags"]["PhotometricInterpretation"] == 0


def test_jpeg_says_that_it_is_lossy(tmp_path, load):
    array = (STACK[0, 0, 0] % 256).astype("u1")
    image = load(save(tmp_path / "a.tif", array, compression="jpeg", metadata=None))
    assert Additions.of(image.meta).lossy == {"compression": "JPEG"}


@pytest.mark.parametrize("places", [(1,), (1, 2), (3,)])
def test_parts_that_the_file_leaves_out(tmp_path, load, places):
    tiles = [None if at in places else np.full((32, 32), at + 1, "u1") for at in range(4)]
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, iter(tiles), shape=(64, 64), dtype="u1", tile=(32, 32), compression="zlib", metadata=None
    )
    np.testing.assert_array_equal(load(path).array, tifffile.imread(path))


# where pixels lie


def geo_tags(raster_type, *, transform=False):
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, raster_type, 3072, 0, 1, 32633)
    place = [(33550, 12, 3, (10.0, 20.0, 0.0), False), (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 6e6, 0.0), False)]
    if transform:
        matrix = (10.0, 2.0, 0.0, 5e5, 1.0, -20.0, 0.0, 6e6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
        place = [(34264, 12, 16, matrix, False)]
    return [*place, (34735, 3, len(keys), keys, False)]


@pytest.mark.parametrize(("raster_type", "half"), [(1, 0.5), (2, 0.0)])
def test_geotiff(tmp_path, load, raster_type, half):
    path = save(tmp_path / "a.tif", STACK[0, 0, 0], extratags=geo_tags(raster_type), metadata=None)
    image = load(path)
    assert image.spatial.coord_system == "EPSG:32633"
    affine = geometry.affine_of(image.spatial)
    centre = affine @ [3, 7, 1]  # row, column
    np.testing.assert_allclose(centre, [5e5 + 10 * (7 + half), 6e6 - 20 * (3 + half), 1])


def test_sheared_geotiff(tmp_path, load):
    path = save(tmp_path / "a.tif", STACK[0, 0, 0], extratags=geo_tags(1, transform=True), metadata=None)
    affine = geometry.affine_of(load(path).spatial)
    column, row = 7.5, 3.5
    wanted = [5e5 + 10 * column + 2 * row, 6e6 + column - 20 * row, 1]
    np.testing.assert_allclose(affine @ [3, 7, 1], wanted)


# series, levels, other files


def test_series(tmp_path, load):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(STACK[0, 0], photometric="minisblack", metadata={"axes": "ZYX"})
        file.write(STACK[0, 0, 0, :10].astype("f4"), photometric="minisblack", metadata=None)
    first, second = load(path), load(path, image="1")
    assert [ref.primary for ref in first.images] == [True, False]
    np.testing.assert_array_equal(first.array, STACK[0, 0])
    np.testing.assert_array_equal(second.array, STACK[0, 0, 0, :10])
    assert first.meta.source["other_series"][0]["shape"] == [10, 50]
    assert any("--image" in text for text in first.context.report.warnings)


def pyramid(path):
    with tifffile.TiffWriter(path, ome=True) as file:
        options = {"tile": (32, 32), "photometric": "minisblack"}
        big = NOISE.integers(0, 255, (2, 256, 192)).astype("u1")
        metadata = {"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
        file.write(big, subifds=2, metadata=metadata, **options)
        file.write(big[:, ::2, ::2], subfiletype=1, **options)
        file.write(big[:, ::4, ::4], subfiletype=1, **options)
    return big


def test_levels(tmp_path, load):
    big = pyramid(tmp_path / "a.ome.tif")
    image = load(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(image.array, big)
    assert len(image.levels) == 2
    for number, (meta, array) in enumerate(image.levels, start=1):
        factor = 2**number
        np.testing.assert_array_equal(array, big[:, ::factor, ::factor])
        assert meta.spatial.spacing == [0.25 * factor, 0.5 * factor]
        chosen = load(tmp_path / "a.ome.tif", level=number)
        np.testing.assert_array_equal(chosen.array, array)
        assert chosen.spatial.spacing == meta.spatial.spacing
    with pytest.raises(SelectionError, match="levels 0 to 2"):
        load(tmp_path / "a.ome.tif", level=3)


def test_levels_of_a_map_keep_their_place(tmp_path, load):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        plane = STACK[0, 0, 0]
        options = {"photometric": "minisblack", "metadata": None, "tile": (16, 16)}
        file.write(plane, extratags=geo_tags(1), subifds=1, **options)
        file.write(plane[::2, ::2], subfiletype=1, **options)
    image = load(path)
    fine = geometry.affine_of(image.spatial)
    coarse = geometry.affine_of(image.levels[0][0].spatial)
    np.testing.assert_allclose(coarse @ [-0.5, -0.5, 1], fine @ [-0.5, -0.5, 1])
    np.testing.assert_allclose(coarse @ [19.5, 24.5, 1], fine @ [39.5, 49.5, 1])


XML = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" {root}><Image ID="Image:0" Name="many">
<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="50" SizeY="40" SizeZ="4" SizeC="1" SizeT="1"
PhysicalSizeX="0.1" PhysicalSizeY="0.1"><Channel ID="Channel:0:0"
SamplesPerPixel="1"/>{data}</Pixels></Image></OME>"""


def test_a_size_that_ome_xml_leaves_out_is_unknown(tmp_path, load):
    """OME-XML has no default for PhysicalSizeZ."""
    uuid = "urn:uuid:00000000-0000-0000-0000-000000000000"
    xml = XML.format(root=f'UUID="{uuid}"', data='<TiffData IFD="0" PlaneCount="4"/>')
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.zeros((4, 40, 50), "u2"),
        description=xml,
        metadata=None,
        photometric="minisblack",
    )
    image = load(tmp_path / "a.ome.tif")
    assert image.meta.spatial.axis_units == ["", "um", "um"]
    note = "the size of voxels along z is unknown: 1 stands for it, without a unit"
    assert note in image.context.report.warnings


def tiff_data(names, uuids):
    return "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID></TiffData>'
        for z, (name, uuid) in enumerate(zip(names, uuids, strict=True))
    )


def many_files(folder, *, binary_only=False):
    names = [f"z{z}.ome.tif" for z in range(4)]
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{z}" for z in range(4)]
    for z, name in enumerate(names):
        xml = XML.format(root=f'UUID="{uuids[z]}"', data=tiff_data(names, uuids))
        if binary_only:
            only = f'<BinaryOnly MetadataFile="all.companion.ome" UUID="{uuids[z]}"/>'
            space = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
            xml = f'<?xml version="1.0"?><OME xmlns="{space}" UUID="{uuids[z]}">{only}</OME>'
        tifffile.imwrite(
            folder / name, STACK[0, 0, z], description=xml, metadata=None, photometric="minisblack"
        )
    if binary_only:
        (folder / "all.companion.ome").write_text(XML.format(root="", data=tiff_data(names, uuids)))
    return [folder / name for name in names]


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("binary_only", [False, True])
def test_planes_in_many_files(tmp_path, load, which, binary_only):
    paths = many_files(tmp_path, binary_only=binary_only)
    image = load(paths[which])
    np.testing.assert_array_equal(image.array, STACK[0, 0])
    assert image.spatial.axis_units == ["", "um", "um"]


def test_a_companion_itself(tmp_path, load):
    many_files(tmp_path, binary_only=True)
    np.testing.assert_array_equal(load(tmp_path / "all.companion.ome").array, STACK[0, 0])


@pytest.mark.parametrize("binary_only", [False, True])
def test_every_plane_or_a_refusal(tmp_path, load, binary_only):
    paths = many_files(tmp_path, binary_only=binary_only)
    paths[2].unlink()
    with pytest.raises(NotFoundError, match=r"z2\.ome\.tif"):
        load(paths[0])
    alone = load(paths[0], ome=False)
    assert alone.array.shape == (40, 50)


def test_missing_companion(tmp_path, load):
    paths = many_files(tmp_path, binary_only=True)
    (tmp_path / "all.companion.ome").unlink()
    with pytest.raises(NotFoundError, match="companion"):
        load(paths[0])


def test_planes_that_the_xml_forgets(tmp_path, load):
    data = '<TiffData FirstZ="0" IFD="0" PlaneCount="2"/>'
    path = tmp_path / "a.ome.tif"
    xml = XML.format(root="", data=data)
    tifffile.imwrite(path, STACK[0, 0, :2], description=xml, metadata=None, photometric="minisblack")
    with pytest.raises(CorruptError, match="2 of 4 planes"):
        load(path)


# reading by boxes


def test_chunks_are_tiles_or_strips(tmp_path, load):
    tiled = save(tmp_path / "a.tif", STACK[0, 0], tile=(16, 32), compression="zlib", metadata={"axes": "ZYX"})
    assert load(tiled).chunks == (1, 16, 32)
    strips = save(
        tmp_path / "b.tif", STACK[0, 0], rowsperstrip=7, compression="lzw", metadata={"axes": "ZYX"}
    )
    assert load(strips).chunks == (1, 7, 50)
    assert load(save(tmp_path / "c.tif", STACK[0, 0], metadata={"axes": "ZYX"})).chunks is None


def test_a_box_decodes_only_its_tiles(tmp_path, monkeypatch):
    path = save(tmp_path / "a.tif", STACK[0, 0], tile=(16, 16), compression="zlib", metadata={"axes": "ZYX"})
    from mlarray_tiff.read.segments import Segments

    seen = []
    original = Segments._decoded
    monkeypatch.setattr(
        Segments, "_decoded", lambda self, page, index: seen.append(index) or original(self, page, index)
    )
    format, context = TiffFormat(), Context(threads=1)
    ref = format.images(Source(path), TiffOptions(), context)[0]
    with format.open(Source(path), ref, TiffOptions(), context) as reader:
        part = reader[slice(1, 2), slice(17, 20), slice(30, 34)]
    np.testing.assert_array_equal(part, STACK[0, 0][1:2, 17:20, 30:34])
    assert seen == [5, 6]


@given(
    outer=st.lists(st.integers(1, 4), max_size=3),
    page=st.tuples(*(st.integers(1, 4) for _ in range(5))),
)
def test_pages_are_aligned_with_series(outer, page):
    squeezed = [size for size in page if size != 1]
    places = align([*outer, *squeezed], page, int(np.prod(outer, initial=1)))
    assert places == [None] * len(outer) + [at for at, size in enumerate(page) if size != 1]
    assert align([*outer, *squeezed, 7], page, 3) is None


def test_limit(tmp_path, load):
    path = save(tmp_path / "a.tif", STACK)
    with pytest.raises(LimitError, match="max-bytes"):
        load(path, max_bytes=1000)


def test_nothing_decodes_it(tmp_path, load):
    path = save(tmp_path / "a.tif", STACK[0, 0, 0], compression="zlib", metadata=None)
    content = bytearray(path.read_bytes())
    at = content.index(b"\x03\x01\x03\x00\x01\x00\x00\x00\x08\x00")  # Compression, one SHORT, deflate
    content[at + 8 : at + 10] = (34676).to_bytes(2, "little")  # SGILOG
    path.write_bytes(content)
    with pytest.raises(UnsupportedError, match="SGILOG"):
        load(path)
