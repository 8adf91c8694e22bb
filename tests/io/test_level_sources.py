"""Levels that sources bring along: taken over as they are where they fit, made anew where they don't."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

import mlarray
from mlarray_core import Meta, MLArray
from mlarray_core.container.level_index import INDEX
from mlarray_core.errors import ArgumentError
from mlarray_core.levels import pyramid

tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")

COLOURS = np.random.default_rng(1).integers(0, 255, (301, 402, 3)).astype(np.uint8)
VOLUME = np.random.default_rng(2).integers(0, 900, (20, 41, 37)).astype(np.uint16)
AXES = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]


def take(source, target, **options):
    """Convert with the source's levels; return the image and what was warned of."""
    done = mlarray.convert(source, target, options={"levels": "source", **options}, overwrite=True)
    assert MLArray.open(target, verify="full").meta is not None
    return MLArray.open(target), list(done.warnings)


def method(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(INDEX))["method"]


def write_tiff(path, levels):
    with tifffile.TiffWriter(path, ome=True) as file:
        metadata = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
        options = {"photometric": "rgb", "tile": (64, 64)}
        file.write(levels[0], subifds=len(levels) - 1, metadata=metadata, **options)
        for level in levels[1:]:
            file.write(level, subfiletype=1, metadata=None, **options)


@pytest.mark.parametrize("rounding", [np.floor, np.ceil])
def test_levels_of_ome_tiff(tmp_path, rounding):
    shapes = [tuple(int(rounding(size / by)) for size in COLOURS.shape[:2]) for by in (2, 4)]
    coarse = [COLOURS[7 : 7 + rows, 9 : 9 + columns] for rows, columns in shapes]
    write_tiff(tmp_path / "a.ome.tif", [COLOURS, *coarse])
    image, warned = take(tmp_path / "a.ome.tif", tmp_path / "a.mla")
    assert warned == []
    assert method(tmp_path / "a.mla") == "source"
    np.testing.assert_array_equal(image.to_numpy(), COLOURS)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        theirs = [level.asarray() for level in file.series[0].levels[1:]]
    assert len(image.levels) == len(theirs) == 2
    for level, array, by in zip(image.levels, theirs, (2, 4), strict=True):
        np.testing.assert_array_equal(level.to_numpy(), array)
        assert level.spacing == [0.25 * by, 0.5 * by]


def test_levels_of_a_slide(tmp_path):
    path = tmp_path / "slide.svs"
    with tifffile.TiffWriter(path) as file:
        description = "Aperio Image Library v12.0.5\r\n402x301 [0,0 402x301] (64x64)|AppMag = 20|MPP = 0.499"
        tile = {"tile": (64, 64), "photometric": "rgb", "metadata": None}
        file.write(COLOURS, description=description, **tile)
        file.write(COLOURS[:50:2, :50:2], description="Aperio Image Library v12.0.5\r\nthumbnail", **tile)
        file.write(COLOURS[::4, ::4][:75, :100], description="Aperio Image Library v12.0.5\r\nlevel", **tile)
    image, warned = take(path, tmp_path / "slide.mla")
    assert [level.shape for level in image.levels] == [(75, 100, 3)]
    assert not [text for text in warned if "taken over" in text]
    np.testing.assert_array_equal(image.levels[0].to_numpy(), COLOURS[::4, ::4][:75, :100])
    np.testing.assert_allclose(image.levels[0].spacing, 4 * np.array(image.spacing))


def write_zarr(path, levels, scales, moves, **attributes):
    """Write what the specification describes, by Zarr's own library."""
    datasets = [
        {
            "path": str(number),
            "coordinateTransformations": [
                {"type": "scale", "scale": list(scale)},
                {"type": "translation", "translation": list(move)},
            ],
        }
        for number, (scale, move) in enumerate(zip(scales, moves, strict=True))
    ]
    ome = {"version": "0.5", "multiscales": [{"axes": AXES, "datasets": datasets}], **attributes}
    group = zarr.create_group(str(path), attributes={"ome": ome})
    for number, level in enumerate(levels):
        group.create_array(str(number), data=level, chunks=(16, 16, 16))


FINE, COARSE = (2.0, 0.5, 0.5), (2.0, 1.0, 1.0)


@pytest.mark.parametrize("centred", [True, False])
def test_levels_of_ome_zarr_lie_where_it_says(tmp_path, centred):
    shift = 0.25 if centred else 0.0
    moves = [(3.0, 1.0, -2.0), (3.0, 1.0 + shift, -2.0 + shift)]
    small = VOLUME[:, ::2, ::2] + np.uint16(1)
    write_zarr(tmp_path / "a.ome.zarr", [VOLUME, small], [FINE, COARSE], moves)
    image, warned = take(tmp_path / "a.ome.zarr", tmp_path / "a.mla")
    assert warned == []
    (level,) = image.levels
    np.testing.assert_array_equal(level.to_numpy(), small)
    between = np.linalg.inv(image.affine) @ level.affine
    np.testing.assert_allclose(np.diag(between), [1, 2, 2, 1])
    np.testing.assert_allclose(between[:3, 3], [0, 2 * shift, 2 * shift], atol=1e-12)
    if centred:
        np.testing.assert_allclose(level.affine, pyramid.affine_at(image.affine, (1, 2, 2)))


@pytest.mark.parametrize(
    ("small", "scale", "move", "why"),
    [
        (VOLUME[:, :20, :20], COARSE, (0, 0, 0), "37 divided by 2, 4, 8"),
        (VOLUME[:, ::2, ::2], (2.0, 1.03, 1.0), (0, 0, 0), "2.06"),
        (VOLUME[:, ::2, ::2], COARSE, (0, 0, 3.0), "beside"),
        (VOLUME[:, ::2, ::2], COARSE, (0, -0.3, 0), "beside"),
        (VOLUME[:, ::2, ::2].astype(np.float32), COARSE, (0, 0, 0), "float32"),
        (VOLUME, FINE, (0, 0, 0), "isn't coarser"),
    ],
)
def test_levels_that_do_not_fit_are_made_anew(tmp_path, small, scale, move, why):
    write_zarr(tmp_path / "a.ome.zarr", [VOLUME, small], [FINE, scale], [(0, 0, 0), move])
    big = np.pad(VOLUME, ((0, 0), (0, 40), (0, 40)))
    image, warned = take(tmp_path / "a.ome.zarr", tmp_path / "a.mla")
    assert len(warned) == 1
    assert "level 1 of the source isn't taken over" in warned[0]
    assert why in warned[0]
    assert image.levels == []  # so small an image gets none
    assert big.shape > image.shape


def test_those_that_fit_are_kept(tmp_path):
    levels = [VOLUME, VOLUME[:, :20, :20], VOLUME[:, ::4, ::4]]
    scales = [FINE, COARSE, (2.0, 2.0, 2.0)]
    write_zarr(tmp_path / "a.ome.zarr", levels, scales, [(0, 0, 0)] * 3)
    image, warned = take(tmp_path / "a.ome.zarr", tmp_path / "a.mla")
    assert [level.shape for level in image.levels] == [(20, 11, 10)]
    assert len(warned) == 1


LABELS = np.random.default_rng(4).choice([0, 3, 9], (20, 140, 137))


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "u8"])
def test_levels_of_labels_that_invent_none_are_kept(tmp_path, dtype):
    levels = [LABELS.astype(dtype), LABELS[:, ::2, ::2].astype(dtype)]
    write_zarr(tmp_path / "a.ome.zarr", levels, [FINE, COARSE], [(0, 0, 0)] * 2, **{"image-label": {}})
    image, warned = take(tmp_path / "a.ome.zarr", tmp_path / "a.mla")
    assert image.meta.is_seg.value is True
    assert warned == []
    np.testing.assert_array_equal(image.levels[0].to_numpy(), levels[1])


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "u8"])
def test_levels_of_labels_that_invent_some_are_made_anew(tmp_path, dtype):
    small = LABELS[:, ::2, ::2].astype(dtype)
    small[7, 50, 50] = 6
    levels = [LABELS.astype(dtype), small]
    write_zarr(tmp_path / "a.ome.zarr", levels, [FINE, COARSE], [(0, 0, 0)] * 2, **{"image-label": {}})
    image, warned = take(tmp_path / "a.ome.zarr", tmp_path / "a.mla")
    assert "labels that the image doesn't, such as 6" in warned[0]
    assert method(tmp_path / "a.mla") == "mode"
    assert [level.shape for level in image.levels] == [(20, 70, 69), (20, 35, 35)]
    for level in image.levels:
        assert set(np.unique(level.to_numpy())) <= {0, 3, 9}


def test_sources_without_levels_get_ours(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((70, 70, 70), np.uint8))
    image, warned = take(tmp_path / "a.npy", tmp_path / "a.mla")
    assert warned == []
    assert [level.shape for level in image.levels] == [(35, 35, 35)]
    assert method(tmp_path / "a.mla") == "mean"


def test_levels_of_our_own_files(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 99, (65, 70, 90)).astype(np.int16)
    meta = Meta()
    meta.spatial.coord_system = "LPS"
    MLArray(voxels, spacing=(1, 1, 1), origin=(1, 2, 3), meta=meta).save(tmp_path / "a.mla", levels="auto")
    before = MLArray.open(tmp_path / "a.mla").levels
    image, warned = take(tmp_path / "a.mla", tmp_path / "b.mla")
    assert warned == []
    for mine, theirs in zip(image.levels, before, strict=True):
        np.testing.assert_array_equal(mine.to_numpy(), theirs.to_numpy())
        np.testing.assert_allclose(mine.affine, theirs.affine)


@pytest.mark.parametrize(("size", "kept"), [(72, [0, 1]), (71, [1])])
def test_levels_of_turned_images_keep_their_place(tmp_path, size, kept):
    """Flipped, blocks begin at the other end; the first of 71 voxels' blocks of two would begin outside."""
    voxels = np.random.default_rng(0).integers(0, 99, (66, 68, size)).astype(np.int16)
    meta = Meta()
    meta.spatial.coord_system = "LPS"
    image = MLArray(voxels, spacing=(1, 2, 1), origin=(1, 2, 3), direction=np.eye(3)[:, ::-1], meta=meta)
    image.save(tmp_path / "a.mla", levels="auto")
    options = {"orient": "RPS", "options": {"levels": "source"}}
    done = mlarray.convert(tmp_path / "a.mla", tmp_path / "b.mla", **options)
    assert len(done.warnings) == 2 - len(kept)
    assert all("level 1 of the source" in text and "beside" in text for text in done.warnings)
    before, after = MLArray.open(tmp_path / "a.mla").levels, MLArray.open(tmp_path / "b.mla").levels
    for mine, number in zip(after, kept, strict=True):
        theirs = before[number]
        np.testing.assert_array_equal(mine.to_numpy(), theirs.to_numpy()[:, :, ::-1])
        last = theirs.shape[2] - 1
        np.testing.assert_allclose(mine.affine @ [3, 5, 0, 1], theirs.affine @ [3, 5, last, 1])
        np.testing.assert_allclose(mine.affine @ [3, 5, last, 1], theirs.affine @ [3, 5, 0, 1])


def test_imaris_and_the_command_line(tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    from mlarray_io.commands.main import main

    shape = (16, 40, 48)
    voxels = np.random.default_rng(0).integers(0, 99, shape).astype(np.uint16)
    with h5py.File(tmp_path / "a.ims", "w") as file:
        file.attrs["ImarisDataSet"] = np.array([b"ImarisDataSet"])
        info = file.create_group("DataSetInfo/Image").attrs
        for number, size in enumerate(reversed(shape)):
            info[f"ExtMin{number}"] = np.array(list(b"0.0"), np.uint8).view("S1")
            info[f"ExtMax{number}"] = np.array(list(str(float(size)).encode()), np.uint8).view("S1")
        for number in range(2):
            small = voxels[:: 2**number, :: 2**number, :: 2**number]
            channel = file.create_group(f"DataSet/ResolutionLevel {number}/TimePoint 0/Channel 0")
            for name, size in zip("ZYX", small.shape, strict=True):
                channel.attrs[f"ImageSize{name}"] = np.array(list(str(size).encode()), np.uint8).view("S1")
            channel.create_dataset("Data", data=small, chunks=(8, 8, 8))
    assert (
        main(["convert", str(tmp_path / "a.ims"), str(tmp_path / "a.mla"), "--levels", "source", "-q"]) == 0
    )
    capsys.readouterr()
    (level,) = MLArray.open(tmp_path / "a.mla").levels
    np.testing.assert_array_equal(level.to_numpy()[0, 0], voxels[::2, ::2, ::2])
    assert main(["levels", str(tmp_path / "a.mla")]) == 0
    assert "1: 1 x 1 x 8 x 20 x 24" in (text := capsys.readouterr().out)
    assert "source" in text


def test_nonsense_is_refused_before_anything_is_converted(tmp_path, monkeypatch):
    from mlarray_core.container.frame_writer import FrameWriter

    np.save(tmp_path / "a.npy", np.zeros((70, 70, 70), np.uint8))
    monkeypatch.setattr(FrameWriter, "put_all", None)
    for nonsense in ("many", -1):
        with pytest.raises(ArgumentError, match="levels"):
            mlarray.convert(tmp_path / "a.npy", tmp_path / "a.mla", options={"levels": nonsense})
    assert not (tmp_path / "a.mla").exists()
