"""What is written: exact values, valid OME-XML, sizes, channels, levels, colours, places; losses told."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlarray
from mlarray_core import Additions, AxisValues, Meta, geometry, reduce
from mlarray_core.errors import ArgumentError, UnsupportedError
from mlarray_tiff.ome.write import NAMESPACE, PIXEL_TYPES
from mlarray_tiff.write.plan import plan_of

NOISE = np.random.default_rng(0)
STACK = NOISE.integers(0, 60000, (2, 3, 4, 70, 90)).astype("u2")
SPACE = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


@cache
def schema():
    ome_types = pytest.importorskip("ome_types")
    xmlschema = pytest.importorskip("xmlschema")
    return xmlschema.XMLSchema(str(Path(ome_types.__file__).parent / "ome-2016-06.xsd"))


def valid_xml(path):
    """Return the root of a file's OME-XML, after checking it against the schema and with ome-types."""
    with tifffile.TiffFile(path) as file:
        xml = file.ome_metadata
    schema().validate(xml)
    import ome_types

    ome_types.from_xml(xml)
    return ElementTree.fromstring(xml)


def first_page(path):
    with tifffile.TiffFile(path) as file:
        return file.pages.first


def pixels_of(root):
    return root.find(f"{SPACE}Image/{SPACE}Pixels")


def described(labels, spacing=None, units=None, **more):
    meta = Meta(spatial={"axis_labels": labels, "spacing": spacing, "axis_units": units})
    Additions(**more).store(meta)
    return meta


TCZYX = ["temporal", "channel", "spatial_z", "spatial_y", "spatial_x"]


# values


@pytest.mark.parametrize("dtype", sorted(PIXEL_TYPES))
@pytest.mark.parametrize("compression", ["deflate", "lzw", "zstd", "none"])
def test_types(write, load, dtype, compression):
    array = (STACK[0, 0] % 3 == 0) if dtype == "bool" else (STACK[0, 0] % 100).astype(dtype)
    meta = described(TCZYX[2:])
    path, _ = write(array, meta, compression=compression, tile=32)
    assert pixels_of(valid_xml(path)).get("Type") == PIXEL_TYPES[dtype]
    for back in (load(path).array, tifffile.imread(path)):
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("dtype", ["i8", "u8", "f2"])
def test_types_that_ome_lacks_make_plain_tiff(write, load, dtype):
    array = (STACK[0, 0] % 100).astype(dtype)
    path, context = write(array, described(TCZYX[2:], [2.0, 0.5, 0.25], ["um"] * 3))
    assert any("plain TIFF" in text for text in context.report.warnings)
    back = load(path)
    np.testing.assert_array_equal(back.array, array)
    assert back.spatial.spacing == [2.0, 0.5, 0.25]
    with pytest.raises(UnsupportedError, match="flavour=plain"):
        write(array, described(TCZYX[2:]), flavour="ome")


@pytest.mark.parametrize("dtype", ["c8", "c16", "g"])
def test_types_that_tiff_lacks(write, dtype):
    with pytest.raises(UnsupportedError, match=r"write \.mla"):
        write(np.zeros((8, 8), dtype), described(TCZYX[3:]))


@given(
    labels=st.permutations(["temporal", "channel", "spatial_z", "spatial_y", "spatial_x", "components"]),
    count=st.integers(2, 6),
    sizes=st.lists(st.integers(1, 5), min_size=6, max_size=6),
    flavour=st.sampled_from(["ome", "plain"]),
    data=st.data(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_axes(write, load, as_reader, labels, count, sizes, flavour, data):
    chosen = [label for label in labels if label in ("spatial_y", "spatial_x")]
    chosen += data.draw(st.permutations([label for label in labels if label not in chosen]))[: count - 2]
    chosen = data.draw(st.permutations(chosen))
    shape = [size + (label in ("spatial_y", "spatial_x")) for label, size in zip(chosen, sizes, strict=False)]
    array = np.arange(np.prod(shape)).astype("u2").reshape(shape)
    meta = described(chosen)
    plan = plan_of(as_reader(array, meta))
    path, _ = write(array, meta, flavour=flavour, tile=16)
    image = load(path)
    order = plan.order
    kept = [at for at in order if array.shape[at] > 1 or chosen[at] in ("spatial_y", "spatial_x")]
    wanted = array.transpose(order).reshape([array.shape[at] for at in kept])
    np.testing.assert_array_equal(image.array.reshape(wanted.shape), wanted)
    labels_back = [
        label for label, size in zip(image.spatial.axis_labels, image.array.shape, strict=True) if size > 1
    ]
    assert labels_back == [chosen[at] for at in kept if array.shape[at] > 1]


@pytest.mark.parametrize("tile", [0, 16, 64, 512])
@pytest.mark.parametrize("chunks", [None, (1, 1, 4, 16, 16), (2, 3, 2, 70, 90)])
@pytest.mark.parametrize("budget", [1 << 10, 1 << 16, 1 << 25])
def test_small_memory(write, load, monkeypatch, tile, chunks, budget):
    monkeypatch.setattr("mlarray_tiff.write.pieces.BUDGET", budget)
    path, _ = write(STACK, described(TCZYX), tile=tile, chunks=chunks, pyramid=0)
    np.testing.assert_array_equal(load(path).array, STACK)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("budget", [1 << 10, 1 << 25])
def test_small_memory_with_colours(write, load, monkeypatch, planar, budget):
    monkeypatch.setattr("mlarray_tiff.write.pieces.BUDGET", budget)
    colours = NOISE.integers(0, 255, (3, 70, 90) if planar else (70, 90, 3)).astype("u1")
    labels = ["components", *TCZYX[3:]] if planar else [*TCZYX[3:], "components"]
    path, _ = write(colours, described(labels), tile=16)
    image = load(path)
    np.testing.assert_array_equal(image.array, colours)
    assert image.spatial.axis_labels == labels
    assert first_page(path).photometric == 2


# OME


def test_ome(write, load):
    meta = described(
        TCZYX, [2.0, 0.25, 0.5], ["ms", "", "um", "mm", "nm"],
        axes={0: AxisValues("time", "ms", [0.0, 40.0])},
        channels=[{"name": "DAPI", "Color": "-1"}, {"name": "GFP"}, {"name": "µ"}],
    )  # fmt: skip
    path, context = write(STACK, meta)
    pixels = pixels_of(valid_xml(path))
    assert pixels.get("PhysicalSizeY") == "0.25"
    assert pixels.get("PhysicalSizeYUnit") == "mm"
    assert pixels.get("TimeIncrement") == "40.0"
    assert not context.report.losses
    image = load(path)
    np.testing.assert_array_equal(image.array, STACK)
    for field in ("axis_labels", "axis_units", "spacing"):
        assert getattr(image.spatial, field) == getattr(meta.spatial, field)
    before, after = Additions.of(meta), Additions.of(image.meta)
    assert after.axes == before.axes
    assert after.channels == before.channels


@pytest.mark.parametrize(
    ("said", "held", "lost"),
    [
        ({"color": "#00FF0080"}, str(0x00FF0080), []),  # OME 2016-06, Color: red, green, blue, opacity
        ({"color": "green"}, None, ["of channels: color"]),
        ({"color": [0, 255, 0]}, None, ["of channels: color"]),
        ({"label": "DAPI", "window": {"start": 0}, "active": True}, None, ["of channels: active, window"]),
    ],
)
def test_what_a_channel_says_is_held_or_named(write, said, held, lost):
    path, context = write(STACK, described(TCZYX, channels=[{"name": "a"}, said, {}]))
    channel = list(pixels_of(valid_xml(path)).iter(f"{{{NAMESPACE}}}Channel"))[1]
    assert (channel.get("Color"), channel.get("Name")) == (held, said.get("label"))
    assert [loss.what for loss in context.report.losses] == lost


def test_uneven_times(write, load):
    meta = described(TCZYX, units=["s", "", "", "", ""], axes={0: AxisValues("time", "s", [0.5, 3.0])})
    path, _ = write(STACK, meta)
    valid_xml(path)
    assert Additions.of(load(path).meta).axes[0].values == [0.5, 3.0]


def test_axes_that_ome_lacks(write, load):
    array = STACK[:, :, :, :8, :8]
    path, context = write(array, described(["non_spatial", *TCZYX[1:]], axes={0: AxisValues("lifetime")}))
    valid_xml(path)
    image = load(path)
    np.testing.assert_array_equal(image.array, array)
    assert image.meta.source["axes"] == "HCZYX"
    assert image.spatial.axis_labels[0] == "non_spatial"
    assert not context.report.losses


def test_one_axis_more_than_ome_has(write, load):
    array = np.arange(2 * 2 * 3 * 2 * 16 * 8, dtype="u2").reshape(2, 2, 3, 2, 16, 8)
    path, _ = write(array, described(["temporal", "non_spatial", *TCZYX[1:]]))
    valid_xml(path)
    image = load(path)
    assert image.meta.source["axes"] == "TQCZYX"
    np.testing.assert_array_equal(image.array, array)


ORIGINAL = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/{version}"
 UUID="urn:uuid:00000000-0000-0000-0000-000000000000">
<Experimenter ID="Experimenter:0" LastName="Curie"/>
<Image ID="Image:7" Name="first">
<AcquisitionDate>2020-01-01T00:00:00</AcquisitionDate><Description>Cells</Description>
<Pixels ID="Pixels:7" DimensionOrder="XYCZT" Type="uint16" SizeX="90" SizeY="70" SizeC="3" SizeZ="4" SizeT="2"
 PhysicalSizeX="0.5" PhysicalSizeY="0.5">
<Channel ID="Channel:7:0" Name="DAPI" EmissionWavelength="461" SamplesPerPixel="1"/>
<Channel ID="Channel:7:1" Name="GFP" SamplesPerPixel="1"/><Channel ID="Channel:7:2" SamplesPerPixel="1"/>
<TiffData IFD="0" PlaneCount="24"/>
<Plane TheZ="1" TheC="0" TheT="1" ExposureTime="0.5"/></Pixels></Image>
<Image ID="Image:8" Name="second">
<Pixels ID="Pixels:8" DimensionOrder="XYCZT" Type="uint16" SizeX="90" SizeY="70"
 SizeC="1" SizeZ="1" SizeT="1">
<Channel ID="Channel:8:0" SamplesPerPixel="1"/><TiffData IFD="24" PlaneCount="1"/></Pixels></Image>
</OME>"""


def with_xml(path, version):
    with tifffile.TiffWriter(path, ome=False) as file:
        planes = STACK.transpose(0, 2, 1, 3, 4)  # T, Z, C
        file.write(
            planes, description=ORIGINAL.format(version=version), metadata=None, photometric="minisblack"
        )
        file.write(STACK[0, 0, 0], metadata=None, photometric="minisblack")
    return path


def test_the_original_xml_is_kept(tmp_path, load, rewrite):
    path = with_xml(tmp_path / "a.ome.tif", "2016-06")
    back, context = rewrite(path)
    root = valid_xml(back)
    assert root.find(f"{SPACE}Experimenter").get("LastName") == "Curie"
    images = root.findall(f"{SPACE}Image")
    assert [image.get("Name") for image in images] == ["first"]
    assert images[0].find(f"{SPACE}Description").text == "Cells"
    pixels = pixels_of(root)
    assert pixels.find(f"{SPACE}Channel").get("EmissionWavelength") == "461"
    assert pixels.find(f"{SPACE}Plane").get("ExposureTime") == "0.5"
    assert root.get("UUID") is None
    assert any("other series" in text for text in context.report.warnings)
    np.testing.assert_array_equal(load(back).array, load(path).array)
    second, _ = rewrite(path, image="1", name="second.ome.tif")
    assert valid_xml(second).find(f"{SPACE}Image").get("Name") == "second"


def test_xml_of_an_older_schema_is_attached(tmp_path, load, rewrite):
    path = with_xml(tmp_path / "a.ome.tif", "2013-06")
    back, _ = rewrite(path)
    root = valid_xml(back)
    comment = root.find(f"{SPACE}StructuredAnnotations/{SPACE}CommentAnnotation/{SPACE}Value")
    assert comment.text.strip() == ORIGINAL.format(version="2013-06").strip()
    image = load(back)
    assert image.spatial.spacing == load(path).spatial.spacing
    assert [channel["name"] for channel in Additions.of(image.meta).channels] == ["DAPI", "GFP", ""]


# levels


@pytest.mark.parametrize("labels", [TCZYX[2:], ["components", *TCZYX[3:]]])
def test_levels_are_built(write, load, labels):
    array = NOISE.integers(0, 60000, (3, 301, 402)).astype("u2")
    path, _ = write(
        array, described(labels, [1.0, 0.5, 0.5][-sum("spatial" in x for x in labels) :]), pyramid=2, tile=64
    )
    valid_xml(path)
    image = load(path)
    assert [level.shape for _, level in image.levels] == [(3, 151, 201), (3, 76, 101)]
    whole = np.pad(array, ((0, 0), (0, 1), (0, 0)), mode="edge")
    quarter = whole.reshape(3, 151, 2, 201, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(image.levels[0][1], np.rint(quarter).astype("u2"))
    with tifffile.TiffFile(path) as file:
        assert len(file.series) == 1
        assert [level.shape for level in file.series[0].levels] == [
            (3, 301, 402),
            (3, 151, 201),
            (3, 76, 101),
        ]
        assert file.pages[0].subifds is not None


def test_levels_of_labels_hold_labels(write, load):
    array = NOISE.choice([0, 1000], (256, 256)).astype("u2")
    meta = described(TCZYX[3:])
    meta.is_seg.is_seg = True
    path, context = write(array, meta, pyramid=1)
    assert set(np.unique(load(path).levels[0][1])) == {0, 1000}
    assert any("labels" in str(loss) for loss in context.report.losses)


def test_levels_of_the_source_are_kept(tmp_path, load, rewrite):
    path = tmp_path / "a.ome.tif"
    fine, coarse = (
        NOISE.integers(0, 255, (256, 256)).astype("u1"),
        NOISE.integers(0, 255, (64, 64)).astype("u1"),
    )
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(fine, subifds=1, tile=(32, 32), photometric="minisblack")
        file.write(coarse, subfiletype=1, tile=(32, 32), photometric="minisblack")
    image = load(rewrite(path)[0])
    np.testing.assert_array_equal(image.array, fine)
    np.testing.assert_array_equal(image.levels[0][1], coarse)
    assert load(rewrite(path, pyramid=0, name="none.tif")[0]).levels == []


@pytest.mark.parametrize("seg", [False, True])
@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("planar", [False, True])
def test_levels_are_those_of_a_mla_file(write, load, seg, tile, planar):
    """One rule for all pyramids: whole blocks with the edge repeated, sizes rounded up, labels by mode."""
    labels = ["spatial_y", "spatial_x", "components"]
    array = NOISE.integers(0, 5 if seg else 255, (257, 259, 3)).astype("u1")
    if planar:
        labels, array = [labels[2], *labels[:2]], np.ascontiguousarray(np.moveaxis(array, -1, 0))
    meta = described(labels)
    meta.is_seg.is_seg = seg
    path, _ = write(array, meta, pyramid=2, tile=tile)
    expected = array
    for level in load(path).levels:
        step = [1 if label == "components" else 2 for label in labels]
        expected = reduce(expected, step, "mode" if seg else "mean")
        np.testing.assert_array_equal(level[1], expected)
    assert expected.shape == ((3, 65, 65) if planar else (65, 65, 3))


@pytest.mark.parametrize("flavour", ["ome", "plain"])
@pytest.mark.parametrize("dtype", ["bool", "u1", "u2", "i4", "f4"])
@pytest.mark.parametrize("shape", [(5, 1), (600, 1), (3, 5, 1), (3, 1, 1), (2, 3, 7, 1), (1, 5), (3, 1, 5)])
@pytest.mark.parametrize("options", [{"tile": 16}, {"tile": 0}, {"tile": 512, "compression": "none"}])
def test_images_one_pixel_wide(tmp_path, flavour, dtype, shape, options):
    array = NOISE.integers(0, 250, shape).astype(dtype)
    mlarray.write(mlarray.MLArray(array), tmp_path / "a.tif", options={"flavour": flavour, **options})
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif").ravel(), array.ravel())
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.tif").to_numpy().ravel(), array.ravel())


# colours, places, tags


def test_palette(tmp_path, load, rewrite):
    colours = NOISE.integers(0, 65535, (3, 256)).astype("u2")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (STACK[0, 0, 0] % 256).astype("u1"), photometric="palette", colormap=colours)
    back = rewrite(path)[0]
    np.testing.assert_array_equal(load(back).array, load(path).array)
    with tifffile.TiffFile(back) as file:
        np.testing.assert_array_equal(file.pages.first.colormap, colours)


@pytest.mark.parametrize("raster_type", [1, 2])
@pytest.mark.parametrize("level", [0, 1])
def test_geotiff(tmp_path, load, write, raster_type, level):
    from mlarray_io import Context, ImageRef, Source
    from mlarray_tiff import TiffFormat
    from mlarray_tiff.options import TiffOptions

    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, raster_type, 3072, 0, 1, 32633)
    tags = [
        (33550, 12, 3, (10.0, 20.0, 0.0), False),
        (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 6e6, 0.0), False),
        (34735, 3, len(keys), keys, False),
    ]
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "minisblack", "metadata": None, "tile": (16, 16)}
        file.write(STACK[0, 0, 0], extratags=tags, subifds=1, **options)
        file.write(STACK[0, 0, 0, ::2, ::2], subfiletype=1, **options)
    source = Source(path)
    with TiffFormat().open(source, ImageRef("0"), TiffOptions(level=level), Context()) as reader:
        back, context = write(reader)
        before = geometry.affine_of(reader.meta.spatial)
    image = load(back)
    np.testing.assert_allclose(geometry.affine_of(image.spatial), before, rtol=1e-12)
    assert image.spatial.coord_system == "EPSG:32633"
    assert not context.report.losses


def test_tags_come_back(tmp_path, load, rewrite):
    path = tmp_path / "a.tif"
    more = [
        (315, 2, 0, "Marie Curie", True),
        (33432, 2, 0, "1903", True),
        (274, 3, 1, 6, False),
        (65000, 12, 3, (1.5, 2.5, float("inf")), True),
        (700, 1, 5, b"<x/>\n", True),
    ]
    tifffile.imwrite(path, STACK[0, 0, 0], extratags=more, metadata=None, photometric="minisblack")
    back = rewrite(path)[0]
    with tifffile.TiffFile(back) as file:
        tags = file.pages[0].tags
        assert [tags.valueof(code) for code, *_ in more] == [
            "Marie Curie",
            "1903",
            6,
            (1.5, 2.5, float("inf")),
            b"<x/>\n",
        ]


# ImageJ and plain


def test_imagej(write, load):
    meta = described(
        TCZYX, [2.0, 0.25, 0.5], ["s", "", "um", "um", "um"],
        axes={0: AxisValues("time", "s", [0.0, 0.5])},
        channels=[{"name": "DAPI"}, {"name": "GFP"}, {"name": "RFP"}],
    )  # fmt: skip
    path, context = write(STACK, meta, flavour="imagej", name="out.tif")
    assert any("TZCYX" in text for text in context.report.warnings)
    image = load(path)
    np.testing.assert_array_equal(image.array, STACK.transpose(0, 2, 1, 3, 4))
    np.testing.assert_allclose(image.spatial.spacing, [2.0, 0.25, 0.5], rtol=1e-6)
    assert image.spatial.axis_units == ["s", "um", "", "um", "um"]
    assert Additions.of(image.meta).axes[0].values == [0.0, 0.5]
    assert [channel["name"] for channel in Additions.of(image.meta).channels] == ["DAPI", "GFP", "RFP"]


@pytest.mark.parametrize("planar", [False, True])
def test_imagej_colours(write, planar):
    colours = NOISE.integers(0, 255, (70, 90, 3)).astype("u1")
    array = np.moveaxis(colours, -1, 0).copy() if planar else colours
    labels = ["components", *TCZYX[3:]] if planar else [*TCZYX[3:], "components"]
    path, _ = write(array, described(labels), flavour="imagej", name="out.tif")
    np.testing.assert_array_equal(tifffile.imread(path), colours)


def test_imagej_refuses_what_it_lacks(write):
    with pytest.raises(UnsupportedError, match="uint8, uint16, float32"):
        write(STACK.astype("f8"), described(TCZYX), flavour="imagej")


def test_plain(write, load):
    meta = described(
        TCZYX,
        [2.0, 0.25, 0.5],
        ["s", "", "um", "um", ""],
        channels=[{"name": "a"}, {"name": "b"}, {"name": "c"}],
    )
    path, _ = write(STACK, meta, flavour="plain", name="out.tif")
    image = load(path)
    np.testing.assert_array_equal(image.array, STACK)
    assert (image.spatial.spacing, image.spatial.axis_units) == ([2.0, 0.25, 0.5], ["", "", "um", "um", ""])
    assert len(Additions.of(image.meta).channels) == 3


# losses, options


def test_what_tiff_has_no_place_for_is_told(write):
    meta = Meta(spatial={"axis_labels": TCZYX[2:], "spacing": [1, 2, 3], "origin": [1, 0, 0],
                         "direction": [[0, 0, -1], [0, 1, 0], [1, 0, 0]], "coord_system": "LPS"})  # fmt: skip
    meta.source = {"format": "other"}
    meta.extra["mine"] = 1
    _, context = write(STACK[0, 0], meta)
    told = {loss.what for loss in context.report.losses}
    assert told == {
        "the world LPS",
        "the origin",
        "the direction of the axes",
        "the header of the source",
        "extra: mine",
    }


def test_unit_that_ome_lacks(write, load):
    path, context = write(STACK[0, 0, 0], described(TCZYX[3:], [1.5, 1.5], ["furlong", "furlong"]))
    assert [loss.what for loss in context.report.losses] == ["the unit 'furlong'"]
    valid_xml(path)
    assert load(path).spatial.spacing == [1.5, 1.5]


@pytest.mark.parametrize("options", [{"tile": 17}, {"tile": -16}, {"effort": 13}, {"pyramid": 40}])
def test_senseless_options(write, options):
    with pytest.raises(ArgumentError):
        write(STACK[0, 0, 0], **options)


def test_bigtiff(write):
    assert write(STACK[0, 0, 0])[0].read_bytes()[:4] == b"II*\0"
    assert write(STACK[0, 0, 0], bigtiff="yes")[0].read_bytes()[:4] == b"II+\0"


def test_nothing_to_write(write):
    for shape in ((), (0,), (3, 0, 2)):
        with pytest.raises(UnsupportedError, match="no place"):
            write(np.zeros(shape, "u1"))


@pytest.mark.parametrize("labels", [None, ["non_spatial"], ["spatial_x"], ["channel"]])
def test_one_axis(write, load, labels):
    meta = None if labels is None else described(labels)
    path, _ = write(np.arange(20, dtype="u1"), meta)
    np.testing.assert_array_equal(load(path).array.ravel(), np.arange(20))
