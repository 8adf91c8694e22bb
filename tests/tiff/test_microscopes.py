"""LSM, STK and stacks of Micro-Manager: axes, sizes, times, channels, positions, and what is told."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions
from mlarray_core.errors import CorruptError
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.testing import specimens
from mlarray_tiff import TiffFormat
from tests.mutants import read_damaged
from tests.tiff.microscope_files import write_lsm, write_mmstack, write_stk

NOISE = np.random.default_rng(4)


def told(path, image="0"):
    """Return voxels, metadata, additions and warnings of an image."""
    format, context = TiffFormat(), Context()
    source, options = Source(path), format.options_type()
    found = next(one for one in images_of(source, format, options, context) if one.key == image)
    with open_image(source, format, found, options, context) as reader:
        return specimens.whole(reader), reader.meta, Additions.of(reader.meta), context.report.warnings


# LSM


def lsm(path, **changed):
    """Write two times of three planes of three channels, 0.25 um, 1.5 um apart."""
    voxels = NOISE.integers(0, 4000, (2 * 3, 3, 8, 9), "u2")
    settings = {
        "sizes": {"X": 9, "Y": 8, "Z": 3, "Channels": 3, "Time": 2}, "metres": (2.5e-7, 2.4e-7, 1.5e-6),
        "interval": 3.0, "stamps": (175054.5, 175058.0), "names": ("ChS1", "Ch2", "T-PMT"),
        "colours": ((255, 0, 0), (0, 255, 128), (255, 255, 255)),
        "waves": ((4.98e-7, 5.4e-7), (5.7e-7, 6.3e-7), (6.5e-7, 7e-7)),
    }  # fmt: skip
    write_lsm(path, voxels, 6, **{**settings, **changed})
    return voxels.reshape(2, 3, 3, 8, 9)


def test_lsm(tmp_path):
    voxels = lsm(tmp_path / "a.lsm")
    found, meta, additions, warnings = told(tmp_path / "a.lsm")
    np.testing.assert_array_equal(found, voxels)
    assert meta.spatial.axis_labels == ["temporal", "spatial_z", "channel", "spatial_y", "spatial_x"]
    assert meta.spatial.axis_units == ["s", "um", "", "um", "um"]
    assert meta.spatial.spacing == [1.5, 0.24, 0.25]
    assert additions.axes[0].values == [0, 3.5], "as they were stamped, not as they were planned"
    assert [channel.name for channel in additions.channels] == ["ChS1", "Ch2", "T-PMT"]
    assert [channel.color for channel in additions.channels] == ["#FF0000", "#00FF80", "#FFFFFF"]
    assert additions.channels[0]["DetectionWavelengths"] == [498, 540]
    assert additions.channels[0]["DetectionWavelengthsUnit"] == "nm"
    assert warnings == []
    assert meta.source["lsm"]["TimeStamps"] == [175054.5, 175058.0]


@pytest.mark.parametrize("stamps", [(), (5.0, 5.0), (1.0, 2.0, 3.0), (2.0, float("nan"))])
def test_lsm_without_times_that_rise_has_its_interval(tmp_path, stamps):
    lsm(tmp_path / "a.lsm", stamps=stamps)
    assert told(tmp_path / "a.lsm")[2].axes[0].values == [0, 3]


def test_lsm_lists_thumbnails_as_such(tmp_path):
    lsm(tmp_path / "a.lsm")
    listed = specimens.images(TiffFormat(), tmp_path / "a.lsm")
    assert [image.title for image in listed] == ["lsm 0", "thumbnail"]
    assert told(tmp_path / "a.lsm", "1")[1].spatial.spacing is None


def test_lsm_of_several_positions(tmp_path):
    voxels = NOISE.integers(0, 255, (3 * 2, 8, 9), "u1")
    places = ((0, 0, 0), (1e-4, 0, 0), (0, 2e-4, 1e-6))
    sizes = {"X": 9, "Y": 8, "Z": 2, "Channels": 1, "Time": 1, "P": 3}
    write_lsm(tmp_path / "a.lsm", voxels, 0, sizes, metres=(1e-7, 1e-7, 1e-6), positions=places, more=4096)
    found, meta, additions, warnings = told(tmp_path / "a.lsm")
    np.testing.assert_array_equal(found, voxels.reshape(3, 2, 8, 9))
    assert additions.axes[0].name == "position"
    assert meta.source["lsm"]["Positions"] == [list(place) for place in places]
    assert len(warnings) == 2
    assert "several positions" in warnings[1]
    assert "another recording" in warnings[0]


# STK


def stk(path, depths, moments, **settings):
    voxels = NOISE.integers(0, 4000, (len(depths), 6, 7), "u2")
    write_stk(path, voxels, depths=depths, moments=moments, **settings)
    return voxels


DAY = 2459278
"""4 March 2021, as Julian day."""


def test_stk_of_a_volume(tmp_path):
    moments = [(DAY, 1000 * n) for n in range(3)]
    voxels = stk(tmp_path / "a.stk", [0.3] * 3, moments, size=(0.1613, 0.17))
    found, meta, _, warnings = told(tmp_path / "a.stk")
    np.testing.assert_array_equal(found, voxels)
    assert meta.spatial.axis_labels == ["spatial_z", "spatial_y", "spatial_x"]
    assert meta.spatial.spacing == [0.3, 0.17, 0.1613]
    assert meta.spatial.axis_units == ["um"] * 3
    assert warnings == []


def test_stk_over_time_and_midnight(tmp_path):
    moments = [(DAY, 86_399_000), (DAY, 86_399_750), (DAY + 1, 500)]
    voxels = stk(tmp_path / "a.stk", [0] * 3, moments, size=(0.5, 0.5))
    found, meta, additions, _ = told(tmp_path / "a.stk")
    np.testing.assert_array_equal(found, voxels)
    assert meta.spatial.axis_labels[0] == "temporal"
    assert (additions.axes[0].unit, additions.axes[0].values) == ("s", [0, 0.75, 1.5])


def test_stk_with_uneven_planes_or_without_calibration(tmp_path):
    moments = [(DAY, n) for n in range(3)]
    stk(tmp_path / "a.stk", [0.3, 0.3, 0.9], moments, size=(0.5, 0.5))
    _, meta, _, warnings = told(tmp_path / "a.stk")
    assert meta.spatial.axis_units == ["", "um", "um"]
    assert any("along z is unknown" in text for text in warnings)
    stk(tmp_path / "b.stk", [0.3] * 3, moments, size=(0.5, 0.5), calibrated=0)
    assert told(tmp_path / "b.stk")[1].spatial.axis_units == ["um", "", ""]
    stk(tmp_path / "c.stk", [0.3] * 3, moments, size=(1, 1), unit="pixel")
    assert told(tmp_path / "c.stk")[1].spatial.spacing is None


def test_stk_that_does_not_say_what_its_planes_are(tmp_path):
    stk(tmp_path / "a.stk", [0] * 3, [(DAY, 5)] * 3, size=(0.5, 0.5))
    _, meta, additions, warnings = told(tmp_path / "a.stk")
    assert meta.spatial.axis_labels[0] == "non_spatial"
    assert additions.axes[0].name == "sequence"
    assert any("what its planes lie along" in text for text in warnings)


# Micro-Manager

SUMMARY = {
    "MicroManagerVersion": "2.0.0", "Prefix": "run", "Frames": 2, "Slices": 3, "Channels": 2, "Positions": 2,
    "ChNames": ["DAPI", "GFP"], "ChColors": [-16776961, 65280], "PixelSize_um": 0.5, "z-step_um": -0.7,
    "Interval_ms": 500, "TimeFirst": False, "SlicesFirst": False,
}  # fmt: skip
NAMES = ["run_MMStack_A1.ome.tif", "run_MMStack_B2.ome.tif"]


def value(c, z, t, p):
    return 1000 * p + 100 * t + 10 * c + z


def ome():
    """Return OME-XML as Micro-Manager writes it: each position is an image in a file of its own."""
    sizes = 'SizeX="8" SizeY="6" SizeC="2" SizeZ="3" SizeT="2"'
    images = []
    for p, name in enumerate(NAMES):
        planes = [(c, z, t) for t in range(2) for z in range(3) for c in range(2)]
        data = "".join(
            f'<TiffData FirstC="{c}" FirstZ="{z}" FirstT="{t}" IFD="{n}" PlaneCount="1">'
            f'<UUID FileName="{name}">urn:uuid:{p}</UUID></TiffData>'
            for n, (c, z, t) in enumerate(planes)
        )
        images.append(
            f'<Image ID="Image:{p}"><Pixels ID="Pixels:{p}" DimensionOrder="XYCZT" Type="uint16" {sizes}>'
            f'<Channel ID="Channel:{p}:0"/><Channel ID="Channel:{p}:1"/>{data}</Pixels></Image>'
        )
    head = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    return f"{head}{''.join(images)}</OME>"


def mmstack(folder, xml="", times=(7, 517), **changed):
    for p, name in enumerate(NAMES):
        planes = [
            (
                (c, z, t, p),
                np.full((6, 8), value(c, z, t, p), "u2"),
                {
                    "ElapsedTime-ms": times[t], "PositionName": name[-10:-8],
                    "XPositionUm": 10.5 * p, "YPositionUm": -5, "ZPositionUm": 2.0,
                },
            )
            for t in range(2)
            for z in range(3)
            for c in range(2)
        ]  # fmt: skip
        write_mmstack(folder / name, planes, {**SUMMARY, **changed}, xml)


@pytest.mark.parametrize("xml", ["", ome()])
def test_positions_of_a_stack_are_images(tmp_path, xml):
    mmstack(tmp_path, xml)
    for name in NAMES:
        listed = specimens.images(TiffFormat(), tmp_path / name)
        assert [(image.title, image.primary, image.name) for image in listed] == [
            ("A1", True, "A1"),
            ("B2", False, "B2"),
        ]
        for p, key in enumerate("01"):
            found, meta, additions, _ = told(tmp_path / name, key)
            t, c, z = np.indices((2, 2, 3))
            np.testing.assert_array_equal(
                found, np.broadcast_to(value(c, z, t, p)[..., None, None], found.shape)
            )
            assert meta.spatial.axis_labels[:3] == ["temporal", "channel", "spatial_z"]
            assert meta.spatial.spacing == [0.7, 0.5, 0.5]
            assert meta.source["stage_position_um"] == {"X": 10.5 * p, "Y": -5, "Z": 2}
            assert (additions.axes[0].unit, additions.axes[0].values) == ("ms", [7, 517])
            assert additions.channels == [
                {"name": "DAPI", "color": "#0000FF"},
                {"name": "GFP", "color": "#00FF00"},
            ]
    assert mlarray.read(tmp_path / NAMES[0], image="B2").meta.source["name"] == "B2"


def test_a_stack_is_converted_once(tmp_path):
    (tmp_path / "run").mkdir()
    mmstack(tmp_path / "run", ome())
    mlarray.convert(tmp_path / "run", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.mla")) == ["A1.mla", "B2.mla"]


def test_a_position_whose_file_is_not_here(tmp_path):
    mmstack(tmp_path)
    (tmp_path / NAMES[0]).unlink()
    found, meta, _, warnings = told(tmp_path / NAMES[1])
    assert found[0, 0, 0, 0, 0] == 1000
    assert meta.source["name"] == "B2"
    assert any("1 of 2 positions are in files that aren't here" in text for text in warnings)


def test_times_that_do_not_rise_leave_the_interval(tmp_path):
    mmstack(tmp_path, times=(9, 9))
    assert told(tmp_path / NAMES[0])[2].axes[0].values == [0, 500]


def test_a_stack_that_was_cut(tmp_path):
    mmstack(tmp_path, ome())
    content = (tmp_path / NAMES[1]).read_bytes()
    (tmp_path / NAMES[1]).write_bytes(content[: len(content) // 2])
    with pytest.raises(CorruptError):
        told(tmp_path / NAMES[1])


@pytest.mark.parametrize("kind", ["lsm", "stk", "mmstack"])
def test_mutants(tmp_path, kind):
    if kind == "mmstack":
        mmstack(tmp_path, ome())
        path = tmp_path / NAMES[0]
    else:
        path = tmp_path / f"a.{kind}"
        make = {
            "lsm": lsm,
            "stk": lambda path: stk(path, [0.3] * 3, [(DAY, n) for n in range(3)], size=(1, 2)),
        }
        make[kind](path)
    counts = read_damaged(TiffFormat(), path, [path], seed=9)
    assert min(counts["read"], counts["refused"]) > 10
