"""What a notebook shows: pictures that another library reads, facts, and no more than 100 kB."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mlarray import Meta, MLArray
from mlarray_core.array import exchange

LPS = {"spacing": [4.0, 1.0, 1.0], "coord_system": "LPS", "origin": [0, 0, 0]}
AXIAL = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
"""Directions of a (z, y, x) array whose z runs to the head."""


def shown(image):
    """Return the facts and the pictures of an image's HTML, by title."""
    html = image._repr_html_()
    assert len(html.encode()) < 100_000
    facts = dict(re.findall(r"<th[^>]*>(.*?)</th><td[^>]*>(.*?)</td>", html))
    found = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)">', html)
    return facts, {title: Image.open(io.BytesIO(base64.b64decode(data))) for title, data in found}


def test_three_slices_in_true_proportions():
    voxels = np.zeros((16, 64, 32), "i2")
    voxels[8] = np.arange(32)
    facts, pictures = shown(MLArray(voxels, meta=Meta(spatial={**LPS, "direction": AXIAL})))
    assert facts["shape"] == "(16, 64, 32)"
    assert facts["orientation"] == "LPS"
    assert facts["spacing"] == "[4.0, 1.0, 1.0]"
    sizes = {title: picture.size for title, picture in pictures.items()}  # width, height
    assert sizes == {
        "axial (middle of axis 0)": (64, 128),
        "coronal (middle of axis 1)": (64, 128),
        "sagittal (middle of axis 2)": (128, 128),
    }
    row = np.asarray(pictures["axial (middle of axis 0)"])[64]
    assert (np.diff(row.astype(int)) >= 0).all()
    assert (row[0], row[-1]) == (0, 255)


def test_noise_of_any_kind_stays_small():
    noise = np.random.default_rng(0)
    for voxels in (
        noise.normal(size=(200, 190, 180)).astype("f4"),
        noise.integers(0, 65536, (128, 128, 128), "u2"),
    ):
        assert len(shown(MLArray(voxels))[1]) == 3
    labels = MLArray(noise.integers(0, 255, (128, 128, 128), "u1"), meta=Meta(is_seg=True))
    assert len(shown(labels)[1]) == 3


def test_labels_have_the_colours_of_their_table():
    voxels = np.zeros((4, 8, 8), "u1")
    voxels[:, :4], voxels[:, 4:, :4] = 1, 7
    image = MLArray(voxels, meta=Meta(is_seg=True))
    image.meta.labels = [{"value": 1, "name": "liver", "color": "#dd8265"}]
    facts, pictures = shown(image)
    assert facts["labels"] == "1 liver"
    pixels = np.asarray(next(iter(pictures.values())).convert("RGB"))
    colors = {tuple(int(part) for part in color) for color in pixels.reshape(-1, 3)}
    assert (0xDD, 0x82, 0x65) in colors
    assert (0, 0, 0) in colors
    assert len(colors) == 3


def test_labels_that_are_no_small_numbers():
    voxels = np.array([[-5, 70_000], [2**40, 0]], "i8")
    assert len(shown(MLArray(voxels, meta=Meta(is_seg=True)))[1]) == 1


@pytest.mark.parametrize(
    ("voxels", "count"),
    [
        (np.zeros((0, 4, 4)), 0),
        (np.zeros(()), 0),
        (np.zeros(9), 1),
        (np.zeros((4, 5)), 1),
        (np.full((4, 5, 6), np.nan, "f4"), 3),
        (np.array([[[0.0, np.inf], [-np.inf, np.nan]]]), 3),
        (np.ones((3, 4, 5), "?"), 3),
        (np.ones((3, 4, 5), "c8"), 3),
        (np.zeros((2, 2), [("a", "i2")]), 0),
        (np.zeros((2, 2, 2, 2)), 0),
    ],
)
def test_images_of_every_kind(voxels, count):
    assert len(shown(MLArray(voxels))[1]) == count


def test_time_and_colours_show_their_first():
    labels = ["temporal", "spatial_z", "spatial_y", "spatial_x", "components"]
    voxels = np.zeros((2, 3, 4, 5, 3), "u1")
    voxels[0, ..., 0] = np.arange(5)
    _, pictures = shown(MLArray(voxels, meta=Meta(spatial={"axis_labels": labels})))
    assert len(pictures) == 3
    assert np.asarray(next(iter(pictures.values()))).max() == 255


def test_text_from_a_file_is_escaped():
    hostile = "<script>alert(1)</script>"
    image = MLArray(np.zeros((2, 2)), meta=Meta(spatial={"axis_labels": [hostile, "spatial"]}))
    image.meta.spatial.coord_system = hostile
    image.meta.labels = [{"value": 1, "name": hostile * 100}]
    html = image._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert len(html) < 10_000


def test_large_images_show_one_slice_or_a_level(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "MOST_BYTES", 2000)
    image = MLArray(np.zeros((40, 40, 40), "u1"))
    assert list(shown(image)[1]) == ["middle of axis 0"]
    monkeypatch.setattr(exchange, "MOST_BYTES", 1000)
    assert shown(image)[1] == {}
    monkeypatch.undo()
    MLArray(np.zeros((300, 40, 40), "u1"), spacing=(1, 1, 1)).save(tmp_path / "a.mla", levels=1)
    facts, pictures = shown(MLArray.open(tmp_path / "a.mla"))
    assert facts["levels"] == "(150, 20, 20)"
    assert facts["file"] == str(tmp_path / "a.mla")
    assert len(pictures) == 3


def test_nothing_is_read_from_a_url_and_no_secret_is_shown():
    image = MLArray(np.zeros((4, 4, 4)))
    image._state.path = "https://user:secret@host/a.mla"
    facts, pictures = shown(image)
    assert pictures == {}
    assert "secret" not in str(facts)


def test_without_voxels_or_closed(tmp_path):
    assert shown(MLArray(meta={"a": 1}))[0]["shape"] == "metadata only"
    image = MLArray(np.zeros((2, 2)))
    image.close()
    assert shown(image) == ({"image": "closed"}, {})


def test_damaged_voxels_are_named(tmp_path):
    path = tmp_path / "a.mla"
    MLArray(np.random.default_rng(0).integers(0, 255, (32, 32, 32), "u1"), patch_size=16).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    facts, pictures = shown(MLArray.open(path))
    assert pictures == {}
    assert "can't be shown" in str(facts).replace("&#x27;", "'")
