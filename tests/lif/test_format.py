"""LIF under the compliance suite, on files of known content; tests/real has those of microscopes."""

from __future__ import annotations

import numpy as np
import pytest

import mlarray
from mlarray_core import Additions, geometry
from mlarray_core.errors import CorruptError, UnsupportedError
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.testing import FormatTests
from mlarray_lif import LifFormat
from tests.lif.made import block, element, memory, write_lif

pytest.importorskip("liffile")

RNG = np.random.default_rng(5)
STACK = RNG.integers(0, 4000, (2, 3, 7, 9), "u2")
SCAN = RNG.integers(0, 255, (4, 2, 6, 8), "u1")
COLOURS = RNG.integers(0, 255, (6, 7, 3), "u1")
BLUE_FIRST = np.ascontiguousarray(COLOURS[..., ::-1])


def images():
    lengths = {"Z": 4e-6, "Y": 6e-7, "X": 8e-7}
    return [
        ("stack", (STACK, "CZYX", lengths, {"Z": -1e-6}), {}),
        ("xzt", (SCAN, "TCZX", {"T": 9, "Z": -5e-6, "X": 7e-6}), {}),
        ("colours", (BLUE_FIRST, "YXS", {"Y": 5e-6, "X": 6e-6}), {"bgr": True}),
    ]


@pytest.fixture
def made(tmp_path):
    write_lif(tmp_path / "a.lif", images())
    return tmp_path / "a.lif"


class TestLif(FormatTests):
    mutants = 12

    @pytest.fixture
    def format(self):
        return LifFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("lif")
        write_lif(folder / "many.lif", images())
        write_lif(folder / "one.lif", images()[:1])
        return [folder / "many.lif", folder / "one.lif"]

    def reference(self, path, image):
        stack = np.zeros((4, 4))
        stack[[0, 1, 2, 3], [2, 1, 0, 3]] = 0.1, 0.1, 2, 1
        stack[2, 3] = -1
        # steps are the length over one less than the number; z falls
        scan = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
        colours = np.eye(3)[[1, 0, 2]]
        return [(STACK, stack, None), (SCAN, scan, None), (COLOURS, colours, None)][int(image.key)]


def test_images_are_chosen_by_number_or_path(made):
    for key in ("1", "xzt"):
        image = mlarray.read(made, image=key)
        np.testing.assert_array_equal(image.to_numpy(), SCAN)
    format = LifFormat()
    listed = images_of(Source(made), format, format.options_type(), Context())
    assert [(one.title, one.primary, one.facts["axes"]) for one in listed] == [
        ("stack", True, "CZYX"),
        ("xzt", False, "TCZX"),
        ("colours", False, "YXS"),
    ]


def test_a_scan_in_x_and_z_has_no_y(made):
    image = mlarray.read(made, image="xzt")
    spatial = image.meta.spatial
    assert spatial.axis_labels == ["temporal", "channel", "spatial_z", "spatial_x"]
    assert spatial.axis_units == ["s", "", "um", "um"]
    additions = Additions.of(image.meta)
    assert additions.axes[0].values == [0.0, 3.0, 6.0, 9.0]
    assert [channel.name for channel in additions.channels] == ["LUT 0", "LUT 1"]
    np.testing.assert_allclose(geometry.affine_of(spatial, 2)[:, 0], [0, -1, 0])


def test_wavelengths_are_positions(tmp_path):
    sweep = RNG.integers(0, 255, (5, 6, 7), "u1")
    told = (sweep, "λYX", {"λ": 4e-8, "Y": 5e-6, "X": 6e-6}, {"λ": 5.5e-7})
    write_lif(tmp_path / "a.lif", [("sweep", told, {})])
    image = mlarray.read(tmp_path / "a.lif")
    axis = Additions.of(image.meta).axes[0]
    assert (axis.name, axis.unit) == ("emission wavelength", "nm")
    assert axis.values == [550.0, 560.0, 570.0, 580.0, 590.0]
    assert image.meta.spatial.axis_labels[0] == "non_spatial"


def test_a_file_that_was_cut_between_blocks(made):
    """liffile takes the blocks that are there, and then finds none of the others."""
    content = made.read_bytes()
    end = content.index(memory(2, BLUE_FIRST.tobytes()))
    made.write_bytes(content[:end])
    np.testing.assert_array_equal(mlarray.read(made, image="0").to_numpy(), STACK)
    with pytest.raises(CorruptError, match="colours has 126 bytes of voxels, of which 0 are in the file"):
        mlarray.read(made, image="2")


def test_other_files_are_not_opened(tmp_path):
    """A LIF may refer to extensions by a path of any kind; liffile would open them when it closes."""
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="made"><Children>'
        + element("one", 0, STACK, "CZYX", {})
        + '<Reference File="/etc/hostname"/></Children></Element></LMSDataContainerHeader>'
    )
    (tmp_path / "a.lif").write_bytes(block(xml) + memory(0, STACK.tobytes()))
    np.testing.assert_array_equal(mlarray.read(tmp_path / "a.lif").to_numpy(), STACK)
    collection = (
        '<LMSDataContainerHeader Version="2"><Element Name="x"><Data><Experiment/></Data>'
        '<Children><Reference File="/etc/hostname"/></Children></Element></LMSDataContainerHeader>'
    )
    path = tmp_path / "a.xlef"
    path.write_bytes(collection.encode("utf-16"))
    format = LifFormat()
    with pytest.raises(UnsupportedError, match="only refers to other files"):
        images_of(Source(path), format, format.options_type(), Context())


def test_private_names_are_still_there(made):
    from liffile import LifFile

    with LifFile(made) as file:
        assert "children" not in vars(file)
        assert file.children == ()
        assert "children" in vars(file)
        assert [one.label for one in file.images[0]._dimensions] == ["Z", "Y", "X"]
        assert [one.lut_name for one in file.images[0]._channels] == ["LUT 0", "LUT 1"]


def test_boxes_of_a_frame(made):
    format = LifFormat()
    image = images_of(Source(made), format, format.options_type(), Context())[0]
    with open_image(Source(made), format, image, format.options_type(), Context()) as reader:
        assert reader.chunks == (1, 1, 7, 9)
        part = reader[slice(1, 2), slice(0, 2), slice(2, 5), slice(1, 9)]
    np.testing.assert_array_equal(part, STACK[1:2, 0:2, 2:5, 1:9])
