"""Real files of microscopes, compared with readers that share nothing with ours; see `scripts/real-files`.

czifile for CZI (it can't unpack Zstandard), readlif for LIF, nd2reader for ND2, ncempy for DM and SER,
ndstorage for NDTiff, SimpleITK for LSM.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from mlarray_io import Context, Source
from mlarray_io.engine.registry import installed, missing
from mlarray_io.engine.select import images_of, open_image

FOLDER = os.environ.get("MLARRAY_REAL_FILES")
FILES = json.loads((Path(__file__).parent / "files.json").read_text(encoding="utf-8"))

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="the real files are not here (MLARRAY_REAL_FILES is unset)"
)


def path_of(name):
    path = Path(FOLDER or "") / name
    if not path.exists():
        pytest.skip(f"{name} was not fetched")
    return path


def images(format_name, path, *, whole=True):
    """Yield each image's reference, reader and whole voxels, or None for those."""
    format = installed().get(format_name)
    if missing(format):
        pytest.skip(f"{format_name} needs {', '.join(missing(format))}")
    options = format.options_type()
    for image in images_of(Source(path), format, options, Context()):
        with open_image(Source(path), format, image, options, Context()) as reader:
            box = tuple(slice(0, size) for size in reader.shape)
            yield image, reader, reader[box] if whole else None


def named(kind, folder=""):
    return [file["name"] for file in FILES if file["format"] == kind and folder in file["name"]]


def by_czifile(path, scene, box):
    """Put the tiles of one scene together as czifile reads them, one on top of the other."""
    czifile = pytest.importorskip("czifile")
    planes = {}
    with czifile.CziFile(path) as file:
        for entry in file.subblock_directory:
            told = {one.dimension: one for one in entry.dimension_entries}
            if any(told[axis].size != told[axis].stored_size for axis in "XY"):
                continue  # of a coarser level
            if scene is not None and "S" in told and told["S"].start != scene:
                continue
            place = tuple(told[axis].start if axis in told else 0 for axis in "HIVRBTCZ")
            voxels = entry.data_segment().data(resize=False).reshape(told["Y"].size, told["X"].size, -1)
            order = told["M"].start if "M" in told else 0
            planes.setdefault(place, []).append((order, told["X"].start, told["Y"].start, voxels))
    firsts = [min(place[axis] for place in planes) for axis in range(8)]
    sizes = [max(place[axis] for place in planes) - firsts[axis] + 1 for axis in range(8)]
    left, top, width, height = box
    samples = next(iter(planes.values()))[0][3].shape[-1]
    found = np.zeros([*sizes, height, width, samples], next(iter(planes.values()))[0][3].dtype)
    for place, tiles in planes.items():
        plane = found[tuple(np.subtract(place, firsts))]
        for _, x, y, voxels in sorted(tiles, key=lambda tile: tile[0]):
            plane[y - top : y - top + voxels.shape[0], x - left : x - left + voxels.shape[1]] = voxels
    return found


@pytest.mark.parametrize("name", named("czi"))
def test_czi(name):
    path = path_of(name)
    for _, reader, voxels in images("czi", path):
        try:
            theirs = by_czifile(path, reader.meta.source["scene"], reader.meta.source["box"])
        except KeyError as error:
            pytest.skip(f"czifile can't unpack it: compression {error}")
        np.testing.assert_array_equal(voxels, theirs.reshape(voxels.shape))


@pytest.mark.filterwarnings("ignore")  # readlif leaves files open
@pytest.mark.parametrize("name", named("lif"))
def test_lif(name):
    readlif = pytest.importorskip("readlif.reader")
    path = path_of(name)
    file = readlif.LifFile(path)
    for image, reader, voxels in images("lif", path):
        theirs = file.get_image(int(image.key))
        for channel in range(theirs.channels):
            fixed = {axis: 0 for axis in theirs.dims_n if axis not in theirs.display_dims}
            plane = np.asarray(
                theirs.get_plane(c=channel, requested_dims=fixed, display_dims=theirs.display_dims)
            )
            outer = [channel if label == "channel" else 0 for label in reader.labels[:-2]]
            np.testing.assert_array_equal(voxels[tuple(outer)], plane)
        # readlif gives pixels a micrometre
        for label, position in zip(("spatial_x", "spatial_y", "spatial_z"), range(3), strict=True):
            if label in reader.labels:
                space = [one for one in reader.labels if one.startswith("spatial")]
                size = reader.meta.spatial.spacing[space.index(label)]
                assert size == pytest.approx(1 / theirs.scale[position])


ND2 = {
    "cerevisiae": ((2, 256, 256), [0.10833333333333334] * 2),
    "multichannel": ((4, 256, 256), [0.323390342594048] * 2),
    "pbmc": ((4, 256, 256), [0.646780685188096] * 2),
    "timelapse": ((53, 64, 64), [0.325] * 2),
    "zstack": ((11, 128, 128), [6, 0.323390342594048, 0.323390342594048]),
}
"""Shape and micrometres, as NIS-Elements says of three of them (known-metadata.yml, beside them)."""


@pytest.mark.parametrize("name", named("nd2"))
def test_nd2(name):
    """Sizes of NIS-Elements where it is told; the time lapse was cut out of one of 120 frames."""
    shape, spacing = ND2[Path(name).stem.removeprefix("example-")]
    _, reader, _ = next(iter(images("nd2", path_of(name), whole=False)))
    assert (reader.shape, reader.dtype) == (shape, np.uint16)
    assert reader.meta.spatial.spacing == pytest.approx(spacing)
    units = dict(zip(reader.meta.spatial.axis_labels, reader.meta.spatial.axis_units, strict=True))
    assert [units.pop("spatial_y"), units.pop("spatial_x")] == ["um", "um"]
    outer = {"timelapse": {"temporal": "s"}, "zstack": {"spatial_z": "um"}}
    assert units == outer.get(Path(name).stem.removeprefix("example-"), {"channel": ""})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", named("nd2"))
def test_voxels_of_nd2(name):
    nd2reader = pytest.importorskip("nd2reader", reason="nd2reader isn't installed")
    _, reader, voxels = next(iter(images("nd2", path_of(name))))
    axis = {"channel": "c", "temporal": "t", "spatial_z": "z"}[reader.labels[0]]
    with nd2reader.ND2Reader(str(path_of(name))) as theirs:
        assert theirs.metadata["pixel_microns"] == pytest.approx(reader.meta.spatial.spacing[-1])
        for number, plane in enumerate(voxels):
            np.testing.assert_array_equal(plane, theirs.get_frame_2D(**{axis: number}))


@pytest.mark.parametrize(
    "name", [one for one in named("rosettasciio") if one.endswith(("dm3", "dm4", "ser"))]
)
def test_electrons(name):
    ncempy = pytest.importorskip("ncempy.io")
    path = path_of(name)
    theirs = ncempy.read(path)
    image, reader, voxels = next(iter(images("rosettasciio", path)))
    np.testing.assert_array_equal(
        voxels, np.asarray(theirs["data"]).reshape(voxels.shape), err_msg=image.title
    )
    spacing = reader.meta.spatial.spacing
    if spacing is not None and len(spacing) == voxels.ndim == len(theirs["pixelSize"]):
        units = {"nm": 1, "um": 1e3, "µm": 1e3, "m": 1e9, "pm": 1e-3, "1/nm": 1}
        for axis, size in enumerate(spacing):
            ours = size * units[reader.meta.spatial.axis_units[axis]]
            assert ours == pytest.approx(theirs["pixelSize"][axis] * units[theirs["pixelUnit"][axis]])


@pytest.mark.filterwarnings("ignore")  # ndstorage leaves files of pyramids open
@pytest.mark.parametrize("name", sorted({one.split("/")[1] for one in named("ndtiff")}))
def test_ndtiff(name):
    ndstorage = pytest.importorskip("ndstorage")
    path = path_of(f"ndtiff/{name}")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = ndstorage.Dataset(str(path))
    for image, reader, voxels in images("ndtiff", path):
        place = {"position": image.key} if "position" in theirs.axes else {}
        if "row" not in theirs.axes:
            expected = np.asarray(theirs.as_array(**place))
        else:
            expected = np.asarray(theirs.as_array(stitched=True, res_level=0))
            for level, coarse in zip(reader.levels, theirs.as_array(stitched=True)[1:], strict=False):
                whole = level[tuple(slice(0, size) for size in level.shape)]
                np.testing.assert_array_equal(whole, np.asarray(coarse).reshape(whole.shape))
        np.testing.assert_array_equal(voxels, expected.reshape(voxels.shape))


@pytest.mark.parametrize("name", named("tiff", "lsm/"))
def test_lsm(name):
    sitk = pytest.importorskip("SimpleITK")
    _, reader, voxels = next(iter(images("tiff", path_of(name))))
    np.testing.assert_array_equal(
        voxels, sitk.GetArrayFromImage(sitk.ReadImage(str(path_of(name)))).squeeze()
    )
    # what its own header says in another place: Recording, "SampleSpacing", in um
    assert reader.meta.spatial.spacing == pytest.approx([0.6918881841365326] * 2)
    assert reader.meta.spatial.axis_units == ["um", "um"]


def test_oib():
    """Three pixels that the README beside it tells; FluoView counts channels from 1, in the unit "Ch"."""
    _, reader, voxels = next(iter(images("oif", path_of("oif/test.oib"))))
    assert (voxels.shape, voxels.dtype) == ((3, 256, 256), np.uint16)
    assert voxels[:, 95, 216].tolist() == [820, 50, 436]
    spatial = reader.meta.spatial
    assert (spatial.axis_units, spatial.spacing) == (["", "um", "um"], pytest.approx([0.177, 0.177]))
