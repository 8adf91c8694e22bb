"""What `image.show()` sends to a notebook: NIfTI that nibabel reads at the same place, small, in colour."""

import io

import nibabel
import numpy as np
import pytest

from mlarray import Meta, MLArray
from mlarray_core import Label
from mlarray_core.array.levels import within_bytes
from mlarray_core.errors import MissingDependencyError
from mlarray_core.exchange import niivue_widget
from mlarray_core.exchange.niivue_widget import Layer, nifti_bytes
from tests.consumers import volumes


def sent(image, most=niivue_widget.MOST_BYTES, *, over=False):
    """Return what nibabel reads of the bytes that are sent."""
    data = nifti_bytes(Layer(*within_bytes(image, most), over=over))
    return nibabel.Nifti1Image.from_stream(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["oblique", "labels", "sheared", "series"])
def test_bytes_are_the_image_that_nibabel_reads(kind, tmp_path):
    pair = volumes.pair(kind, tmp_path)
    found, expected = sent(MLArray.open(pair.mla)), nibabel.load(pair.nifti)
    np.testing.assert_array_equal(found.dataobj, expected.dataobj)
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-4)


def test_colours_are_niftis_own(tmp_path):
    pair = volumes.pair("colours", tmp_path)
    found, expected = sent(MLArray.open(pair.mla)), nibabel.load(pair.nifti)
    assert found.get_data_dtype() == expected.get_data_dtype()
    np.testing.assert_array_equal(np.asarray(found.dataobj), np.asarray(expected.dataobj))


@pytest.mark.parametrize("levels", ["none", 2])
def test_a_large_image_is_sent_in_part_where_that_part_lies(levels, tmp_path):
    voxels = np.random.default_rng(0).integers(0, 9999, (60, 70, 80)).astype("i2")
    place = {"spacing": [3, 0.8, 0.8], "origin": [1, 2, 3], "coord_system": "LPS",
             "direction": [[0, 0, 1], [0, 1, 0], [1, 0, 0]]}  # fmt: skip
    MLArray(voxels, meta=Meta(spatial=place)).save(tmp_path / "image.mla", levels=levels)
    image = MLArray.open(tmp_path / "image.mla")
    found = sent(image, 100_000)
    assert np.asarray(found.dataobj).nbytes <= 100_000
    if levels == "none":
        np.testing.assert_array_equal(np.asarray(found.dataobj).T, voxels[::2, ::2, ::2])
        expected = np.diag((-1.6, -1.6, 6, 1))
        expected[:3, 3] = (-1, -2, 3)
        np.testing.assert_allclose(found.affine, expected, atol=1e-6)
    else:
        np.testing.assert_array_equal(np.asarray(found.dataobj).T, image.levels[1])
        expected = image.levels[1].to_nibabel().affine
        np.testing.assert_allclose(found.affine, expected, atol=1e-6)


def test_parts_are_read_slab_by_slab(monkeypatch):
    monkeypatch.setattr("mlarray_core.array.levels.SLAB", 20_000)
    voxels = np.random.default_rng(0).integers(0, 9999, (61, 70, 83)).astype("i2")
    read, keys = MLArray.read, []
    monkeypatch.setattr(MLArray, "read", lambda image, key=...: keys.append(key) or read(image, key))
    image = MLArray(voxels, chunk_size=(8, 70, 83), block_size=(8, 70, 83), patch_size=None)
    found, meta = within_bytes(image, 100_000)
    np.testing.assert_array_equal(found, voxels[::2, ::2, ::2])
    assert len(keys) == 8
    assert meta.spatial.shape is None


def test_types_that_the_browser_can_not_draw():
    assert sent(MLArray(np.full((3, 4, 5), 3 + 4j))).get_fdata().max() == 5
    assert sent(MLArray(np.full((3, 4, 5), 7, np.int64))).get_data_dtype() == np.int32
    assert sent(MLArray(np.full((3, 4, 5), 2**40, np.int64))).get_fdata().max() == 2**40


def test_without_ipyniivue_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ipyniivue", None)
    with pytest.raises(MissingDependencyError, match=r"mlarray\[notebook\]"):
        MLArray(np.zeros((3, 4, 5))).show()


@pytest.mark.filterwarnings("ignore")
def test_the_viewer_has_both_images_with_window_and_colours(tmp_path):
    pytest.importorskip("ipyniivue", reason="ipyniivue isn't installed: pip install 'mlarray[notebook]'")
    image = MLArray.open(volumes.pair("oblique", tmp_path).mla)
    labels = MLArray.load(volumes.pair("labels", tmp_path).mla)
    labels.meta.labels = [Label(1, "liver", "#dd8265"), Label(3, "spleen")]
    viewer = image.show(labels, height=500)
    ct, mask = viewer.volumes
    assert (viewer.height, ct.opacity, mask.opacity) == (500, 1, 0.5)
    np.testing.assert_allclose((ct.cal_min, ct.cal_max), np.percentile(image, (1, 99)))
    lut = np.reshape(mask.colormap_label.lut, (-1, 4))
    assert lut[0, 3] == 0
    assert lut[1].tolist() == [0xDD, 0x82, 0x65, 255]
    assert mask.colormap_label.labels[:4] == ["0", "liver", "2", "spleen"]
    assert viewer.opts.is_orientation_text_visible
    assert not MLArray(np.zeros((3, 4, 5))).show().opts.is_orientation_text_visible
