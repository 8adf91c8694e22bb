"""Slides under the compliance suite: MIRAX of known content, and a Hamamatsu slide of plain pixels."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest

import mlarray
from mlarray_core.errors import MLArrayError, UnsafeError, UnsupportedError
from mlarray_io import Context, Source
from mlarray_io.engine.select import images_of, open_image
from mlarray_io.testing import FormatTests
from mlarray_openslide import OpenSlideFormat
from tests.openslide.made import SIDE, grey_jpeg, write_mirax, write_svslide, write_vms, write_vmu

pytest.importorskip("openslide")
pytest.importorskip("PIL")

RNG = np.random.default_rng(8)
FINE = RNG.integers(0, 255, (4 * SIDE, 6 * SIDE, 3), "u1")
COARSE = RNG.integers(0, 255, (2 * SIDE, 3 * SIDE, 3), "u1")
HOLE = (1, 2)
BLUE = (0, 0, 255)


def with_hole():
    found = FINE.copy()
    found[HOLE[0] * SIDE :, HOLE[1] * SIDE :][:SIDE, :SIDE] = BLUE
    return found


@pytest.fixture
def slide(tmp_path):
    return write_mirax(tmp_path / "a.mrxs", [FINE, COARSE], holes=[HOLE])


class TestOpenSlide(FormatTests):
    has_signature = False  # a MIRAX is told by the folder beside it
    mutants = 10

    @pytest.fixture
    def format(self):
        return OpenSlideFormat()

    @pytest.fixture
    def samples(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("openslide")
        write_mirax(folder / "a.mrxs", [FINE, COARSE], holes=[HOLE])
        write_vmu(folder / "b.vmu", FINE)
        return [folder / "b.vmu", folder / "a.mrxs"]

    def copy(self, format, sample, target):
        for part in sample.parent.glob("b*"):
            shutil.copyfile(part, target.parent / part.name) if part != target else None
        if sample.suffix == ".mrxs":
            shutil.copytree(sample.with_suffix(""), target.with_suffix(""), dirs_exist_ok=True)
        return shutil.copyfile(sample, target)

    def reference(self, path, image):
        place = np.eye(3)[[1, 0, 2]] * ([0.5, 0.25, 1] if path.suffix == ".mrxs" else [1, 1, 1])
        if path.suffix == ".mrxs":
            return with_hole(), place, None
        return (FINE, None, None) if image.key == "slide" else None


def test_levels_and_sizes(slide):
    format = OpenSlideFormat()
    image = images_of(Source(slide), format, format.options_type(), Context())[0]
    with open_image(Source(slide), format, image, format.options_type(), Context()) as reader:
        assert reader.chunks == (64, 64, 3)
        assert [level.shape for level in reader.levels] == [COARSE.shape]
        level = reader.levels[0]
        np.testing.assert_array_equal(level[0:128, 0:192, 0:3], COARSE)
        np.testing.assert_array_equal(level[7:100, 65:191, 0:3], COARSE[7:100, 65:191])
        assert level.meta.spatial.spacing == [1.0, 0.5]
        assert level.meta.spatial.origin == [0.125, 0.25]
        assert reader.meta.spatial.axis_units == ["um", "um", ""]
        assert reader.meta.source["properties"]["openslide.vendor"] == "mirax"


def test_levels_are_taken_over(slide, tmp_path):
    mlarray.convert(slide, tmp_path / "a.mla", options={"levels": "source"})
    image = mlarray.MLArray(tmp_path / "a.mla")
    np.testing.assert_array_equal(image[...], with_hole())
    np.testing.assert_array_equal(image.levels[-1][...], COARSE)


def test_a_preview_without_its_folder_is_refused(slide):
    shutil.rmtree(slide.with_suffix(""))
    with pytest.raises(UnsupportedError, match="preview of a MIRAX slide"):
        mlarray.read(slide)


def test_a_slide_in_a_folder_is_one_image(slide, tmp_path):
    done = mlarray.convert(slide.parent, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.mla")) == ["a.mla"], done


def test_capitals_are_refused_with_a_way_out(slide):
    capitals = slide.rename(slide.with_suffix(".MRXS"))
    with pytest.raises(UnsupportedError, match="small letters"):
        mlarray.read(capitals)


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname", "..\\\\secret"])
def test_names_stay_in_the_folder(slide, name):
    text = slide.with_suffix("") / "Slidedat.ini"
    text.write_bytes(text.read_bytes().replace(b"Data0000.dat", name.encode()))
    with pytest.raises(UnsafeError, match="outside of its folder"):
        mlarray.read(slide)


@pytest.mark.parametrize("name", ["Slidedat.ini", "Index.dat", "Data0000.dat"])
def test_damage_beside_it_is_explained(slide, name):
    path, noise = slide.with_suffix("") / name, np.random.default_rng(1)
    whole = path.read_bytes()
    for cut in [*noise.integers(0, len(whole), 4), len(whole)]:
        content = bytearray(whole[:cut])
        if cut == len(whole):
            content[int(noise.integers(30, len(content)))] ^= 0x55
        path.write_bytes(content)
        try:
            mlarray.read(slide).to_numpy()
        except MLArrayError:
            continue


def test_mirax_as_another_reader_has_it(slide):
    """mrxsslide shares nothing with OpenSlide; what wasn't scanned is transparent there."""
    library = pytest.importorskip("mrxsslide", reason="mrxsslide isn't installed")
    theirs = library.MrxsSlide(str(slide))
    voxels = np.asarray(theirs.read_region((0, 0), 0, theirs.dimensions))
    scanned = voxels[..., 3] > 0
    assert (~scanned).sum() == SIDE * SIDE
    np.testing.assert_array_equal(mlarray.read(slide).to_numpy()[scanned], voxels[scanned][:, :3])
    sizes = [float(theirs.properties[f"openslide.mpp-{axis}"]) for axis in "yx"]
    assert list(mlarray.read(slide).spacing)[:2] == sizes


def test_a_hamamatsu_slide_of_jpegs(tmp_path):
    """Pixels by Pillow, from the files themselves; coarser levels are the decoder's own."""
    pillow = pytest.importorskip("PIL.Image")
    down, across = np.mgrid[: 2 * SIDE, : 4 * SIDE]
    picture = np.stack([across, 2 * down, across + down], -1).astype("u1")
    path = write_vms(tmp_path / "s.vms", [picture[:, : 2 * SIDE], picture[:, 2 * SIDE :]])
    format = OpenSlideFormat()
    slide, macro = images_of(Source(path), format, format.options_type(), Context())
    with open_image(Source(path), format, slide, format.options_type(), Context()) as reader:
        voxels = reader[0 : 2 * SIDE, 0 : 4 * SIDE, 0:3]
        assert reader.meta.spatial.spacing == [0.46, 0.46]
        assert reader.meta.spatial.axis_units == ["um", "um", ""]
        assert reader.meta.source["properties"]["openslide.vendor"] == "hamamatsu"
        assert [level.shape[:2] for level in reader.levels[:2]] == [(SIDE, 2 * SIDE), (SIDE // 2, SIDE)]
    parts = [np.asarray(pillow.open(tmp_path / f"s_image{number}.jpg")) for number in range(2)]
    np.testing.assert_array_equal(voxels, np.concatenate(parts, axis=1))
    theirs = np.asarray(pillow.open(tmp_path / "s_macro.jpg"))
    np.testing.assert_array_equal(mlarray.read(path, image=macro.key).to_numpy(), theirs)


def test_a_slide_of_sakuras(tmp_path):
    """A JPEG for each colour, decoded by Pillow."""
    pillow = pytest.importorskip("PIL.Image")
    down, across = np.mgrid[: 2 * SIDE, : 4 * SIDE]
    picture = np.stack([across, 2 * down, across + down], -1).astype("u1")
    path = write_svslide(tmp_path / "s.svslide", [picture, np.ascontiguousarray(picture[::2, ::2])])
    expected = np.zeros_like(picture)
    for row, column, colour in np.ndindex(2, 4, 3):
        place = slice(row * SIDE, row * SIDE + SIDE), slice(column * SIDE, column * SIDE + SIDE), colour
        expected[place] = np.asarray(pillow.open(io.BytesIO(grey_jpeg(picture[place]))))
    format = OpenSlideFormat()
    (slide,) = images_of(Source(path), format, format.options_type(), Context())
    with open_image(Source(path), format, slide, format.options_type(), Context()) as reader:
        np.testing.assert_array_equal(reader[0 : 2 * SIDE, 0 : 4 * SIDE, 0:3], expected)
        assert reader.meta.spatial.spacing == pytest.approx([0.46, 0.46])
        assert reader.meta.source["properties"]["openslide.vendor"] == "sakura"
        assert [level.shape for level in reader.levels] == [(SIDE, 2 * SIDE, 3)]
