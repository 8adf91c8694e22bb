"""`show`: labels over an image, chosen planes, the patient's sides, the format that the suffix says."""

import numpy as np
import pytest

import mlarray
from mlarray_core import errors
from mlarray_io.commands.main import main
from mlarray_io.pictures import planes as picture

Image = pytest.importorskip("PIL.Image")

AFFINE = [[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1.0]]
"""Columns z, y, x of an array whose axes lead to S, P and L, in the world LPS."""


@pytest.fixture
def scan(tmp_path):
    """A dark block with one bright voxel near the right, the front and the head of the patient."""
    voxels = np.full((20, 30, 40), 50, "i2")
    voxels[16, 6, 5] = 1000
    voxels[0, 0, 0] = 0
    image = mlarray.MLArray(voxels, affine=AFFINE)
    image.meta.spatial.coord_system = "LPS"
    image.meta.is_seg = False
    image.save(tmp_path / "scan.mla")
    mask = (voxels == 1000).astype("u1") * 3
    label = mlarray.MLArray(mask, affine=AFFINE)
    label.meta.spatial.coord_system = "LPS"
    label.save(tmp_path / "label.mla")
    return tmp_path


def test_a_chosen_voxel_is_in_all_three_planes(scan):
    """Rows and columns say where the bright voxel is: the head is up, the right is left, the front is up."""
    shown = picture.planes_of(str(scan / "scan.mla"), look=picture.Look((16, 6, 5)))
    places = [np.argwhere(one.pixels[..., 0] == 255).tolist() for one in shown]
    assert places == [[[6, 5]], [[19 - 16, 5]], [[19 - 16, 6]]]
    assert [one.sides for one in shown] == ["RLAP", "RLSI", "APSI"]
    middle = picture.planes_of(str(scan / "scan.mla"))
    assert not any((one.pixels == 255).all() for one in middle)


def test_a_voxel_is_counted_in_the_order_of_the_array(scan):
    """An array whose x leads to the right (RAS's -x is L) shows the same voxel at its other end."""
    image = mlarray.MLArray(scan / "scan.mla")
    voxels = np.asarray(image)[:, :, ::-1]
    affine = np.array(AFFINE)
    affine[0, 2] *= -1
    other = mlarray.MLArray(np.ascontiguousarray(voxels), meta=mlarray.Meta(is_seg=False))
    other.meta.spatial.affine = affine.tolist()
    other.meta.spatial.coord_system = "LPS"
    found = np.argwhere(voxels == 1000)[0]
    shown = picture.planes(other, look=picture.Look(tuple(int(one) for one in found)))
    assert np.argwhere(shown[0].pixels[..., 0] == 255).tolist() == [[6, 5]]


def test_labels_lie_over_the_image(scan):
    look = picture.Look((16, 6, 5), full=True)
    under = picture.planes_of(str(scan / "scan.mla"), look=look)
    over = picture.planes_of(str(scan / "label.mla"), look=look, labels=True)
    mixed = picture.overlaid(under, over)
    changed = [
        np.argwhere((one.pixels != two.pixels).any(axis=2)).tolist()
        for one, two in zip(mixed, under, strict=True)
    ]
    assert changed == [[[6, 5]], [[3, 5]], [[3, 6]]]
    with pytest.raises(errors.ArgumentError, match="not the same shape"):
        picture.overlaid(under, under[:2])


def test_wrong_places_are_refused(scan, capsys):
    for flags in (["--at", "99,0,0"], ["--at", "1,2"], ["--entry", "x"]):
        assert main(["show", str(scan / "scan.mla"), *flags]) in (1, 2)
        assert "expected" in capsys.readouterr().err


def test_an_entry_of_time_is_chosen(tmp_path):
    voxels = np.zeros((3, 4, 5, 6), "u1")
    voxels[2] = np.arange(120).reshape(4, 5, 6)
    labels = ["temporal", "spatial_z", "spatial_y", "spatial_x"]
    mlarray.MLArray(voxels, axis_labels=labels).save(tmp_path / "a.mla")
    first, last = (
        picture.planes_of(str(tmp_path / "a.mla"), look=picture.Look(entry=(n,)))[0] for n in (0, 2)
    )
    assert first.pixels.max() == 0
    assert last.pixels.max() > 100


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG"), (".tif", "TIFF")])
def test_the_suffix_says_the_format(suffix, kind, scan, capsys):
    target = scan / f"brain{suffix}"
    flags = ["--overlay", str(scan / "label.mla"), "--at", "16,6,5", "-o", str(target)]
    assert main(["show", str(scan / "scan.mla"), *flags]) == 0, capsys.readouterr().err
    with Image.open(target) as opened:
        assert opened.format == kind
        yellow = np.asarray(opened.convert("RGB")).astype(int)
    assert (
        (yellow[..., 0] > 180) & (yellow[..., 1] > 180) & (yellow[..., 2] < 90)
    ).sum() > 40  # letters, bar
    assert main(["show", str(scan / "scan.mla"), "-o", str(scan / "brain.gif")]) == 2
    assert "End it in .png" in capsys.readouterr().err


def test_a_terminal_gets_the_sides_too(scan, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "40")
    assert main(["show", str(scan / "scan.mla")]) == 0
    out = capsys.readouterr().out
    assert "axial: R left, A up" in " ".join(out.split())
    assert 30 <= len(out.splitlines()) < 40


def test_a_pipe_gets_facts(scan, capsys):
    assert main(["show", str(scan / "scan.mla")]) == 0
    out = capsys.readouterr().out
    assert "20 x 30 x 40" in out
    assert "axial: 30 x 40; R left, A up" in out
    assert "-o PICTURE.png" in out
    assert "\u2580" not in out


def test_labels_have_the_colours_of_their_table(scan, capsys, monkeypatch):
    """And are explained, by name, in a terminal and in a pipe."""
    image = mlarray.MLArray(scan / "label.mla")
    image.meta.labels = [{"value": 3, "name": "tumour \x1b[31m", "color": "#102030"}]
    image.save(scan / "named.mla")
    at = ["--at", "16,6,5"]
    planes = picture.planes_of(str(scan / "named.mla"), look=picture.Look((16, 6, 5)))
    assert {tuple(pixel) for one in planes for pixel in one.pixels.reshape(-1, 3)} == {
        (0, 0, 0),
        (16, 32, 48),
    }
    assert main(["show", str(scan / "named.mla"), *at]) == 0
    out, err = capsys.readouterr()
    assert "; 3 tumour \\x1b[31m" in out
    assert "its planes hold 2 different integers and are taken for labels" in err
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    over = [str(scan / "scan.mla"), "--overlay", str(scan / "named.mla")]
    assert main(["show", *over, *at]) == 0
    assert "3 tumour" in capsys.readouterr().out
    assert main(["show", str(scan / "named.mla"), "--no-labels", *at]) == 0
    assert "tumour" not in capsys.readouterr().out
